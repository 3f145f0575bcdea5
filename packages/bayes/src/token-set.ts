import { hashHigh, hashLow, hashToken } from './hash.ts'

/** Longest word kept whole; a longer one is cut. */
const MAX_WORD = 60
/** Most tokens of one collection. */
export const MAX_TOKENS = 3000

/** The texts of a message's tokens, put together only when asked for. */
export interface TokenTexts {
  readonly length: number
  at(index: number): string
}

/** Work space of the one collection going on: hashes, and open addressing over them (index + 1, 0 = free). */
const hashes = new Uint32Array(MAX_TOKENS * 2)
const places = new Uint16Array(8192)
const MASK = places.length - 1

/**
 * Collects distinct tokens of one message, at most `limit`, told apart by their hashes. One collection at a time: the
 * next one begins with the next set.
 */
export class TokenSet implements TokenTexts {
  private readonly prefixes: string[] = []
  private readonly words: string[] = []
  private readonly limit: number

  constructor(limit: number) {
    this.limit = Math.min(limit, MAX_TOKENS)
    places.fill(0)
  }

  /** Adds the token `prefix + word`; its hash is the last one made, whether it was new or not. */
  add(prefix: string, word: string): void {
    const kept = word.length > MAX_WORD ? `${word.slice(0, MAX_WORD)}..` : word
    hashToken(prefix, kept)
    const count = this.prefixes.length
    if (count >= this.limit) return
    const low = hashLow
    const high = hashHigh
    let place = low & MASK
    for (;;) {
      const index = places[place] as number
      if (index === 0) break
      if (hashes[index * 2 - 2] === low && hashes[index * 2 - 1] === high) return
      place = (place + 1) & MASK
    }
    places[place] = count + 1
    hashes[count * 2] = low
    hashes[count * 2 + 1] = high
    this.prefixes.push(prefix)
    this.words.push(kept)
  }

  get length(): number {
    return this.prefixes.length
  }

  at(index: number): string {
    return (this.prefixes[index] ?? '') + (this.words[index] ?? '')
  }

  /** The hashes, low and high halves alternating, in the order of {@link at}. */
  finish(): Uint32Array {
    return hashes.slice(0, this.prefixes.length * 2)
  }
}
