import { randomFillSync } from 'node:crypto'
import { formatUniqueId, type UniqueId } from '@restante/mail'

/** Fills an array with random octets. */
export type Random = (octets: Uint8Array) => void

/** The system's secure generator. */
export const systemRandom: Random = (octets) => {
  randomFillSync(octets)
}

/** Makes unique-ids: each greater than all before it in this process, even when the clock steps back. */
export class UniqueIds {
  readonly #now: () => number
  readonly #random: Random
  readonly #tail: Uint8Array = new Uint8Array(10)
  #lastMs = -1

  constructor(now: () => number, random: Random) {
    this.#now = now
    this.#random = random
  }

  next(): UniqueId {
    const nowMs = Math.max(0, Math.floor(this.#now()))
    const tail = this.#tail
    if (nowMs > this.#lastMs) {
      this.#lastMs = nowMs
      this.#random(tail)
      // Room to count up within this millisecond.
      tail[0] = (tail[0] as number) & 0x7f
    } else {
      // Other processes make ids in the same millisecond: only the high half counts, the low one is drawn again.
      const low = tail.subarray(5)
      this.#random(low)
      for (let i = 4; i >= 0; i--) {
        tail[i] = ((tail[i] as number) + 1) & 0xff
        if (tail[i] !== 0) break
      }
    }
    return formatUniqueId(this.#lastMs, tail)
  }
}
