import { CR, concatOctets, DOT, LF, type Octets } from '@restante/mail'
import { DotUnstuffer } from './dot-unstuffing.ts'

/** What {@link ReplyReader.nextLine} found where it is not a line. */
export type NoReplyLine = 'more' | 'too-long'

/**
 * Cuts what a server says into lines and multi-line replies, whatever the chunks' borders. Holds the chunks not read
 * yet (the caller stops pushing while it is not reading) and, of an unfinished line, at most its limit.
 */
export class ReplyReader {
  #chunks: Uint8Array[] = []
  #at = 0
  #held: Octets = 0
  #unstuffer: DotUnstuffer | null = null
  /** Pieces of message text taken out of a chunk but not handed out yet. */
  #pieces: readonly Uint8Array[] = []
  #piece = 0
  #ended = false

  /** Adds octets; the array must not change until they are read, and what is read are views of it. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#held += chunk.length
  }

  /** Octets pushed and not read yet. */
  get heldOctets(): Octets {
    return this.#held
  }

  /**
   * The next line without its line end (CRLF, or a bare LF as some servers send). `too-long`: more than `maxOctets`
   * without an end; there is no going on from there.
   */
  nextLine(maxOctets: Octets): Uint8Array | NoReplyLine {
    let searched = 0
    for (let i = 0; i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i] as Uint8Array
      const from = i === 0 ? this.#at : 0
      const lf = chunk.indexOf(LF, from)
      if (lf < 0) {
        searched += chunk.length - from
        if (searched > maxOctets) return 'too-long'
        continue
      }
      if (searched + lf + 1 - from > maxOctets) return 'too-long'
      let line: Uint8Array
      if (i === 0) line = chunk.subarray(from, lf)
      else {
        const first = (this.#chunks[0] as Uint8Array).subarray(this.#at)
        line = concatOctets([first, ...this.#chunks.slice(1, i), chunk.subarray(0, lf)])
      }
      this.#chunks.splice(0, i)
      this.#at = lf + 1
      this.#held -= searched + lf + 1 - from
      this.#dropReadChunk()
      return line.length > 0 && line[line.length - 1] === CR ? line.subarray(0, line.length - 1) : line
    }
    // One array of a line that comes in drips: the next look need not begin anew.
    if (this.#chunks.length > 16) {
      const first = (this.#chunks[0] as Uint8Array).subarray(this.#at)
      this.#chunks = [concatOctets([first, ...this.#chunks.slice(1)])]
      this.#at = 0
    }
    return 'more'
  }

  /** The next line of a multi-line reply, unstuffed; `end` for the line with the final dot. */
  nextListingLine(maxOctets: Octets): Uint8Array | NoReplyLine | 'end' {
    const line = this.nextLine(maxOctets)
    if (typeof line === 'string' || line[0] !== DOT) return line
    return line.length === 1 ? 'end' : line.subarray(1)
  }

  /** The next octets of a multi-line reply's text, unstuffed; then `end` once, and the reply is over. */
  nextContent(): Uint8Array | 'more' | 'end' {
    for (;;) {
      const piece = this.#pieces[this.#piece]
      if (piece !== undefined) {
        this.#piece++
        return piece
      }
      this.#pieces = []
      this.#piece = 0
      if (this.#ended) {
        this.#ended = false
        this.#unstuffer = null
        return 'end'
      }
      const chunk = this.#chunks[0]
      if (chunk === undefined) return 'more'
      this.#unstuffer ??= new DotUnstuffer()
      const { pieces, consumed, ended } = this.#unstuffer.push(
        this.#at === 0 ? chunk : chunk.subarray(this.#at),
      )
      this.#pieces = pieces
      this.#at += consumed
      this.#held -= consumed
      this.#ended = ended
      this.#dropReadChunk()
    }
  }

  /** Forgets everything held (the connection is over). */
  clear(): void {
    this.#chunks = []
    this.#at = 0
    this.#held = 0
    this.#pieces = []
    this.#piece = 0
    this.#ended = false
    this.#unstuffer = null
  }

  #dropReadChunk(): void {
    if (this.#at >= (this.#chunks[0]?.length ?? 0)) {
      this.#chunks.shift()
      this.#at = 0
    }
  }
}
