import { randomFillSync } from 'node:crypto'
import { formatUniqueId, type UniqueId } from '@restante/mail'

/** Fills an array with random octets. */
export type Random = (octets: Uint8Array) => void

/** The system's secure generator. */
export const systemRandom: Random = (octets) => {
  randomFillSync(octets)
}

/**
 * A body's id: 48 bits of milliseconds of the real clock, 80 random ones. Made when it is committed, so that a rebuild
 * can tell what came after a backup.
 */
export function bodyId(): Uint8Array {
  const id = Buffer.allocUnsafeSlow(16)
  id.writeUIntBE(Date.now(), 0, 6)
  randomFillSync(id, 6)
  return id
}

/** When a body with that id was committed. */
export function bodyTimeMs(id: Uint8Array): number {
  return Buffer.from(id.buffer, id.byteOffset, id.length).readUIntBE(0, 6)
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
