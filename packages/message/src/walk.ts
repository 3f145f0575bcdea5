import {
  type HeaderSection,
  type Parameterised,
  parseParameters,
  type RawField,
  readHeader,
} from './header.ts'
import type { FactLimits } from './limits.ts'

/** A leaf of the MIME tree, its content still encoded. */
export interface Leaf {
  readonly fields: readonly RawField[]
  readonly contentType: Parameterised
  readonly disposition: Parameterised
  /** Lower case; `7bit` where none is declared. */
  readonly encoding: string
  readonly contentId: string
  /** Type of the multipart it stands in, or ''. */
  readonly parent: string
  /** Number of the nearest multipart/alternative above, or -1. */
  readonly alternative: number
  readonly depth: number
  /** Offsets of its content, the line end before the boundary left out. */
  readonly start: number
  readonly end: number
  /** Inside an attached message. */
  readonly nested: boolean
}

/** One node of the structure, leaf or not. */
export interface PartFact {
  readonly type: string
  readonly charset: string
  readonly encoding: string
  readonly disposition: string
  readonly depth: number
}

/** The MIME tree of a message, flat, in order of appearance. */
export interface Walk {
  /** The message's own header section. */
  readonly header: HeaderSection
  readonly parts: readonly PartFact[]
  readonly defects: ReadonlySet<string>
}

interface Frame {
  /** `--boundary` */
  readonly mark: Buffer
  readonly type: string
  readonly alternative: number
  readonly depth: number
  readonly nested: boolean
}

const LINE_OF_HYPHENS = Buffer.from('\n--', 'latin1')
const NO_FIELDS: readonly RawField[] = []
const PLAIN: Parameterised = { value: 'text/plain', parameters: new Map() }
const NONE: Parameterised = { value: '', parameters: new Map() }

function fieldValue(fields: readonly RawField[], key: string): string | null {
  for (const field of fields) if (field.key === key) return field.raw
  return null
}

/**
 * Walks a message's MIME tree in one pass over its octets, calling `onLeaf` for each leaf in order. Linear in
 * the octets, bounded by `limits`; what is broken is named in `defects` and read as well as it can be.
 */
export function walkMime(octets: Buffer, limits: FactLimits, onLeaf: (leaf: Leaf) => void): Walk {
  const end = octets.length
  const defects = new Set<string>()
  const parts: PartFact[] = []
  const stack: Frame[] = []
  let alternatives = 0
  let start = 0
  if (octets.toString('latin1', 0, 5) === 'From ') start = Math.max(0, octets.indexOf(10) + 1)

  /** Which open boundary the line at `at` is: index in the stack, and whether it closes; -1 for none. */
  let closes = false
  let afterLine = 0
  const matchBoundary = (at: number): number => {
    if (octets[at] !== 45 || octets[at + 1] !== 45) return -1
    for (let i = stack.length - 1; i >= 0; i--) {
      const { mark } = stack[i] as Frame
      let next = at + mark.length
      if (next > end || octets[at + 2] !== mark[2] || octets[next - 1] !== mark[mark.length - 1]) continue
      if (octets.compare(mark, 0, mark.length, at, next) !== 0) continue
      closes = octets[next] === 45 && octets[next + 1] === 45
      if (closes) next += 2
      while (next < end && (octets[next] === 32 || octets[next] === 9 || octets[next] === 13)) next++
      if (next < end && octets[next] !== 10) continue
      afterLine = Math.min(end, next + 1)
      return i
    }
    return -1
  }
  const isBoundary = (at: number): boolean => matchBoundary(at) >= 0

  /** The entity whose content is being passed over; null in a preamble or epilogue. */
  let open: Omit<Leaf, 'end'> | null = null
  let position = start

  const close = (contentEnd: number): void => {
    if (open === null) return
    onLeaf({ ...open, end: Math.max(open.start, contentEnd) })
    open = null
  }

  /** Reads the header at `position` and opens a leaf or a multipart; attached messages are entered at once. */
  const enter = (frame: Frame | null): HeaderSection | null => {
    let first: HeaderSection | null = null
    let depth = frame === null ? 0 : frame.depth + 1
    let nested = frame?.nested ?? false
    let alternative = frame?.alternative ?? -1
    let parent = frame?.type ?? ''
    for (;;) {
      const header = readHeader(octets, position, end, limits, stack.length > 0 ? isBoundary : null)
      first ??= header
      if (header.tooLong) defects.add('long-header')
      if (header.junkLines > 0) defects.add('bad-header-line')
      if (header.unended && header.bodyStart >= end) defects.add('no-body')
      position = header.bodyStart
      const rawType = fieldValue(header.fields, 'content-type')
      let contentType = rawType === null ? PLAIN : parseParameters(rawType)
      if (rawType === null && frame?.type === 'multipart/digest' && !nested) {
        contentType = { value: 'message/rfc822', parameters: PLAIN.parameters }
      }
      if (!/^[a-z0-9!#$&^_.+-]{1,80}\/[a-z0-9!#$&^_.+-]{1,120}$/.test(contentType.value)) {
        if (rawType !== null) defects.add('bad-content-type')
        contentType = { value: 'text/plain', parameters: contentType.parameters }
      }
      const type = contentType.value
      const rawDisposition = fieldValue(header.fields, 'content-disposition')
      const disposition = rawDisposition === null ? NONE : parseParameters(rawDisposition)
      const encoding =
        (fieldValue(header.fields, 'content-transfer-encoding') ?? '7bit')
          .toLowerCase()
          .replace(/[\s;(].*$/s, '') || '7bit'
      if (parts.length >= limits.parts) {
        defects.add('too-many-parts')
        open = null
        return first
      }
      parts.push({
        type,
        charset: (contentType.parameters.get('charset') ?? '').toLowerCase().slice(0, 60),
        encoding,
        disposition: disposition.value,
        depth,
      })
      const identity = encoding === '7bit' || encoding === '8bit' || encoding === 'binary'
      if (type.startsWith('multipart/')) {
        const boundary = contentType.parameters.get('boundary') ?? ''
        if (boundary === '') defects.add('no-boundary')
        else if (depth >= limits.depth) defects.add('too-deep')
        else {
          if (type === 'multipart/alternative') alternative = alternatives++
          stack.push({
            mark: Buffer.from(`--${boundary.slice(0, 998)}`, 'latin1'),
            type,
            alternative:
              type === 'multipart/alternative' || type === 'multipart/related' || type === 'multipart/mixed'
                ? alternative
                : -1,
            depth,
            nested,
          })
          open = null
          return first
        }
      } else if (type === 'message/rfc822' && identity && disposition.value !== 'attachment') {
        if (depth < limits.depth) {
          depth++
          nested = true
          alternative = -1
          parent = type
          continue
        }
        defects.add('too-deep')
      }
      open = {
        fields: header.fields,
        contentType: type.startsWith('multipart/')
          ? { value: 'text/plain', parameters: contentType.parameters }
          : contentType,
        disposition,
        encoding,
        contentId: fieldValue(header.fields, 'content-id') ?? '',
        parent,
        alternative,
        depth,
        start: position,
        nested,
      }
      return first
    }
  }

  const header = enter(null) ?? {
    fields: NO_FIELDS,
    bodyStart: 0,
    unended: true,
    tooLong: false,
    junkLines: 0,
  }
  let line = position
  // `line` is always the start of a line; only lines that begin with two hyphens can be boundaries.
  while (line < end && stack.length > 0) {
    if (!(octets[line] === 45 && octets[line + 1] === 45)) {
      const found = octets.indexOf(LINE_OF_HYPHENS, line)
      if (found < 0) break
      line = found + 1
    }
    const level = matchBoundary(line)
    if (level < 0) {
      const found = octets.indexOf(LINE_OF_HYPHENS, line + 2)
      if (found < 0) break
      line = found + 1
      continue
    }
    const closing = closes
    const next = afterLine
    let contentEnd = line
    if (octets[contentEnd - 1] === 10) contentEnd--
    if (octets[contentEnd - 1] === 13) contentEnd--
    close(contentEnd)
    if (level < stack.length - 1) defects.add('unclosed-multipart')
    stack.length = closing ? level : level + 1
    position = next
    if (!closing) enter(stack[level] as Frame)
    line = position
    if (defects.has('too-many-parts')) break
  }
  if (stack.length > 0 && !defects.has('too-many-parts')) defects.add('unclosed-multipart')
  close(end)
  return { header, parts, defects }
}
