import type { FileLayer } from './file-layer.ts'

/** How long a look at the file system's free space holds. */
const LOOK_MS = 1000

/** Keeps a floor of free space under deliveries, so that deletions and commits still fit when the disk fills up. */
export class FreeSpace {
  readonly #files: FileLayer
  readonly #directory: string
  readonly #floorOctets: number
  #freeOctets = 0
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(files: FileLayer, directory: string, floorOctets: number) {
    this.#files = files
    this.#directory = directory
    this.#floorOctets = floorOctets
  }

  /** Counts octets this process is about to write, so that a second's deliveries cannot run past the floor unseen. */
  spend(octets: number): void {
    this.#freeOctets -= octets
  }

  /** Octets free on the store's file system, looked at no longer than a second ago. */
  get freeOctets(): number {
    const now = performance.now()
    if (now - this.#lookedAt >= LOOK_MS) {
      this.#freeOctets = this.#files.freeOctetsSync(this.#directory)
      this.#lookedAt = now
    }
    return this.#freeOctets
  }

  /** Whether so many octets can come without going below the floor. */
  hasRoomFor(octets: number): boolean {
    try {
      return this.freeOctets - octets >= this.#floorOctets
    } catch {
      return false
    }
  }
}
