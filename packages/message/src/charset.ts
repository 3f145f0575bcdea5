import { isAscii, isUtf8 } from 'node:buffer'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

interface Iconv {
  encodingExists(name: string): boolean
  decode(octets: Uint8Array, name: string): string
}

let iconv: Iconv | null = null
const decoders = new Map<string, TextDecoder | string | null>()
/** Labels come from outside: the cache must not grow with them. */
const CACHED_LABELS = 256

/** A decoder for a label, the name iconv-lite knows it by, or null. */
function decoderFor(label: string): TextDecoder | string | null {
  const known = decoders.get(label)
  if (known !== undefined) return known
  let found: TextDecoder | string | null = null
  try {
    found = new TextDecoder(label)
  } catch {
    iconv ??= require('iconv-lite') as Iconv
    found = iconv.encodingExists(label) ? label : null
  }
  if (decoders.size < CACHED_LABELS) decoders.set(label, found)
  return found
}

const cp1252 = new TextDecoder('windows-1252')
const utf8 = new TextDecoder('utf-8')
const SINGLE_OCTET =
  /^(us-?ascii|ascii|ansi|iso-?8859|latin|windows-?125|cp125|koi8|macintosh|x-mac|x-user|unknown|default|8bit|7bit|binary)/

function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
}

/** How many of the first octets are zero: what tells real UTF-16 from a claim. */
function zeroShare(octets: Uint8Array): number {
  const length = Math.min(octets.length, 512)
  let zeros = 0
  for (let i = 0; i < length; i++) if (octets[i] === 0) zeros++
  return length === 0 ? 0 : zeros / length
}

/**
 * Decodes text by its declared charset, and by what it really is where the claim cannot be true: ASCII stays
 * ASCII whatever the label, well-formed UTF-8 beats a single-octet label, UTF-16 without zero octets is not
 * UTF-16. Never throws; what cannot be decoded becomes U+FFFD. `lied` says that the label was not followed.
 */
export function decodeCharset(
  octets: Uint8Array,
  declared: string,
): { readonly text: string; readonly lied: boolean; readonly unknown: boolean } {
  const label = declared
    .toLowerCase()
    .replace(/[^a-z0-9_:.+-]/g, '')
    .slice(0, 40)
  // Escape sequences of the 7-bit encodings are ASCII octets too.
  const sevenBit =
    label.startsWith('iso-2022') || label.startsWith('utf-7') || label === 'hz-gb-2312' || label === 'utf7'
  if (!sevenBit) {
    const wide = label.startsWith('utf-16') || label.startsWith('utf-32') || label.startsWith('ucs-')
    if (isAscii(octets)) {
      if (!wide || zeroShare(octets) < 0.1) {
        return {
          text: asBuffer(octets).toString('latin1', 0, octets.length),
          lied: wide && octets.length > 0,
          unknown: false,
        }
      }
    } else if (label === 'utf-8' || label === 'utf8') {
      if (isUtf8(octets)) return { text: utf8.decode(octets), lied: false, unknown: false }
      return { text: cp1252.decode(octets), lied: true, unknown: false }
    } else if (label === '' || SINGLE_OCTET.test(label)) {
      if (isUtf8(octets)) return { text: utf8.decode(octets), lied: label !== '', unknown: false }
    } else if (wide && zeroShare(octets) < 0.02 && isUtf8(octets)) {
      return { text: utf8.decode(octets), lied: true, unknown: false }
    }
  }
  if (label === '') return { text: cp1252.decode(octets), lied: false, unknown: false }
  try {
    const decoder = decoderFor(label)
    if (decoder === null) {
      return { text: (isUtf8(octets) ? utf8 : cp1252).decode(octets), lied: false, unknown: true }
    }
    if (typeof decoder === 'string')
      return { text: (iconv as Iconv).decode(octets, decoder), lied: false, unknown: false }
    return { text: decoder.decode(octets), lied: false, unknown: false }
  } catch {
    return { text: cp1252.decode(octets), lied: true, unknown: false }
  }
}

/** Text of octets nobody labelled, such as raw 8-bit header fields: UTF-8 if well-formed, else windows-1252. */
export function decodeUnlabelled(latin1: string): string {
  const octets = Buffer.from(latin1, 'latin1')
  return isUtf8(octets) ? utf8.decode(octets) : cp1252.decode(octets)
}
