import { CR, CRLF, concatOctets, DOT, LF, type Octets } from './octets.ts'

/** What is known about a body in stored form once its last octet has been seen. */
export interface StoredForm {
  readonly sizeOctets: Octets
  /** Offset of the first octet after the first empty line; equals `sizeOctets` where there is none. */
  readonly bodyOffset: Octets
  /** Whether any line starts with a dot, so that POP3 and SMTP must stuff it. */
  readonly needsStuffing: boolean
}

/** Brings a body into stored form while it streams by. */
export interface StoredFormScanner {
  /** Returns the chunks to store; views into `chunk` where nothing had to change. */
  push(chunk: Uint8Array): readonly Uint8Array[]
  /** Returns the last octets to store (a missing final line end) and the totals. Call once. */
  finish(): { readonly tail: Uint8Array; readonly form: StoredForm }
}

const NOTHING = new Uint8Array(0)

/**
 * Stored form: CRLF line ends, a final CRLF, not dot-stuffed. A bare LF becomes CRLF; a bare CR stays (the
 * receiving listener has its own policy for it); an empty message stays empty.
 */
export function scanStoredForm(): StoredFormScanner {
  let size = 0
  let bodyOffset = -1
  let needsStuffing = false
  let atLineStart = true
  let lastWasCr = false
  /** The current line so far is exactly one CR. */
  let lineIsCr = false

  return {
    push(chunk) {
      if (chunk.length === 0) return []
      const out: Uint8Array[] = []
      let from = 0
      let at = 0
      while (at < chunk.length) {
        if (atLineStart && chunk[at] === DOT) needsStuffing = true
        const lf = chunk.indexOf(LF, at)
        const end = lf < 0 ? chunk.length : lf
        if (lf < 0) {
          lineIsCr = end - at === 1 && atLineStart && chunk[at] === CR
          lastWasCr = chunk[end - 1] === CR
          atLineStart = false
          break
        }
        const length = end - at
        const afterCr = length > 0 ? chunk[end - 1] === CR : lastWasCr
        const empty = (length === 0 && (atLineStart || lineIsCr)) || (length === 1 && atLineStart && afterCr)
        if (!afterCr) {
          if (end > from) out.push(chunk.subarray(from, end))
          out.push(CRLF)
          size += end - from + 2
          from = end + 1
        }
        if (empty && bodyOffset < 0) bodyOffset = size + (lf + 1 - from)
        at = lf + 1
        atLineStart = true
        lineIsCr = false
        lastWasCr = false
      }
      if (chunk.length > from) {
        out.push(from === 0 ? chunk : chunk.subarray(from))
        size += chunk.length - from
      }
      return out
    },
    finish() {
      let tail: Uint8Array = NOTHING
      if (!atLineStart) {
        tail = lastWasCr ? CRLF.slice(1) : CRLF
        size += tail.length
        if (lineIsCr && bodyOffset < 0) bodyOffset = size
      }
      return {
        tail,
        form: { sizeOctets: size, bodyOffset: bodyOffset < 0 ? size : bodyOffset, needsStuffing },
      }
    },
  }
}

/** A whole body in stored form; `octets` itself (not a copy) where nothing had to change. */
export function toStoredForm(octets: Uint8Array): { readonly octets: Uint8Array; readonly form: StoredForm } {
  const scanner = scanStoredForm()
  const chunks = scanner.push(octets)
  const { tail, form } = scanner.finish()
  return { octets: concatOctets(tail.length > 0 ? [...chunks, tail] : chunks), form }
}
