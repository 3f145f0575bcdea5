import { decodeCharset, decodeUnlabelled } from './charset.ts'
import { decodeWords } from './encoded-word.ts'
import type { FactLimits } from './limits.ts'

/** One header field as it came: its name as written, its value unfolded, one character per octet. */
export interface RawField {
  readonly name: string
  /** Lower-case name. */
  readonly key: string
  readonly raw: string
}

/** A header taken apart, and where it ended. */
export interface HeaderSection {
  readonly fields: readonly RawField[]
  /** Offset of the first octet of the body. */
  readonly bodyStart: number
  /** No empty line ended the section. */
  readonly unended: boolean
  readonly tooLong: boolean
  /** Lines that are no field. */
  readonly junkLines: number
}

const FOLD = /[\r\n]+[ \t]*/g
const NAME = /^[\x21-\x39\x3b-\x7e]+[ \t]*$/
const NOT_ASCII = /[\x80-\xff]/

/**
 * Reads a header section from `start` to its empty line, or to a line for which `isEnd` holds (a boundary that
 * comes too early). Linear; keeps at most what `limits` allow and goes on to the end of the section.
 */
export function readHeader(
  octets: Buffer,
  start: number,
  end: number,
  limits: FactLimits,
  isEnd: ((lineStart: number) => boolean) | null,
): HeaderSection {
  const fields: RawField[] = []
  let at = start
  let fieldStart = -1
  let junkLines = 0
  let tooLong = false
  const finish = (until: number): void => {
    if (fieldStart < 0) return
    if (fields.length >= limits.fields || fieldStart - start > limits.headerOctets) {
      tooLong = true
      return
    }
    const stop = Math.min(until, fieldStart + limits.fieldCharacters)
    if (stop < until) tooLong = true
    const line = octets.toString('latin1', fieldStart, stop)
    const colon = line.indexOf(':')
    const name = colon < 0 ? '' : line.slice(0, colon)
    if (colon < 1 || !NAME.test(name)) {
      junkLines++
      return
    }
    const written = name.trimEnd()
    const value = line.slice(colon + 1)
    fields.push({
      name: written,
      key: written.toLowerCase(),
      raw: (value.includes('\n') ? value.replace(FOLD, ' ') : value).trim(),
    })
  }
  while (at < end) {
    const lf = octets.indexOf(10, at)
    const lineEnd = lf < 0 || lf >= end ? end : lf
    const first = octets[at]
    if (lineEnd === at || (first === 13 && lineEnd === at + 1)) {
      finish(at)
      return { fields, bodyStart: Math.min(end, lineEnd + 1), unended: false, tooLong, junkLines }
    }
    if (first === 45 && isEnd?.(at)) {
      finish(at)
      return { fields, bodyStart: at, unended: true, tooLong, junkLines }
    }
    if (first !== 32 && first !== 9) {
      finish(at)
      fieldStart = at
    }
    at = lineEnd + 1
  }
  finish(end)
  return { fields, bodyStart: end, unended: true, tooLong, junkLines }
}

/** A field's value in words: encoded words decoded, raw 8-bit octets read as UTF-8 or windows-1252. */
export function decodeValue(raw: string): string {
  const plain = NOT_ASCII.test(raw) ? decodeUnlabelled(raw) : raw
  return plain.includes('=?') ? decodeWords(plain === raw ? raw : plain) : plain
}

/** A structured value with parameters: `text/plain; charset=utf-8`. */
export interface Parameterised {
  /** Lower-case, without parameters. */
  readonly value: string
  readonly parameters: ReadonlyMap<string, string>
}

const PARAMETER = /;[ \t]*([^\s=;"*]{1,60})(\*\d{0,3}\*?|\*)?[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))/g
const MAX_PARAMETERS = 200

function percentDecode(text: string): Uint8Array {
  const out = Buffer.allocUnsafe(text.length)
  let at = 0
  for (let i = 0; i < text.length; i++) {
    const value = text.charCodeAt(i) === 37 ? Number.parseInt(text.slice(i + 1, i + 3), 16) : Number.NaN
    if (Number.isNaN(value)) out[at++] = text.charCodeAt(i) & 255
    else {
      out[at++] = value
      i += 2
    }
  }
  return out.subarray(0, at)
}

/** Parses `value; name=value; name*0*=...` (RFC 2045 §5.1, RFC 2231). The first of two equal parameters wins. */
export function parseParameters(raw: string): Parameterised {
  const semicolon = raw.indexOf(';')
  const value = (semicolon < 0 ? raw : raw.slice(0, semicolon)).trim().toLowerCase()
  const parameters = new Map<string, string>()
  if (semicolon < 0) return { value, parameters }
  const pieces = new Map<
    string,
    { readonly order: number; readonly text: string; readonly encoded: boolean }[]
  >()
  let count = 0
  PARAMETER.lastIndex = 0
  for (const found of raw.matchAll(PARAMETER)) {
    if (++count > MAX_PARAMETERS) break
    const name = (found[1] as string).toLowerCase()
    const star = found[2] ?? ''
    const text = found[3] === undefined ? (found[4] ?? '').trim() : found[3].replace(/\\(.)/g, '$1')
    if (star === '') {
      if (!parameters.has(name)) parameters.set(name, decodeValue(text))
      continue
    }
    const order = Number.parseInt(star.slice(1), 10)
    const list = pieces.get(name) ?? []
    list.push({ order: Number.isNaN(order) ? 0 : order, text, encoded: star.endsWith('*') })
    pieces.set(name, list)
  }
  for (const [name, list] of pieces) {
    list.sort((a, b) => a.order - b.order)
    let charset = ''
    const chunks: Uint8Array[] = []
    for (const [index, piece] of list.entries()) {
      let { text } = piece
      if (index === 0 && piece.encoded) {
        const parts = text.split("'")
        if (parts.length >= 3) {
          charset = parts[0] as string
          text = parts.slice(2).join("'")
        }
      }
      chunks.push(piece.encoded ? percentDecode(text) : Buffer.from(text, 'latin1'))
    }
    parameters.set(name, decodeCharset(Buffer.concat(chunks), charset).text)
  }
  return { value, parameters }
}
