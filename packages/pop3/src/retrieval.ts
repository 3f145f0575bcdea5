import { CR, LF, type Listing, type Octets } from '@restante/mail'
import { stuffDots } from './dot-stuffing.ts'

/** How large the pieces asked from the store may be. */
const LARGEST_READ = 262_144
/** A guess at a body line, to read about as much as TOP will send. */
const TYPICAL_LINE = 80

/**
 * One RETR or TOP under way: which octets to read next, and what of them to send. Whatever the store returns,
 * no octet past the listed size is sent and the reply ends in CRLF.
 */
export class Retrieval {
  readonly index: number
  readonly #size: Octets
  readonly #bodyOffset: Octets
  readonly #stuffs: boolean
  /** Body lines still to send; -1 = all. */
  #lines: number
  #position: Octets = 0
  #atLineStart = true
  #lastOctet = 0
  #endsInCrlf = true
  #done = false

  /** `lines` = null for RETR. */
  constructor(listing: Listing, index: number, lines: number | null) {
    this.index = index
    this.#size = listing.sizes[index] as number
    this.#bodyOffset = listing.bodyOffsets[index] as number
    this.#stuffs = listing.stuffing[index] === 1
    this.#lines = lines ?? -1
    this.#done = this.#end === 0
  }

  get position(): Octets {
    return this.#position
  }

  /** Whether everything to send has been sent (the final dot line apart). */
  get done(): boolean {
    return this.#done
  }

  get #end(): Octets {
    return this.#lines === 0 ? Math.min(this.#bodyOffset, this.#size) : this.#size
  }

  /** The most octets worth reading at `position` now. */
  get nextOctets(): Octets {
    const left = this.#end - this.#position
    if (this.#lines <= 0) return Math.min(left, LARGEST_READ)
    const header = Math.max(0, this.#bodyOffset - this.#position)
    return Math.min(left, LARGEST_READ, header + this.#lines * TYPICAL_LINE + 512)
  }

  /**
   * Takes what was read at `position`, gives what to send. An empty array before the end means the message is
   * shorter than listed: returns null, and the reply cannot be completed.
   */
  accept(read: Uint8Array): Uint8Array | null {
    let octets = read
    if (octets.length === 0) return null
    if (octets.length > this.#end - this.#position) octets = octets.subarray(0, this.#end - this.#position)
    if (this.#lines > 0) octets = this.#cutLines(octets)
    this.#position += octets.length
    if (this.#position >= this.#end) this.#done = true
    const last = octets[octets.length - 1] as number
    const beforeLast = octets.length > 1 ? octets[octets.length - 2] : this.#lastOctet
    this.#endsInCrlf = last === LF && beforeLast === CR
    this.#lastOctet = last
    if (!this.#stuffs) return octets
    const stuffed = stuffDots(octets, this.#atLineStart)
    this.#atLineStart = stuffed.atLineStart
    return stuffed.octets
  }

  /** Whether what was sent so far ends in CRLF; a store that breaks the stored form makes it false. */
  get endsInCrlf(): boolean {
    return this.#endsInCrlf
  }

  #cutLines(octets: Uint8Array): Uint8Array {
    let at = Math.max(0, this.#bodyOffset - this.#position)
    while (at < octets.length) {
      const lf = octets.indexOf(LF, at)
      if (lf < 0) return octets
      at = lf + 1
      if (--this.#lines === 0) {
        this.#done = true
        return octets.subarray(0, at)
      }
    }
    return octets
  }
}
