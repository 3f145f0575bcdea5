/** Octets as text in a charset; one character per octet where the charset is unknown. */
export function decodeCharset(octets: Uint8Array, charset: string): string {
  try {
    return new TextDecoder(charset).decode(octets)
  } catch {
    return Buffer.from(octets).toString('latin1')
  }
}

const WORD = /=\?([^\s?*]+)(?:\*[^\s?]*)?\?([BbQq])\?([^\s?]*)\?=/g

/**
 * Undoes encoded words (RFC 2047). Space between two of them goes; octets of neighbours in one charset are decoded
 * together, because many mailers cut in the middle of a character.
 */
export function decodeWords(text: string): string {
  const whole = text.replace(/(=\?[^\s?]+\?[BbQq]\?[^\s?]*\?=)\s+(?==\?[^\s?]+\?[BbQq]\?[^\s?]*\?=)/g, '$1')
  let decoded = ''
  let at = 0
  let held: { charset: string; octets: Buffer[] } | null = null
  const release = () => {
    if (held !== null) decoded += decodeCharset(Buffer.concat(held.octets), held.charset)
    held = null
  }
  for (const match of whole.matchAll(WORD)) {
    const [word, charset, encoding, content] = match as unknown as [string, string, string, string]
    if (match.index > at) {
      release()
      decoded += whole.slice(at, match.index)
    }
    at = match.index + word.length
    const octets =
      encoding.toUpperCase() === 'B'
        ? Buffer.from(content, 'base64')
        : decodeQuotedPrintable(content.replaceAll('_', ' '))
    if (held !== null && (held as { charset: string }).charset !== charset.toLowerCase()) release()
    held ??= { charset: charset.toLowerCase(), octets: [] }
    ;(held as { octets: Buffer[] }).octets.push(octets)
  }
  release()
  return decoded + whole.slice(at)
}

/** Undoes quoted-printable (RFC 2045 §6.7); `text` has one character per octet. What is malformed stays. */
export function decodeQuotedPrintable(text: string): Buffer {
  const joined = text.replace(/[ \t]+(?=\r?\n)/g, '').replace(/=\r?\n/g, '')
  const plain = joined.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(plain, 'latin1')
}

/** A field with parameters, such as Content-Type: its value in lower case, parameters by lower-case name. */
export interface ParameterField {
  readonly value: string
  readonly parameters: ReadonlyMap<string, string>
}

const PARAMETER = /;\s*([^\s=;*]+)(\*\d+)?(\*)?\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g

/** Reads a field with parameters, continuations and charsets included (RFC 2045 §5.1, RFC 2231). */
export function readParameters(text: string): ParameterField {
  const value = (/^[^;]*/.exec(text)?.[0] ?? '').trim().toLowerCase()
  const pieces = new Map<string, Map<number, { readonly extended: boolean; readonly text: string }>>()
  for (const match of text.slice(value.length).matchAll(PARAMETER)) {
    const [, name = '', part, extended, quoted, bare] = match
    const piece = quoted === undefined ? (bare ?? '').trim() : quoted.replace(/\\(.)/g, '$1')
    const list = pieces.get(name.toLowerCase()) ?? new Map()
    const place = part === undefined ? 0 : Number(part.slice(1))
    if (!list.has(place)) list.set(place, { extended: extended !== undefined, text: piece })
    pieces.set(name.toLowerCase(), list)
  }
  const parameters = new Map<string, string>()
  for (const [name, list] of pieces) {
    const present = [...list].sort(([a], [b]) => a - b).map(([, piece]) => piece)
    const charset = present[0]?.extended === true ? /^([^']*)'[^']*'/.exec(present[0].text) : null
    if (charset === null) {
      parameters.set(name, decodeWords(present.map((piece) => piece.text).join('')))
      continue
    }
    const octets = present.map(({ extended, text: piece }, i) => {
      const own = i === 0 ? piece.slice(charset[0].length) : piece
      return extended ? decodeQuotedPrintable(own.replaceAll('%', '=')) : Buffer.from(own, 'latin1')
    })
    parameters.set(name, decodeCharset(Buffer.concat(octets), charset[1] || 'utf-8'))
  }
  return { value, parameters }
}
