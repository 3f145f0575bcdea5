/** What the peer's octets turn out to be, in order. */
export type FeedEvent =
  /** A command line without its CRLF. It may hold bare CR, bare LF or NUL: those end nothing here. */
  | { readonly kind: 'line'; readonly line: Buffer }
  /** A line longer than the limit has ended; its octets are gone. */
  | { readonly kind: 'line-too-long' }
  /** A line passed the point where waiting for its end is no longer worth it. Nothing follows. */
  | { readonly kind: 'runaway' }
  /** Mail data of DATA, dots unstuffed, CRLF before the final dot included. */
  | { readonly kind: 'data'; readonly octets: Buffer }
  | { readonly kind: 'data-end' }
  /** Octets of a BDAT chunk, as they are. */
  | { readonly kind: 'chunk'; readonly octets: Buffer }
  | { readonly kind: 'chunk-end' }

/** What the feed lets pass: octets of a line, of an AUTH line, of mail data. */
export interface FeedLimits {
  /** Longest command line that is handed on, CRLF excluded. */
  readonly lineOctets: number
  /** Longest line that is read through to its end. */
  readonly runawayOctets: number
}

const CR = 13
const LF = 10
const DOT = 46
const STUFFED = Buffer.from('\r\n.')

const DATA_END: FeedEvent = { kind: 'data-end' }
const CHUNK_END: FeedEvent = { kind: 'chunk-end' }

/** Where DATA stands between two octets: what was seen last, as far as it matters. */
type DataState = 'middle' | 'cr' | 'line-start' | 'dot' | 'dot-cr'

/**
 * Splits a peer's octets into command lines, mail data and BDAT chunks. Pure: no sockets, no clock.
 *
 * `push` one chunk, then take events with `next` until it returns null, then push the next chunk. Between two
 * events the caller may switch modes: `startData` after answering 354, `startChunk` after a BDAT line. Only
 * CRLF ends a line and only CRLF `.` CRLF ends mail data (RFC 5321 §2.3.8, §4.1.1.4), however the octets are
 * cut into chunks. The feed owns pushed chunks: it unstuffs in place, and the octets in its events are views
 * into them.
 */
export class InputFeed {
  readonly #limits: FeedLimits
  #chunk: Buffer | null = null
  #at = 0
  #mode: 'command' | 'data' | 'chunk' = 'command'
  #held: Buffer[] = []
  #heldOctets = 0
  #heldCr = false
  #skipping = false
  #skippedOctets = 0
  #data: DataState = 'middle'
  #pendingEnd = false
  #remaining = 0

  constructor(limits: FeedLimits) {
    this.#limits = limits
  }

  /** What the next octet belongs to. */
  get mode(): 'command' | 'data' | 'chunk' {
    return this.#mode
  }

  /** Whether part of a command line waits for its end. */
  get holdsPartialLine(): boolean {
    return this.#heldOctets > 0 || this.#skipping
  }

  /** Whether octets are left that `next` has not seen. */
  get hasInput(): boolean {
    return this.#chunk !== null || this.#pendingEnd
  }

  /** Takes the next chunk; the last one must be used up (`next` returned null). */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunk = chunk
    this.#at = 0
  }

  /** The next octet is the first of mail data. */
  startData(): void {
    this.#mode = 'data'
    this.#data = 'line-start'
  }

  /** The next `octets` octets are a BDAT chunk. A chunk of 0 ends at once. */
  startChunk(octets: number): void {
    this.#mode = 'chunk'
    this.#remaining = octets
  }

  /** Forgets everything held: what was sent before TLS must not be read after it (RFC 3207 §4.2). */
  discard(): void {
    this.#chunk = null
    this.#held = []
    this.#heldOctets = 0
    this.#heldCr = false
    this.#skipping = false
  }

  /** The next event, or null when more octets are needed. */
  next(): FeedEvent | null {
    if (this.#pendingEnd) {
      this.#pendingEnd = false
      this.#mode = 'command'
      return DATA_END
    }
    if (this.#mode === 'chunk' && this.#remaining === 0) {
      this.#mode = 'command'
      return CHUNK_END
    }
    if (this.#chunk === null) return null
    if (this.#mode === 'command') return this.#nextLine(this.#chunk)
    if (this.#mode === 'chunk') return this.#nextChunk(this.#chunk)
    return this.#nextData(this.#chunk)
  }

  #consumed(chunk: Buffer, at: number): void {
    this.#at = at
    if (at >= chunk.length) this.#chunk = null
  }

  #nextLine(chunk: Buffer): FeedEvent | null {
    const from = this.#at
    let lf = chunk.indexOf(LF, from)
    while (lf >= 0 && !(lf > from ? chunk[lf - 1] === CR : this.#heldCr)) lf = chunk.indexOf(LF, lf + 1)
    const end = lf < 0 ? chunk.length : lf + 1
    const octets = end - from
    if (!this.#skipping && this.#heldOctets + octets > this.#limits.lineOctets + (lf < 0 ? 1 : 2)) {
      this.#skipping = true
      this.#skippedOctets = this.#heldOctets
      this.#held = []
      this.#heldOctets = 0
    }
    if (this.#skipping) {
      this.#skippedOctets += octets
      this.#heldCr = chunk[end - 1] === CR
      this.#consumed(chunk, end)
      if (this.#skippedOctets > this.#limits.runawayOctets) {
        this.discard()
        return { kind: 'runaway' }
      }
      if (lf < 0) return null
      this.#skipping = false
      this.#heldCr = false
      return { kind: 'line-too-long' }
    }
    if (lf < 0) {
      this.#held.push(chunk.subarray(from))
      this.#heldOctets += octets
      this.#heldCr = chunk[end - 1] === CR
      if (this.#held.length > 32) this.#held = [Buffer.concat(this.#held, this.#heldOctets)]
      this.#consumed(chunk, end)
      return null
    }
    let line = chunk.subarray(from, end)
    if (this.#heldOctets > 0) {
      this.#held.push(line)
      line = Buffer.concat(this.#held, this.#heldOctets + octets)
      this.#held = []
      this.#heldOctets = 0
    }
    this.#heldCr = false
    this.#consumed(chunk, end)
    return { kind: 'line', line: line.subarray(0, line.length - 2) }
  }

  #nextChunk(chunk: Buffer): FeedEvent {
    const from = this.#at
    const end = Math.min(chunk.length, from + this.#remaining)
    this.#remaining -= end - from
    this.#consumed(chunk, end)
    return { kind: 'chunk', octets: from === 0 && end === chunk.length ? chunk : chunk.subarray(from, end) }
  }

  /** Unstuffs in place: `kept` is where the next octet that stays goes. */
  #nextData(chunk: Buffer): FeedEvent | null {
    const start = this.#at
    let at = start
    let from = start
    let kept = start
    let state = this.#data
    let ended = false
    const keep = (to: number): void => {
      if (kept !== from) chunk.copyWithin(kept, from, to)
      kept += to - from
      from = to
    }
    /** A CR held back as a possible `.CR` and now known to be data. There is room: its dot was dropped. */
    let early: Buffer | null = null
    while (at < chunk.length) {
      if (state === 'middle') {
        const dot = chunk.indexOf(STUFFED, at)
        if (dot < 0) {
          const last = chunk[chunk.length - 1]
          if (last === CR) state = 'cr'
          else if (last === LF && chunk.length - at >= 2 && chunk[chunk.length - 2] === CR)
            state = 'line-start'
          at = chunk.length
        } else {
          at = dot + 2
          state = 'line-start'
        }
        continue
      }
      const octet = chunk[at]
      if (state === 'cr') {
        state = octet === LF ? 'line-start' : octet === CR ? 'cr' : 'middle'
        at++
      } else if (state === 'line-start') {
        if (octet === DOT) {
          keep(at)
          from = ++at
          state = 'dot'
        } else state = 'middle'
      } else if (state === 'dot') {
        if (octet === CR) {
          from = ++at
          state = 'dot-cr'
        } else state = 'middle'
      } else if (octet === LF) {
        from = ++at
        ended = true
        break
      } else {
        if (kept < from) chunk[kept++] = CR
        else early = Buffer.from([CR])
        state = 'cr'
      }
    }
    if (!ended) keep(at)
    this.#data = state
    this.#pendingEnd = ended
    this.#consumed(chunk, at)
    const octets = chunk.subarray(start, kept)
    const data = early === null ? octets : Buffer.concat([early, octets])
    if (data.length > 0) return { kind: 'data', octets: data }
    return ended ? this.next() : null
  }
}
