import { join } from 'node:path'
import type { FileLayer } from './file-layer.ts'
import { encodeHead, HEAD_OCTETS } from './segment-format.ts'

/** A run of octets that was taken into a segment, at `position` of it. */
export interface Placed {
  readonly segment: OpenSegment
  readonly position: number
}

/** The segment being written, as the writer thread sees it. */
export interface OpenSegment {
  readonly name: string
  readonly path: string
  readonly fd: number
  readonly createdAtMs: number
  octets: number
  /** Its row in the index once a committed transaction has named it. */
  row: number | null
}

/** Settings of a {@link SegmentWriter}. */
export interface SegmentWriterOptions {
  readonly directory: string
  readonly files: FileLayer
  /** Names are `NAME-COUNT.seg`; no two writers may share `name`. */
  readonly name: string
  readonly maxOctets: number
  readonly maxAgeMs: number
  readonly now: () => number
}

/**
 * Appends records to this process's open segment: any number of {@link append}, then one {@link flush} that makes
 * them durable. A failed write or flush poisons the segment: it is left as it is, never written or flushed again,
 * and the next append starts another.
 */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions
  #open: OpenSegment | null = null
  #count = 0
  #waiting: Uint8Array[] = []
  #waitingAt = 0
  /** Segments that will not be written again and that the index may still call open. */
  readonly abandoned: OpenSegment[] = []

  constructor(options: SegmentWriterOptions) {
    this.#options = options
  }

  /** The open segment, if there is one. */
  get open(): OpenSegment | null {
    return this.#open
  }

  #start(): OpenSegment {
    const { directory, files, name, now } = this.#options
    const fileName = `${name}-${++this.#count}.seg`
    const path = join(directory, fileName)
    const atMs = now()
    const fd = files.createSync(path)
    try {
      const head = encodeHead(atMs)
      files.writeSync(fd, [head], 0)
      files.flushDirectorySync(directory)
    } catch (error) {
      files.closeSync(fd)
      try {
        files.unlinkSync(path)
      } catch {
        // The next opener of the store removes what nothing points at.
      }
      throw error
    }
    this.#open = { name: fileName, path, fd, createdAtMs: atMs, octets: HEAD_OCTETS, row: null }
    return this.#open
  }

  /** Whether the open segment has reached its size or age. */
  get isFull(): boolean {
    const { maxOctets, maxAgeMs, now } = this.#options
    const open = this.#open
    return open !== null && (open.octets >= maxOctets || now() - open.createdAtMs >= maxAgeMs)
  }

  /** Takes a record's parts for the next {@link flush}; they must not change until then. Throws where no segment can be made. */
  append(parts: readonly Uint8Array[]): Placed {
    const segment = this.#open ?? this.#start()
    if (this.#waiting.length === 0) this.#waitingAt = segment.octets
    const position = segment.octets
    for (const part of parts) {
      this.#waiting.push(part)
      segment.octets += part.length
    }
    return { segment, position }
  }

  /** Writes and flushes what was appended. When it throws, none of it may be acknowledged. */
  flush(): void {
    const open = this.#open
    if (!open || this.#waiting.length === 0) return
    const parts = this.#waiting
    this.#waiting = []
    try {
      this.#options.files.writeSync(open.fd, parts, this.#waitingAt)
      this.#options.files.flushSync(open.fd)
    } catch (error) {
      this.#poison(open)
      throw error
    }
  }

  /** Lets go of what was appended but not flushed, after a failure in between; the open segment is poisoned by it. */
  forget(): void {
    if (this.#waiting.length === 0) return
    this.#waiting = []
    if (this.#open) this.#poison(this.#open)
  }

  #poison(open: OpenSegment): void {
    this.#open = null
    open.octets = this.#waitingAt
    this.abandoned.push(open)
    try {
      this.#options.files.closeSync(open.fd)
    } catch {
      // Nothing more is expected of it.
    }
  }

  /** Ends the open segment; the next append starts another. */
  seal(): void {
    const open = this.#open
    if (!open) return
    this.#open = null
    this.abandoned.push(open)
    this.#options.files.closeSync(open.fd)
  }
}
