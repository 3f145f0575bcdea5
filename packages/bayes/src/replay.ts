import type { Features } from './features.ts'

/** Messages of each class kept for replay. */
export const REPLAY_SIZE = 256

function equalNumbers(a: Uint32Array, b: Uint32Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * A fair sample of the messages learned of one class (reservoir sampling by a hash of the count instead of chance).
 * Whatever is learned of one class, a message of the other is learned again beside it: so the order of lessons
 * hardly matters, and a folder of ham followed by a folder of spam does not end with all mail being spam.
 */
export class ReplaySample {
  /** At most {@link REPLAY_SIZE}, without texts. */
  readonly kept: Features[] = []
  /** Messages offered so far. */
  offered = 0
  /** Which of `kept` is next. */
  cursor = 0

  /** The next message to learn again, or null. */
  next(): Features | null {
    if (this.kept.length === 0) return null
    this.cursor = (this.cursor + 1) % this.kept.length
    return this.kept[this.cursor] ?? null
  }

  /** Offers a message; each of all offered has the same chance of being kept. */
  offer(features: Features): void {
    this.offered++
    const own = features.texts === null ? features : { ...features, texts: null }
    if (this.kept.length < REPLAY_SIZE) {
      this.kept.push(own)
      return
    }
    let hash = Math.imul(this.offered, 0x9e3779b1)
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
    const place = ((hash ^ (hash >>> 13)) >>> 0) % this.offered
    if (place < REPLAY_SIZE) this.kept[place] = own
  }

  /** Forgets a message that is unlearned. */
  forget(features: Features): void {
    const index = this.kept.findIndex(
      (other) =>
        equalNumbers(other.headerTokens, features.headerTokens) &&
        equalNumbers(other.textTokens, features.textTokens),
    )
    if (index < 0) return
    const last = this.kept.pop()
    if (last !== undefined && index < this.kept.length) this.kept[index] = last
  }
}
