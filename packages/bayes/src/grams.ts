import { GRAM_BITS } from './features.ts'

const SLOTS = 2 ** GRAM_BITS
/** One bit a slot: what this message already has. All zero between calls. */
const seen = new Uint32Array(SLOTS / 32)

/** Collects distinct character 4-grams of one message as slot numbers; one collection at a time. */
export class GramSet {
  private slots = new Uint32Array(4096)
  private count = 0

  private add(slot: number): void {
    const word = slot >>> 5
    const bit = 1 << (slot & 31)
    if (((seen[word] as number) & bit) !== 0) return
    seen[word] = (seen[word] as number) | bit
    if (this.count === this.slots.length) {
      const larger = new Uint32Array(this.count * 2)
      larger.set(this.slots)
      this.slots = larger
    }
    this.slots[this.count++] = slot
  }

  /**
   * Adds the 4-grams of at most `limit` characters; ASCII letters in lower case, runs of blanks as one. Characters of scripts without
   * spaces count as two, so their grams are bigrams. `seed` keeps grams of different places apart.
   */
  addText(text: string, limit: number, seed: number): void {
    const length = Math.min(text.length, limit)
    let a = 32
    let b = 32
    let c = 32
    for (let i = 0; i < length; i++) {
      let code = text.charCodeAt(i)
      if (code >= 65 && code <= 90) code += 32
      else if (code <= 32) {
        if (c === 32) continue
        code = 32
      }
      let hash: number
      if (code >= 0x2e80) hash = Math.imul(c ^ seed, 0x27d4eb2f) ^ Math.imul(code, 0x165667b1)
      else {
        hash =
          Math.imul(a ^ seed, 0x9e3779b1) ^
          Math.imul(b, 0x85ebca77) ^
          Math.imul(c, 0xc2b2ae3d) ^
          Math.imul(code, 0x27d4eb2f)
      }
      hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
      hash ^= hash >>> 13
      this.add((hash ^ (hash >>> 9)) & (SLOTS - 1))
      a = b
      b = c
      c = code
    }
  }

  /** Adds two neighbouring words by their hashes. */
  addPair(before: number, after: number): void {
    let hash = Math.imul(before, 0x9e3779b1) ^ Math.imul(after, 0x85ebca77)
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    this.add((hash ^ (hash >>> 12)) & (SLOTS - 1))
  }

  /** The slots; the set is empty afterwards. */
  finish(): Uint32Array {
    const slots = this.slots.slice(0, this.count)
    for (const slot of slots) seen[slot >>> 5] = 0
    this.count = 0
    return slots
  }
}
