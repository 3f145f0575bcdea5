import { CR, DOT, LF, type Octets } from '@restante/mail'

/** What one chunk of a multi-line reply held. */
export interface Unstuffed {
  /** The reply's own octets, in order; views of the chunk where nothing had to be left out. */
  readonly pieces: readonly Uint8Array[]
  /** Octets of the chunk that belong to this reply; what comes after is the next one's. */
  readonly consumed: Octets
  /** Whether the line with the final dot has come. */
  readonly ended: boolean
}

/** Octets that may turn out to be text after all. */
const HELD_DOT_CR = Uint8Array.of(CR)

/** Where in a line the next octet stands. `dot` = a dot began the line, `dot-cr` = and a CR came after it. */
type Place = 'start' | 'inside' | 'cr' | 'dot' | 'dot-cr'

/**
 * Undoes dot-stuffing of one multi-line reply and finds its end (RFC 1939 §3), whatever the chunks' borders. Lines
 * end in CRLF only: a bare LF starts no line, so no message can pretend the reply is over. Holds no octets.
 */
export class DotUnstuffer {
  #place: Place = 'start'
  #ended = false

  /** Takes a chunk; not to be called again after `ended`. */
  push(chunk: Uint8Array): Unstuffed {
    const pieces: Uint8Array[] = []
    let at = 0
    /** Where the octets not yet handed out begin. */
    let from = 0
    while (at < chunk.length) {
      switch (this.#place) {
        case 'start':
          if (chunk[at] === DOT) {
            if (at > from) pieces.push(chunk.subarray(from, at))
            from = ++at
            this.#place = 'dot'
          } else this.#place = 'inside'
          break
        case 'dot':
          // A dot that was put in, or the last line; CR decides later.
          if (chunk[at] === CR) {
            at++
            this.#place = 'dot-cr'
          } else this.#place = 'inside'
          break
        case 'dot-cr':
          if (chunk[at] === LF) {
            this.#ended = true
            return { pieces, consumed: at + 1, ended: true }
          }
          // The CR was text: still in this chunk, unless it was the last octet of the one before.
          if (from > at - 1) {
            pieces.push(HELD_DOT_CR)
            from = at
          }
          this.#place = chunk[at] === CR ? 'cr' : 'inside'
          if (this.#place === 'cr') at++
          break
        case 'cr':
          if (chunk[at] === LF) {
            at++
            this.#place = 'start'
          } else this.#place = 'inside'
          break
        default: {
          const lf = lineEnd(chunk, at)
          if (lf >= 0) {
            at = lf + 1
            this.#place = 'start'
          } else {
            at = chunk.length
            this.#place = chunk[at - 1] === CR ? 'cr' : 'inside'
          }
        }
      }
    }
    const end = this.#place === 'dot-cr' && at > from ? at - 1 : at
    if (end > from) pieces.push(chunk.subarray(from, end))
    return { pieces, consumed: chunk.length, ended: this.#ended }
  }
}

/** The offset of the LF of the first CRLF from `at`, or -1. */
function lineEnd(chunk: Uint8Array, at: number): number {
  for (let lf = chunk.indexOf(LF, at); lf >= 0; lf = chunk.indexOf(LF, lf + 1)) {
    if (lf > at && chunk[lf - 1] === CR) return lf
  }
  return -1
}
