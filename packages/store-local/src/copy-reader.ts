import { crc32 } from 'node:zlib'
import { StoreError } from '@restante/maildrop'
import type { Connection } from './connection.ts'
import { storeError } from './failure.ts'
import type { SegmentFiles } from './segment-files.ts'

/** Everything needed to read one copy. */
export interface CopySource {
  readonly n: number
  readonly size: number
  readonly prefix: Uint8Array
  readonly splice_offset: number | null
  readonly splice_length: number | null
  readonly splice_octets: Uint8Array | null
  readonly body_size: number
  readonly crc: number
  readonly position: number
  readonly segment: string
}

const COLUMNS = `
SELECT c.n, c.size, c.prefix, c.splice_offset, c.splice_length, c.splice_octets,
  b.size AS body_size, b.crc, b.position, s.name AS segment
FROM copies c JOIN bodies b ON b.n = c.body JOIN segments s ON s.n = b.segment`
const SOURCE = `${COLUMNS} WHERE c.n = ?`
const SOURCES = `${COLUMNS} WHERE c.n IN (SELECT value FROM json_each(?))`

/** Small reads share pieces of memory this large: one allocation for a hundred messages. */
const SLAB_OCTETS = 1024 * 1024
/** The largest read that is cut from a slab. */
const SLAB_READ_OCTETS = 64 * 1024

/** Octets read at once where a whole copy is streamed. */
const CHUNK_OCTETS = 256 * 1024

/** The one function that turns a copy into octets: prefix, body from its segment, splice. */
export class CopyReader {
  readonly #index: Connection
  readonly #files: SegmentFiles
  #slab: Uint8Array = new Uint8Array(0)
  #slabUsed = 0

  constructor(index: Connection, files: SegmentFiles) {
    this.#index = index
    this.#files = files
  }

  /** Where a copy is now; null where there is none. */
  source(n: number): CopySource | null {
    return this.#index.get<CopySource>(SOURCE, n) ?? null
  }

  /** Where several copies are now, by number; those that are nowhere are left out. */
  sources(numbers: readonly number[]): ReadonlyMap<number, CopySource> {
    const rows = this.#index.all<CopySource>(SOURCES, JSON.stringify(numbers))
    return new Map(rows.map((row) => [row.n, row]))
  }

  /** A new array; its octets are whatever was in memory, to be written over. */
  #allocate(length: number): Uint8Array {
    if (length > SLAB_READ_OCTETS) return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
    if (this.#slabUsed + length > this.#slab.length) {
      this.#slab = new Uint8Array(Buffer.allocUnsafeSlow(SLAB_OCTETS).buffer)
      this.#slabUsed = 0
    }
    const start = this.#slabUsed
    this.#slabUsed += length
    return this.#slab.subarray(start, start + length)
  }

  /**
   * Up to `maxOctets` of a copy from `position`, in a new array. Where compaction took the file away meanwhile, the
   * place is looked up once more. A whole body's checksum is verified.
   * @throws {StoreError} `io`, `corrupt`
   */
  readAt(source: CopySource, position: number, maxOctets: number): Uint8Array {
    const length = Math.max(0, Math.min(maxOctets, source.size - position))
    if (length === 0) return new Uint8Array(0)
    const target = this.#allocate(length)
    try {
      this.#fill(source, position, target)
      return target
    } catch (error) {
      const again = this.source(source.n)
      if (again && (again.segment !== source.segment || again.position !== source.position)) {
        try {
          this.#fill(again, position, target)
          return target
        } catch (second) {
          throw this.#failure(source.n, second)
        }
      }
      throw this.#failure(source.n, error)
    }
  }

  #fill(source: CopySource, position: number, target: Uint8Array): void {
    const end = position + target.length
    let start = 0
    /** Copies the part of a run of octets in memory that falls into the target. */
    const put = (run: Uint8Array): void => {
      const from = Math.max(position, start)
      const to = Math.min(end, start + run.length)
      if (from < to) target.set(run.subarray(from - start, to - start), from - position)
      start += run.length
    }
    /** The same for a run of the body. */
    const read = (offset: number, length: number): void => {
      const from = Math.max(position, start)
      const to = Math.min(end, start + length)
      if (from < to) {
        const part = target.subarray(from - position, to - position)
        this.#files.readSync(source.segment, source.position + offset + from - start, part)
        if (part.length === source.body_size && crc32(part) !== source.crc) {
          throw new StoreError('corrupt', 'its checksum does not match')
        }
      }
      start += length
    }
    put(source.prefix)
    if (source.splice_octets === null) read(0, source.body_size)
    else {
      const offset = source.splice_offset ?? 0
      const after = offset + (source.splice_length ?? 0)
      read(0, offset)
      put(source.splice_octets)
      read(after, source.body_size - after)
    }
  }

  /** Names the message an error is about. */
  #failure(n: number, error: unknown): StoreError {
    const row = this.#index.get<{ uid: string | null; address: string | null }>(
      `SELECT c.uid, a.address FROM copies c JOIN maildrops m ON m.n = c.maildrop
       LEFT JOIN accounts a ON a.n = m.account WHERE c.n = ?`,
      n,
    )
    const { code, message } = storeError(error)
    return new StoreError(
      code,
      `message ${row?.uid ?? '(removed)'} of ${row?.address ?? '(erased)'}: ${message}`,
      {
        cause: error,
      },
    )
  }

  /** A copy's octets in chunks. The file it is in stays readable until the iteration ends. */
  async *stream(source: CopySource): AsyncGenerator<Uint8Array, void, undefined> {
    const unpin = this.#files.pin(source.segment)
    try {
      for (let position = 0; position < source.size; position += CHUNK_OCTETS) {
        yield this.readAt(source, position, CHUNK_OCTETS)
      }
    } finally {
      unpin()
    }
  }
}
