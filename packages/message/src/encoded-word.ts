import { decodeCharset } from './charset.ts'
import { decodeBase64 } from './transfer.ts'

const WORD = /=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=/y
const BLANK = /^[ \t\r\n]*$/

/** Decodes the Q encoding of one word (RFC 2047 §4.2). */
function decodeQ(text: string): Uint8Array {
  const out = Buffer.allocUnsafe(text.length)
  let at = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 95) out[at++] = 32
    else if (code === 61) {
      const value = Number.parseInt(text.slice(i + 1, i + 3), 16)
      if (Number.isNaN(value)) out[at++] = code
      else {
        out[at++] = value
        i += 2
      }
    } else out[at++] = code & 255
  }
  return out.subarray(0, at)
}

/**
 * Decodes the encoded words in a field's value (RFC 2047). Blanks between two encoded words vanish, and words
 * of one charset are decoded together, so that characters cut in two between them come out whole. The input
 * holds one character per octet; what is not an encoded word stays as it is.
 */
export function decodeWords(value: string): string {
  let next = value.indexOf('=?')
  if (next < 0) return value
  let text = ''
  let from = 0
  let pending: Uint8Array[] = []
  let charset = ''
  const flush = (): void => {
    if (pending.length === 0) return
    text += decodeCharset(
      pending.length === 1 ? (pending[0] as Uint8Array) : Buffer.concat(pending),
      charset,
    ).text
    pending = []
  }
  while (next >= 0) {
    WORD.lastIndex = next
    const found = WORD.exec(value)
    if (found === null) {
      next = value.indexOf('=?', next + 2)
      continue
    }
    const between = value.slice(from, next)
    // RFC 2231 §5 allows a language after the charset: "utf-8*en".
    const label = (found[1] as string).split('*')[0]?.toLowerCase() ?? ''
    const joined = pending.length > 0 && BLANK.test(between)
    if (!joined || label !== charset) flush()
    if (!joined) text += between
    charset = label
    const body = found[3] as string
    pending.push(
      (found[2] as string).toLowerCase() === 'b'
        ? decodeBase64(Buffer.from(body, 'latin1')).octets
        : decodeQ(body),
    )
    from = next + found[0].length
    next = value.indexOf('=?', from)
  }
  flush()
  return text + value.slice(from)
}
