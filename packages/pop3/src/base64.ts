const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const VALUES: Int8Array = new Int8Array(128).fill(-1)
for (let i = 0; i < 64; i++) VALUES[ALPHABET.charCodeAt(i)] = i

/** Base64 with padding (RFC 4648 §4). */
export function encodeBase64(octets: Uint8Array): string {
  let text = ''
  for (let i = 0; i < octets.length; i += 3) {
    const left = octets.length - i
    const bits =
      ((octets[i] as number) << 16) | ((octets[i + 1] ?? 0) << 8) | (left > 2 ? (octets[i + 2] as number) : 0)
    text += ALPHABET[bits >> 18] as string
    text += ALPHABET[(bits >> 12) & 63] as string
    text += left > 1 ? (ALPHABET[(bits >> 6) & 63] as string) : '='
    text += left > 2 ? (ALPHABET[bits & 63] as string) : '='
  }
  return text
}

/** The octets of a base64 text, or null where it is not exactly that: strict alphabet, padding, no spare bits. */
export function decodeBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const octets = new Uint8Array((text.length / 4) * 3 - padding)
  const letters = text.length - padding
  let held = 0
  let bits = 0
  let at = 0
  for (let i = 0; i < letters; i++) {
    const code = text.charCodeAt(i)
    const value = code < 128 ? (VALUES[code] as number) : -1
    if (value < 0) return null
    held = (held << 6) | value
    bits += 6
    if (bits >= 8) {
      bits -= 8
      octets[at++] = (held >> bits) & 255
      held &= (1 << bits) - 1
    }
  }
  return held === 0 ? octets : null
}
