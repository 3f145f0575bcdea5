import { CR, LF, type Octets } from '@restante/mail'

/** Longest lines accepted, CRLF included. */
export interface LineLimits {
  /** A command (RFC 2449 §4 asks for 255). */
  readonly commandOctets: Octets
  /** An AUTH command and each answer to a challenge (RFC 5034 §4 asks for 12,288). */
  readonly authOctets: Octets
  /** How much of one overlong line is swallowed to find its end before giving up on the peer. */
  readonly discardOctets: Octets
}

/** What {@link LineReader.next} found where it is not a line. */
export type NoLine = 'more' | 'too-long' | 'endless'

const EMPTY = new Uint8Array(0)

/**
 * Cuts chunks into lines whatever the chunks' borders are. Holds at most one limit's worth of an unfinished
 * line, plus the chunks not consumed yet (the caller stops pushing while it is not asking for lines).
 */
export class LineReader {
  readonly #limits: LineLimits
  #queue: Uint8Array[] = []
  #chunk: Uint8Array = EMPTY
  #at = 0
  /** Octets of a line whose end has not come; `#partialLength` of them are in use. */
  #partial: Uint8Array = EMPTY
  #partialLength = 0
  #discarded = 0
  /** Whether the last line returned ended in a bare LF. */
  bareLf = false

  constructor(limits: LineLimits) {
    this.#limits = limits
  }

  /** Adds octets; the array must not change until they are consumed. */
  push(chunk: Uint8Array): void {
    if (this.#at >= this.#chunk.length && this.#queue.length === 0) {
      this.#chunk = chunk
      this.#at = 0
    } else this.#queue.push(chunk)
  }

  /** Forgets everything buffered (STLS, hang-up). */
  clear(): void {
    this.#queue = []
    this.#chunk = EMPTY
    this.#at = 0
    this.#partial = EMPTY
    this.#partialLength = 0
    this.#discarded = 0
  }

  /** Octets held: unconsumed chunks and the unfinished line. */
  get heldOctets(): Octets {
    let held = this.#chunk.length - this.#at + this.#partialLength
    for (const chunk of this.#queue) held += chunk.length
    return held
  }

  /**
   * The next line without its line end, a view valid until the next call; or why there is none.
   * `inExchange` = the line answers a SASL challenge.
   */
  next(inExchange: boolean): Uint8Array | NoLine {
    for (;;) {
      if (this.#at >= this.#chunk.length) {
        const next = this.#queue.shift()
        if (next === undefined) {
          this.#chunk = EMPTY
          this.#at = 0
          return 'more'
        }
        this.#chunk = next
        this.#at = 0
        continue
      }
      const lf = this.#chunk.indexOf(LF, this.#at)
      const end = lf < 0 ? this.#chunk.length : lf + 1
      if (this.#discarded > 0) {
        this.#discarded += end - this.#at
        this.#at = end
        if (this.#discarded > this.#limits.discardOctets) return 'endless'
        if (lf < 0) continue
        this.#discarded = 0
        return 'too-long'
      }
      const length = this.#partialLength + end - this.#at
      if (length > this.#limits.commandOctets && length > this.#limitFor(inExchange)) {
        this.#discarded = length
        this.#partial = EMPTY
        this.#partialLength = 0
        this.#at = end
        if (lf < 0) {
          if (length > this.#limits.discardOctets) return 'endless'
          continue
        }
        this.#discarded = 0
        return 'too-long'
      }
      if (lf < 0) {
        this.#keep(end)
        continue
      }
      let line: Uint8Array
      if (this.#partialLength === 0) {
        line = this.#chunk.subarray(this.#at, end)
        this.#at = end
      } else {
        this.#keep(end)
        line = this.#partial.subarray(0, this.#partialLength)
        this.#partial = EMPTY
        this.#partialLength = 0
      }
      this.bareLf = line.length < 2 || line[line.length - 2] !== CR
      return line.subarray(0, line.length - (this.bareLf ? 1 : 2))
    }
  }

  #limitFor(inExchange: boolean): Octets {
    if (inExchange) return this.#limits.authOctets
    // AUTH and a space, in any case, are five octets: always in hand when a limit has been passed.
    let isAuth = true
    for (let i = 0; i < 5 && isAuth; i++) {
      const octet =
        i < this.#partialLength ? this.#partial[i] : this.#chunk[this.#at + i - this.#partialLength]
      isAuth = ((octet ?? 0) | 0x20) === ('auth '.charCodeAt(i) | 0x20)
    }
    return isAuth ? this.#limits.authOctets : this.#limits.commandOctets
  }

  #keep(end: number): void {
    const piece = this.#chunk.subarray(this.#at, end)
    const length = this.#partialLength + piece.length
    if (length > this.#partial.length) {
      const grown = new Uint8Array(Math.max(64, length, this.#partialLength > 0 ? length * 2 : length))
      grown.set(this.#partial.subarray(0, this.#partialLength))
      this.#partial = grown
    }
    this.#partial.set(piece, this.#partialLength)
    this.#partialLength = length
    this.#at = end
  }
}
