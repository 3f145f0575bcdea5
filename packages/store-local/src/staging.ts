import { readSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { concatOctets, type StoredForm, scanStoredForm } from '@restante/mail'
import { StoreError } from '@restante/maildrop'
import { storeError } from './failure.ts'
import type { FileLayer } from './file-layer.ts'
import type { FreeSpace } from './free-space.ts'
import type { PlacedBody } from './requests.ts'
import {
  encodeHead,
  encodeRecordHeader,
  encodeTrailer,
  HEAD_OCTETS,
  RECORD_HEADER_OCTETS,
  type Trailer,
} from './segment-format.ts'

/** Bodies up to this stay in memory until they are committed. */
const MEMORY_BODY_OCTETS = 1024 * 1024
/** How much is gathered before it is written to a large body's own segment. */
const WRITE_OCTETS = 256 * 1024
/** How often, in octets, the free space is looked at while a large body streams in. */
const LOOK_OCTETS = 4 * 1024 * 1024

/** Where staged bodies go. */
export interface StagingPlace {
  readonly files: FileLayer
  readonly space: FreeSpace
  /** The segments' folder. */
  readonly directory: string
  /** Names of large bodies' segments start with it. */
  readonly instance: string
  readonly now: () => number
  readonly budget: StagingBudget
}

/** Memory all staged bodies of a process share. */
export class StagingBudget {
  readonly #limitOctets: number
  usedOctets = 0

  constructor(limitOctets: number) {
    this.#limitOctets = limitOctets
  }

  /** Takes octets from the budget; false where they do not fit. */
  take(octets: number): boolean {
    if (this.usedOctets + octets > this.#limitOctets) return false
    this.usedOctets += octets
    return true
  }

  give(octets: number): void {
    this.usedOctets -= octets
  }
}

/** A body whose octets are taken, in memory or in a file nothing points at. */
export type StagedBody = {
  readonly form: StoredForm
  read(): AsyncIterable<Uint8Array>
  /** Gives memory back; removes the file unless it was `kept`. */
  end(kept: boolean): Promise<void>
} & (
  | {
      /** The body, where it is in memory. */
      readonly whole: Uint8Array
    }
  | {
      readonly whole: null
      /** Name of the file it is in. */
      readonly segment: string
      /** Writes the record's ends around the body and makes all of it durable. */
      place(id: Uint8Array, trailer: Trailer): Promise<Omit<PlacedBody, 'row'>>
    }
)

/** A large body's own segment while it streams in. */
class BodyFile {
  readonly name: string
  readonly path: string
  readonly fd: number
  readonly #place: StagingPlace
  #position: number = HEAD_OCTETS + RECORD_HEADER_OCTETS
  #gathered: Uint8Array[] = []
  #gatheredOctets = 0
  #lookAt = LOOK_OCTETS
  crc = 0

  constructor(place: StagingPlace, count: number) {
    this.#place = place
    this.name = `${place.instance}-b${count}.seg`
    this.path = join(place.directory, this.name)
    this.fd = place.files.createSync(this.path)
  }

  async push(chunk: Uint8Array): Promise<void> {
    this.#gathered.push(chunk)
    this.#gatheredOctets += chunk.length
    if (this.#gatheredOctets >= WRITE_OCTETS) await this.drain()
  }

  async drain(): Promise<void> {
    const octets = concatOctets(this.#gathered)
    this.#gathered = []
    this.#gatheredOctets = 0
    if (octets.length === 0) return
    if (this.#position >= this.#lookAt) {
      this.#lookAt = this.#position + LOOK_OCTETS
      if (!this.#place.space.hasRoomFor(LOOK_OCTETS)) throw noRoom()
    }
    this.crc = crc32(octets, this.crc)
    await this.#place.files.write(this.fd, octets, this.#position)
    this.#position += octets.length
  }

  get end(): number {
    return this.#position
  }
}

/** The error of a store whose disk is too full for mail. */
export function noRoom(): StoreError {
  return new StoreError(
    'disk-full',
    'the free-space floor of the disk is reached; make room or lower the floor',
  )
}

let bodyFiles = 0

/**
 * Takes a body in stored form, in memory or, where it is large or memory is short, into a file.
 * @throws {StoreError} and whatever `octets` throws
 */
export async function stageBody(
  place: StagingPlace,
  octets: AsyncIterable<Uint8Array> | Uint8Array,
): Promise<StagedBody> {
  const { budget, files } = place
  const scanner = scanStoredForm()
  let held: Uint8Array[] = []
  let heldOctets = 0
  let file: BodyFile | null = null

  const keep = (chunk: Uint8Array): Promise<void> | null => {
    if (chunk.length === 0) return null
    // Not `slice()`: of a Buffer that is a view, and a view holds and carries the whole socket buffer behind it.
    const own = new Uint8Array(chunk)
    place.space.spend(own.length)
    if (file) return file.push(own)
    if (heldOctets + own.length <= MEMORY_BODY_OCTETS && budget.take(own.length)) {
      held.push(own)
      heldOctets += own.length
      return null
    }
    const opened = new BodyFile(place, ++bodyFiles)
    file = opened
    const before = held
    held = []
    return (async () => {
      for (const each of before) await opened.push(each)
      await opened.push(own)
      await opened.drain()
      budget.give(heldOctets)
      heldOctets = 0
    })()
  }
  const keepGuarded = async (chunk: Uint8Array): Promise<void> => {
    try {
      const waiting = keep(chunk)
      if (waiting) await waiting
    } catch (error) {
      throw storeError(error)
    }
  }
  const drop = async (): Promise<void> => {
    budget.give(heldOctets)
    heldOctets = 0
    held = []
    if (file) await removeFile(files, file)
  }

  try {
    if (octets instanceof Uint8Array) {
      for (const chunk of scanner.push(octets)) await keepGuarded(chunk)
    } else {
      for await (const chunk of octets) {
        for (const piece of scanner.push(chunk)) await keepGuarded(piece)
      }
    }
    const { tail, form } = scanner.finish()
    await keepGuarded(tail)
    const finished = file as BodyFile | null
    if (!finished) {
      const whole = held.length === 1 ? (held[0] as Uint8Array) : concatOctets(held)
      return memoryBody(budget, form, whole)
    }
    await guardedWait(finished.drain())
    return fileBody(place, form, finished)
  } catch (error) {
    await drop()
    throw error
  }
}

async function guardedWait<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw storeError(error)
  }
}

async function removeFile(files: FileLayer, file: BodyFile): Promise<void> {
  try {
    files.unlinkSync(file.path)
    await files.close(file.fd)
  } catch {
    // The next opener of the store removes what nothing points at.
  }
}

function memoryBody(budget: StagingBudget, form: StoredForm, whole: Uint8Array): StagedBody {
  let held = whole.length
  return {
    form,
    whole,
    async *read() {
      if (whole.length > 0) yield whole
    },
    async end() {
      budget.give(held)
      held = 0
    },
  }
}

function fileBody(place: StagingPlace, form: StoredForm, file: BodyFile): StagedBody {
  const { files } = place
  const start = HEAD_OCTETS + RECORD_HEADER_OCTETS
  return {
    form,
    whole: null,
    segment: file.name,
    async *read() {
      for (let at = 0; at < form.sizeOctets; ) {
        const chunk = new Uint8Array(Math.min(WRITE_OCTETS, form.sizeOctets - at))
        const got = readSync(file.fd, chunk, 0, chunk.length, start + at)
        if (got === 0) throw new StoreError('io', `staged body ${file.name} ends early`)
        at += got
        yield chunk.subarray(0, got)
      }
    },
    async place(id, trailer) {
      const end = encodeTrailer(trailer)
      const header = encodeRecordHeader({ id, ...form, trailerOctets: end.length, bodyCrc: file.crc }, end)
      await guardedWait(
        (async () => {
          await files.write(file.fd, end, file.end)
          await files.write(file.fd, concatOctets([encodeHead(place.now()), header]), 0)
          await files.flush(file.fd)
          await files.flushDirectory(place.directory)
        })(),
      )
      return {
        segmentOctets: file.end + end.length,
        position: start,
        crc: file.crc,
      }
    },
    async end(kept) {
      if (!kept) await removeFile(files, file)
      else await files.close(file.fd)
    },
  }
}
