import { hashHigh, hashLow, hashText } from './hash.ts'

/** Longest token kept whole; a longer one is cut, its first characters and length class staying. */
const MAX_TOKEN = 60

/** Collects distinct tokens of one message, at most `limit`. */
export class TokenSet {
  private readonly seen = new Set<string>()
  private readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  add(token: string): void {
    if (this.seen.size >= this.limit) return
    this.seen.add(token.length > MAX_TOKEN ? `${token.slice(0, MAX_TOKEN)}..` : token)
  }

  get size(): number {
    return this.seen.size
  }

  /** The texts and their hashes, low and high halves alternating. */
  finish(): { readonly texts: readonly string[]; readonly tokens: Uint32Array } {
    const texts = [...this.seen]
    const tokens = new Uint32Array(texts.length * 2)
    for (let i = 0; i < texts.length; i++) {
      hashText(texts[i] as string)
      tokens[i * 2] = hashLow
      tokens[i * 2 + 1] = hashHigh
    }
    return { texts, tokens }
  }
}
