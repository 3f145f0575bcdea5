import { latin1Text } from '@restante/mail'

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
 * @param prefix printable ASCII
 */
export function prefixSubject(header: Uint8Array, prefix: string): SubjectSplice | null {
  const text = latin1Text(header)
  const end = text.search(/\r\n\r\n/)
  const found = /(?:^|\r\n)Subject:( ?)/i.exec(end < 0 ? text : text.slice(0, end + 2))
  if (!found) return null
  const offset = found.index + found[0].length
  if (text.startsWith(prefix, offset)) return null
  const space = found[1] === '' ? ' ' : ''
  return {
    offset,
    length: 0,
    replacement: Uint8Array.from(space + prefix, (character) => character.charCodeAt(0)),
  }
}
