import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'

interface OpenFile {
  readonly fd: number
  usedAtMs: number
  /** Iterations that must not lose it. */
  pins: number
}

/**
 * Segment files open for reading, the least recently used closed first. A file that compaction removed stays
 * readable through its descriptor until it is closed here.
 */
export class SegmentFiles {
  readonly #directory: string
  readonly #limit: number
  readonly #files = new Map<string, OpenFile>()

  constructor(directory: string, limit: number) {
    this.#directory = directory
    this.#limit = limit
  }

  #file(name: string): OpenFile {
    let file = this.#files.get(name)
    if (file) {
      this.#files.delete(name)
    } else {
      file = { fd: openSync(join(this.#directory, name), constants.O_RDONLY), usedAtMs: 0, pins: 0 }
    }
    file.usedAtMs = Date.now()
    this.#files.set(name, file)
    if (this.#files.size > this.#limit) this.#shrink()
    return file
  }

  #shrink(): void {
    for (const [name, file] of this.#files) {
      if (this.#files.size <= this.#limit) return
      if (file.pins > 0) continue
      this.#files.delete(name)
      closeSync(file.fd)
    }
  }

  /**
   * Reads exactly `target.length` octets of a segment into `target`.
   * @throws where the file is gone (`ENOENT`) or shorter
   */
  readSync(name: string, position: number, target: Uint8Array): void {
    const { fd } = this.#file(name)
    for (let done = 0; done < target.length; ) {
      const got = readSync(fd, target, done, target.length - done, position + done)
      if (got === 0) throw new Error(`segment ${name} ends before octet ${position + target.length}`)
      done += got
    }
  }

  /** Keeps a segment open, whatever becomes of its name, until the answer is called. */
  pin(name: string): () => void {
    let file: OpenFile
    try {
      file = this.#file(name)
    } catch {
      // Reading it tells why.
      return () => {}
    }
    file.pins++
    return () => {
      file.pins--
    }
  }

  /** Closes files that were removed, or not used for a while, so that their space comes free. */
  closeIdle(idleMs: number): void {
    const before = Date.now() - idleMs
    for (const [name, file] of this.#files) {
      if (file.pins > 0) continue
      if (file.usedAtMs > before && fstatSync(file.fd).nlink > 0) continue
      this.#files.delete(name)
      closeSync(file.fd)
    }
  }

  close(): void {
    for (const { fd } of this.#files.values()) closeSync(fd)
    this.#files.clear()
  }
}
