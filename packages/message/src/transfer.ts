const NOT_BASE64 = 255
const BASE64 = new Uint8Array(256).fill(NOT_BASE64)
for (let i = 0; i < 64; i++) {
  BASE64['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.charCodeAt(i)] = i
}
const PAD = 61

/**
 * Decodes base64 (RFC 2045 §6.8) without trusting it: octets outside the alphabet are skipped, padding in the
 * middle starts a new group, a last incomplete group gives the octets it holds. At most `limit` octets come
 * out. `junk` counts skipped octets other than line ends and blanks.
 */
export function decodeBase64(
  octets: Uint8Array,
  limit: number = Number.POSITIVE_INFINITY,
): { readonly octets: Uint8Array; readonly junk: number } {
  const out = Buffer.allocUnsafe(Math.min(limit, Math.floor((octets.length * 3) / 4) + 3))
  let at = 0
  let bits = 0
  let held = 0
  let junk = 0
  for (let i = 0; i < octets.length && at < out.length; i++) {
    const octet = octets[i] as number
    const value = BASE64[octet] as number
    if (value !== NOT_BASE64) {
      bits = ((bits << 6) | value) & 0xffffff
      held += 6
      if (held >= 8) {
        held -= 8
        out[at++] = (bits >> held) & 255
      }
    } else if (octet === PAD) {
      bits = 0
      held = 0
    } else if (octet !== 10 && octet !== 13 && octet !== 32 && octet !== 9) junk++
  }
  return { octets: out.subarray(0, at), junk }
}

/** Octets that a base64 text decodes to, counted without decoding. */
export function base64Size(octets: Uint8Array): number {
  let count = 0
  for (let i = 0; i < octets.length; i++) if (BASE64[octets[i] as number] !== NOT_BASE64) count++
  return Math.floor((count * 3) / 4)
}

function hexValue(octet: number | undefined): number {
  if (octet === undefined) return -1
  if (octet >= 48 && octet <= 57) return octet - 48
  if (octet >= 65 && octet <= 70) return octet - 55
  if (octet >= 97 && octet <= 102) return octet - 87
  return -1
}

/**
 * Decodes quoted-printable (RFC 2045 §6.7): soft line ends joined, blanks before a line end dropped, a `=` that
 * starts no escape kept as it is. One pass: a run of blanks is looked at once.
 */
export function decodeQuotedPrintable(octets: Uint8Array): {
  readonly octets: Uint8Array
  readonly junk: number
} {
  const out = Buffer.allocUnsafe(octets.length)
  let at = 0
  let junk = 0
  /** Where the blanks at the end of the line so far begin in `out`. */
  let solid = 0
  const length = octets.length
  for (let i = 0; i < length; i++) {
    const octet = octets[i] as number
    if (octet === 61) {
      const high = hexValue(octets[i + 1])
      const low = high < 0 ? -1 : hexValue(octets[i + 2])
      if (low >= 0) {
        out[at++] = (high << 4) | low
        solid = at
        i += 2
        continue
      }
      let end = i + 1
      while (end < length && (octets[end] === 32 || octets[end] === 9)) end++
      if (end >= length || octets[end] === 10) {
        i = end
        solid = at
        continue
      }
      if (octets[end] === 13 && (end + 1 >= length || octets[end + 1] === 10)) {
        i = end + 1
        solid = at
        continue
      }
      junk++
      out[at++] = octet
      solid = at
      // The blanks just looked at are copied here, so that no later `=` looks at them again.
      for (let blank = i + 1; blank < end; blank++) out[at++] = octets[blank] as number
      i = end - 1
    } else if (octet === 10) {
      at = solid
      out[at++] = 10
      solid = at
    } else if (octet === 13) {
      if (octets[i + 1] === 10) continue
      out[at++] = octet
      solid = at
    } else {
      out[at++] = octet
      if (octet !== 32 && octet !== 9) solid = at
    }
  }
  return { octets: out.subarray(0, at), junk }
}
