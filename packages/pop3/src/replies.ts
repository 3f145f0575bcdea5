import { latin1Octets, type Octets, utf8Octets } from '@restante/mail'
import type { Failure } from './step.ts'
import { type Language, type TextId, textFor } from './texts.ts'

/** Response codes (RFC 2449 §8, RFC 3206, RFC 6856) by failure. */
const CODES: { readonly [failure in Failure]: string } = {
  auth: '[AUTH] ',
  'sys-temp': '[SYS/TEMP] ',
  'sys-perm': '[SYS/PERM] ',
  'in-use': '[IN-USE] ',
  'login-delay': '[LOGIN-DELAY] ',
}

const FAILURE_TEXTS: { readonly [failure in Failure]: TextId } = {
  auth: 'auth-failed',
  'sys-temp': 'sys-temp',
  'sys-perm': 'sys-perm',
  'in-use': 'in-use',
  'login-delay': 'login-delay',
}

const FIXED: { readonly [language in Language]: Map<string, Uint8Array> } = {
  en: new Map(),
  ru: new Map(),
  fr: new Map(),
  de: new Map(),
}

/** Places a text may have. */
export interface Places {
  readonly n?: number
  readonly octets?: Octets
}

/** `+OK text`, CRLF included. Shared where there are no places: not to be changed. */
export function okReply(id: TextId, language: Language, places?: Places): Uint8Array {
  return reply('+OK ', id, language, places)
}

/** `-ERR text`, CRLF included. Shared as in {@link okReply}. */
export function errReply(id: TextId, language: Language, places?: Places): Uint8Array {
  return reply('-ERR ', id, language, places)
}

/** `-ERR [CODE] text`, with the failure's own text unless another one says it better. */
export function failureReply(failure: Failure, language: Language, id?: TextId, places?: Places): Uint8Array {
  return reply(`-ERR ${CODES[failure]}`, id ?? FAILURE_TEXTS[failure], language, places)
}

/** `+OK count octets` for STAT: numbers first, nothing after (RFC 1939 §5). */
export function statReply(count: number, octets: Octets): Uint8Array {
  return latin1Octets(`+OK ${count} ${octets}\r\n`)
}

/** A status line from its parts, `text` outside ASCII as UTF-8. */
export function statusLine(text: string): Uint8Array {
  return isAscii(text) ? latin1Octets(`${text}\r\n`) : utf8Octets(`${text}\r\n`)
}

function reply(lead: string, id: TextId, language: Language, places: Places | undefined): Uint8Array {
  if (places !== undefined) {
    const text = textFor(id, language)
      .replace('{n}', String(places.n))
      .replace('{octets}', String(places.octets))
    return statusLine(lead + text)
  }
  const fixed = FIXED[language]
  const key = lead + id
  let octets = fixed.get(key)
  if (octets === undefined) {
    octets = statusLine(lead + textFor(id, language))
    fixed.set(key, octets)
  }
  return octets
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 126) return false
  return true
}
