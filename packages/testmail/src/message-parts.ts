import { headerEnd } from '@restante/mail'
import { decodeCharset, decodeQuotedPrintable, decodeWords, readParameters } from './encoded-words.ts'

/** A header field, unfolded, encoded words undone. */
export interface Field {
  readonly name: string
  readonly value: string
}

/** Something attached to a message. */
export interface Attachment {
  /** Empty where it has none. */
  readonly name: string
  /** `image/png`, lower case. */
  readonly type: string
  /** For `cid:` links; without angle brackets, empty where it has none. */
  readonly contentId: string
  readonly octets: Uint8Array
}

/** What a reader would see of a message. */
export interface MessageParts {
  readonly fields: readonly Field[]
  /** All plain texts, one after the other. */
  readonly text: string
  /** All HTML texts; null where there is none. */
  readonly html: string | null
  readonly attachments: readonly Attachment[]
}

/** Deeper or more parts than anybody sends on purpose are not looked into. */
const MOST_DEPTH = 20
const MOST_PARTS = 1_000

/** Takes a message apart (RFC 5322, RFC 2045). Never fails: what makes no sense is text. */
export function readMessage(raw: Uint8Array): MessageParts {
  const texts: string[] = []
  const htmls: string[] = []
  const attachments: Attachment[] = []
  let parts = 0

  function walk(octets: Uint8Array, depth: number): readonly Field[] {
    parts++
    const end = headerEnd(octets)
    const fields = readFields(octets.subarray(0, end < 0 ? octets.length : end))
    const body = end < 0 ? octets.subarray(octets.length) : octets.subarray(end)
    const find = (name: string) => fields.find((field) => field.name.toLowerCase() === name)?.value ?? ''
    const type = readParameters(find('content-type') || 'text/plain')
    const disposition = readParameters(find('content-disposition'))
    const boundary = type.parameters.get('boundary')
    if (type.value.startsWith('multipart/') && boundary && depth < MOST_DEPTH) {
      for (const part of splitParts(body, boundary)) if (parts < MOST_PARTS) walk(part, depth + 1)
      return fields
    }
    const content = decodeTransfer(body, find('content-transfer-encoding').trim().toLowerCase())
    const name = disposition.parameters.get('filename') ?? type.parameters.get('name') ?? ''
    const attached = disposition.value === 'attachment' || name !== ''
    if (!attached && (type.value === 'text/plain' || type.value === 'text/html')) {
      const text = decodeCharset(content, type.parameters.get('charset') ?? 'utf-8')
      ;(type.value === 'text/plain' ? texts : htmls).push(text)
    } else if (attached || content.length > 0) {
      const contentId = find('content-id').replace(/^\s*<|>\s*$/g, '')
      attachments.push({ name, type: type.value, contentId, octets: content })
    }
    return fields
  }

  const fields = walk(raw, 0)
  return { fields, text: texts.join(''), html: htmls.length === 0 ? null : htmls.join(''), attachments }
}

function readFields(header: Uint8Array): readonly Field[] {
  const text = decodeCharset(header, 'utf-8').replace(/\r?\n(?=[ \t])/g, '')
  return text.split(/\r?\n/).flatMap((line) => {
    const colon = line.indexOf(':')
    if (colon < 1) return []
    return [{ name: line.slice(0, colon).trimEnd(), value: decodeWords(line.slice(colon + 1).trim()) }]
  })
}

/** The parts between the lines of a boundary; the preamble and what follows the end are nobody's. */
function splitParts(body: Uint8Array, boundary: string): readonly Uint8Array[] {
  const octets = Buffer.from(body.buffer, body.byteOffset, body.length)
  const delimiter = `--${boundary}`
  const parts: Uint8Array[] = []
  let start = -1
  for (let at = octets.indexOf(delimiter, 0, 'latin1'); at >= 0; ) {
    const lineEnd = octets.indexOf(10, at)
    const after = at + delimiter.length
    const rest = octets.toString('latin1', after, lineEnd < 0 ? octets.length : lineEnd)
    const isLine = (at === 0 || octets[at - 1] === 10) && /^(?:--)?[ \t]*\r?$/.test(rest)
    if (isLine) {
      // The line end before a delimiter belongs to the delimiter.
      const end = octets[at - 2] === 13 ? at - 2 : Math.max(0, at - 1)
      if (start >= 0) parts.push(octets.subarray(start, Math.max(start, end)))
      start = rest.startsWith('--') || lineEnd < 0 ? -1 : lineEnd + 1
      if (rest.startsWith('--')) break
    }
    at = octets.indexOf(delimiter, after, 'latin1')
  }
  if (start >= 0) parts.push(octets.subarray(start))
  return parts
}

function decodeTransfer(body: Uint8Array, encoding: string): Uint8Array {
  if (encoding === 'base64') return Buffer.from(Buffer.from(body).toString('latin1'), 'base64')
  if (encoding === 'quoted-printable') return decodeQuotedPrintable(Buffer.from(body).toString('latin1'))
  return body
}
