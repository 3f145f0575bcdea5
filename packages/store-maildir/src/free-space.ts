import { statfsSync } from 'node:fs'
import { StoreError } from '@restante/maildrop'

/** How long a look at the file system's free space holds. */
const LOOK_MS = 1000

/** Keeps a floor of free space under deliveries, so that deletions still fit when the disk fills up. */
export class FreeSpace {
  readonly #directory: string
  readonly #floorOctets: number
  #freeOctets = 0
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(directory: string, floorOctets: number) {
    this.#directory = directory
    this.#floorOctets = floorOctets
  }

  /** Counts octets this process is about to write, so that a second's deliveries cannot run past the floor unseen. */
  spend(octets: number): void {
    this.#freeOctets -= octets
  }

  /** Whether so many octets can come without going below the floor. */
  hasRoomFor(octets: number): boolean {
    try {
      const now = performance.now()
      if (now - this.#lookedAt >= LOOK_MS) {
        const { bavail, bsize } = statfsSync(this.#directory)
        this.#freeOctets = bavail * bsize
        this.#lookedAt = now
      }
      return this.#freeOctets - octets >= this.#floorOctets
    } catch {
      return false
    }
  }

  /** @throws {StoreError} `disk-full` */
  mustHaveRoomFor(octets: number): void {
    if (this.hasRoomFor(octets)) return
    throw new StoreError(
      'disk-full',
      'the free-space floor of the disk is reached; make room or lower the floor',
    )
  }
}
