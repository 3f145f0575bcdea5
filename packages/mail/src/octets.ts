/** A count of octets as they are on the wire, CRLF line ends included; never a string length. */
export type Octets = number

/** The octets of line ends and of stuffing (RFC 5321 §2.3.8, §4.5.2). */
export const CR = 13
export const LF = 10
export const DOT = 46
/** The line end on the wire; not to be written to. */
export const CRLF: Uint8Array = Uint8Array.of(CR, LF)

/** Octets of an ASCII (or Latin-1) string: one octet per character, its low eight bits. */
export function latin1Octets(text: string): Uint8Array {
  const octets = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) octets[i] = text.charCodeAt(i)
  return octets
}

/** One character per octet, U+0000 to U+00FF. The inverse of {@link latin1Octets}. */
export function latin1Text(octets: Uint8Array, start = 0, end: number = octets.length): string {
  let text = ''
  for (let from = start; from < end; from += 8192) {
    text += String.fromCharCode(...octets.subarray(from, Math.min(end, from + 8192)))
  }
  return text
}

/** UTF-8 octets of a string; an unpaired surrogate becomes U+FFFD. */
export function utf8Octets(text: string): Uint8Array {
  const octets: number[] = []
  for (const character of text) {
    let point = character.codePointAt(0) as number
    if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd
    if (point < 0x80) octets.push(point)
    else if (point < 0x800) octets.push(0xc0 | (point >> 6), 0x80 | (point & 63))
    else if (point < 0x10000)
      octets.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63))
    else
      octets.push(
        0xf0 | (point >> 18),
        0x80 | ((point >> 12) & 63),
        0x80 | ((point >> 6) & 63),
        0x80 | (point & 63),
      )
  }
  return Uint8Array.from(octets)
}

/**
 * The string that UTF-8 octets spell, or null where they are not well-formed (RFC 3629: no overlong forms,
 * no surrogates, nothing above U+10FFFF). For commands and addresses, not for bulk text.
 */
export function utf8Text(octets: Uint8Array): string | null {
  let text = ''
  for (let i = 0; i < octets.length; ) {
    const first = octets[i++] as number
    if (first < 0x80) {
      text += String.fromCharCode(first)
      continue
    }
    const more =
      first >= 0xc2 && first < 0xe0 ? 1 : (first & 0xf0) === 0xe0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : 0
    if (more === 0 || i + more > octets.length) return null
    let point = first & (0x3f >> more)
    for (let k = 0; k < more; k++) {
      const next = octets[i++] as number
      if ((next & 0xc0) !== 0x80) return null
      point = (point << 6) | (next & 63)
    }
    if (more === 2 && (point < 0x800 || (point >= 0xd800 && point <= 0xdfff))) return null
    if (more === 3 && (point < 0x10000 || point > 0x10ffff)) return null
    text += String.fromCodePoint(point)
  }
  return text
}

/** All chunks in one new array. */
export function concatOctets(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array
  let length = 0
  for (const chunk of chunks) length += chunk.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/** Whether two arrays hold the same octets. Not constant-time: never for secrets. */
export function equalOctets(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
