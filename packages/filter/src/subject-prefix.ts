import { latin1Octets, latin1Text, utf8Octets } from '@restante/mail'

/** Octets of a body replaced in one copy; the store's `Splice`. */
export interface SubjectSplice {
  readonly offset: number
  readonly length: number
  readonly replacement: Uint8Array
}

/**
 * Where to put a prefix before the subject: right after `Subject:` and one space. Null where the message has no
 * Subject, or already starts with the prefix.
 * @param header the start of the body in stored form, at least up to the Subject field
 * @param prefix any text; where it is not ASCII it goes in as an encoded word (RFC 2047). Controls become spaces.
 */
export function prefixSubject(header: Uint8Array, prefix: string): SubjectSplice | null {
  const text = latin1Text(header)
  const end = text.search(/\r\n\r\n/)
  const found = /(?:^|\r\n)Subject:( ?)/i.exec(end < 0 ? text : text.slice(0, end + 2))
  if (!found) return null
  const offset = found.index + found[0].length
  const safe = prefix.replace(/[\u0000-\u001f\u007f]+/g, ' ')
  // The space between two encoded words is not shown: before one it goes inside.
  const forms = /^[ -~]*$/.test(safe) ? [safe] : [encodeWords(safe.trimEnd()), encodeWords(safe)]
  if (forms.some((form) => form === '' || text.startsWith(form, offset))) return null
  const words = forms[text.startsWith('=?', offset) ? forms.length - 1 : 0] as string
  const space = found[1] === '' ? ' ' : ''
  return { offset, length: 0, replacement: latin1Octets(space + words) }
}

/** Octets of text in one encoded word, which has at most 75 characters (RFC 2047 §2). */
const ENCODED_WORD_OCTETS = 45

/** Text as encoded words, with a space after them. */
function encodeWords(text: string): string {
  const words: string[] = []
  let octets: number[] = []
  const flush = (): void => {
    if (octets.length > 0) words.push(`=?UTF-8?B?${Buffer.from(octets).toString('base64')}?=`)
    octets = []
  }
  for (const character of text) {
    const next = utf8Octets(character)
    if (octets.length + next.length > ENCODED_WORD_OCTETS) flush()
    octets.push(...next)
  }
  flush()
  return `${words.join(' ')} `
}
