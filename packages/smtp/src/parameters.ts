import { fillReply, REPLIES, type Reply } from '@restante/mail'
import { decodeXtext, type Parameters, type Parsed } from './grammar.ts'
import { PROTOCOL_REPLIES } from './protocol-replies.ts'

/** What MAIL said beside the address. */
export interface MailParameters {
  /** RFC 1870; null where it was not said. */
  readonly sizeOctets: number | null
  /** RFC 6152; 7BIT where nothing was said. */
  readonly body: '7BIT' | '8BITMIME'
  /** RFC 6531. */
  readonly smtputf8: boolean
  /** RFC 8689: pass it on only inside verified TLS, or not at all. */
  readonly requireTls: boolean
  /** RFC 3461 §4.3: what a failure report should return. */
  readonly ret: 'FULL' | 'HDRS' | null
  /** RFC 3461 §4.4, decoded: the sender's name for this transaction. */
  readonly envid: string | null
  /** RFC 4954 §5, decoded: who submitted it first, `<>` where unknown. Hearsay unless the peer is trusted. */
  readonly auth: string | null
}

/** When a sender wants to be told (RFC 3461 §4.1). */
export type Notify = 'NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY'

/** What RCPT said beside the address (RFC 3461 §4.1, §4.2). */
export interface RcptParameters {
  /** When to report, null where nothing was said. */
  readonly notify: readonly Notify[] | null
  /** The recipient as the sender first wrote it: `rfc822` and the decoded address. */
  readonly orcpt: { readonly type: string; readonly address: string } | null
}

/** Which extensions the listener has offered, as far as they bring parameters. */
export interface Offered {
  readonly maxSizeOctets: number
  readonly dsn: boolean
  readonly auth: boolean
  readonly requireTls: boolean
}

const NO_RCPT_PARAMETERS: RcptParameters = { notify: null, orcpt: null }
const NO_MAIL_PARAMETERS: MailParameters = {
  sizeOctets: null,
  body: '7BIT',
  smtputf8: false,
  requireTls: false,
  ret: null,
  envid: null,
  auth: null,
}
const ENVID_CHARACTERS = 100
const ORCPT_CHARACTERS = 500

/** Reads the parameters of MAIL; unknown ones get 555, ill-valued ones 501, too large a SIZE 552. */
export function readMailParameters(parameters: Parameters, offered: Offered): Parsed<MailParameters> {
  if (parameters.size === 0) return { ok: NO_MAIL_PARAMETERS }
  const read: { -readonly [key in keyof MailParameters]: MailParameters[key] } = { ...NO_MAIL_PARAMETERS }
  for (const [name, value] of parameters) {
    switch (name) {
      case 'SIZE': {
        if (value === null || !/^\d{1,20}$/.test(value)) return badValue(name)
        read.sizeOctets = Number(value)
        if (read.sizeOctets > offered.maxSizeOctets) return { refuse: tooLarge(offered.maxSizeOctets) }
        break
      }
      case 'BODY': {
        const body = value?.toUpperCase()
        if (body === 'BINARYMIME') return { refuse: PROTOCOL_REPLIES['body-unsupported'] }
        if (body !== '7BIT' && body !== '8BITMIME') return badValue(name)
        read.body = body
        break
      }
      case 'SMTPUTF8':
        if (value !== null) return badValue(name)
        read.smtputf8 = true
        break
      case 'REQUIRETLS':
        if (!offered.requireTls) return unknown(name)
        if (value !== null) return badValue(name)
        read.requireTls = true
        break
      case 'RET': {
        if (!offered.dsn) return unknown(name)
        const ret = value?.toUpperCase()
        if (ret !== 'FULL' && ret !== 'HDRS') return badValue(name)
        read.ret = ret
        break
      }
      case 'ENVID': {
        if (!offered.dsn) return unknown(name)
        const envid = value === null ? null : readXtext(value, ENVID_CHARACTERS)
        if (envid === null) return badValue(name)
        read.envid = envid
        break
      }
      case 'AUTH': {
        if (!offered.auth) return unknown(name)
        const auth = value === null ? null : readXtext(value, ORCPT_CHARACTERS)
        if (auth === null) return badValue(name)
        read.auth = auth
        break
      }
      default:
        return unknown(name)
    }
  }
  return { ok: read }
}

/** Reads the parameters of RCPT; unknown ones get 555, ill-valued ones 501. */
export function readRcptParameters(parameters: Parameters, offered: Offered): Parsed<RcptParameters> {
  if (parameters.size === 0) return { ok: NO_RCPT_PARAMETERS }
  let { notify, orcpt } = NO_RCPT_PARAMETERS
  for (const [name, value] of parameters) {
    if (!offered.dsn || (name !== 'NOTIFY' && name !== 'ORCPT')) return unknown(name)
    if (value === null) return badValue(name)
    if (name === 'NOTIFY') {
      notify = readNotify(value)
      if (notify === null) return badValue(name)
      continue
    }
    const parts = /^([A-Za-z0-9][A-Za-z0-9-]*);(.+)$/u.exec(value)
    if (parts === null || value.length > ORCPT_CHARACTERS) return badValue(name)
    const type = (parts[1] as string).toLowerCase()
    // RFC 6533 §3: utf-8 addresses are not xtext but may come as they are.
    const address = type === 'utf-8' ? (parts[2] as string) : readXtext(parts[2] as string, ORCPT_CHARACTERS)
    if (address === null) return badValue(name)
    orcpt = { type, address }
  }
  return { ok: { notify, orcpt } }
}

/** The reply to a message over the limit. */
export function tooLarge(limitOctets: number): Reply {
  return fillReply(REPLIES['too-large'], { limit: limitOctets })
}

function readNotify(value: string): readonly Notify[] | null {
  const words = new Set(value.toUpperCase().split(','))
  const known = [...words].filter((word) => word === 'SUCCESS' || word === 'FAILURE' || word === 'DELAY')
  if (known.length === words.size) return known
  return words.size === 1 && words.has('NEVER') ? ['NEVER'] : null
}

/** Decoded xtext of printable characters, or null. */
function readXtext(value: string, limit: number): string | null {
  if (value.length > limit) return null
  const decoded = decodeXtext(value)
  return decoded === null || !/^[ -~]+$/.test(decoded) ? null : decoded
}

function badValue(parameter: string): { readonly refuse: Reply } {
  return { refuse: fillReply(PROTOCOL_REPLIES['parameter-value'], { parameter }) }
}

function unknown(parameter: string): { readonly refuse: Reply } {
  return { refuse: fillReply(PROTOCOL_REPLIES['parameter-unknown'], { parameter }) }
}
