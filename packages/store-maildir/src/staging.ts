import { constants, readSync } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { concatOctets, type StoredForm, scanStoredForm } from '@restante/mail'
import { StoreError } from '@restante/maildrop'
import { guardedWait } from './failure.ts'
import type { FreeSpace } from './free-space.ts'
import { CHUNK_OCTETS } from './mail-files.ts'

/** Bodies up to this stay in memory until they are committed. */
const MEMORY_BODY_OCTETS = 1024 * 1024
/** How often, in octets, the free space is looked at while a large body streams in. */
const LOOK_OCTETS = 4 * 1024 * 1024
/** Memory all staged bodies of an opened store share. */
const BUDGET_OCTETS = 64 * 1024 * 1024

/** A body whose octets are taken, in memory or in a file nothing points at. */
export interface StagedBody {
  readonly form: StoredForm
  /** The body where it is in memory. */
  readonly whole: Uint8Array | null
  /** `length` octets from `offset`, in chunks. */
  read(offset?: number, length?: number): AsyncGenerator<Uint8Array, void, undefined>
  /** Gives memory back, or removes the file. */
  end(): Promise<void>
}

/** Takes bodies in. */
export class Staging {
  readonly #directory: string
  readonly #instance: string
  readonly #space: FreeSpace
  #usedOctets = 0
  #files = 0

  /** @param instance what names of its files start with, so that a dead process's are known */
  constructor(directory: string, instance: string, space: FreeSpace) {
    this.#directory = directory
    this.#instance = instance
    this.#space = space
  }

  /** The path of a new file that goes with this process. */
  newPath(): string {
    return join(this.#directory, `${this.#instance}-${++this.#files}`)
  }

  /**
   * Takes a body in stored form.
   * @throws {StoreError} and whatever `octets` throws
   */
  async take(octets: AsyncIterable<Uint8Array> | Uint8Array): Promise<StagedBody> {
    this.#space.mustHaveRoomFor(octets instanceof Uint8Array ? octets.length : 0)
    const scanner = scanStoredForm()
    let held: Uint8Array[] = []
    let heldOctets = 0
    let gathered: Uint8Array[] = []
    let gatheredOctets = 0
    let lookIn = LOOK_OCTETS
    let spent = 0
    let file: FileHandle | null = null
    const path = this.newPath()

    const drain = async (): Promise<void> => {
      const chunk = concatOctets(gathered)
      gathered = []
      gatheredOctets = 0
      for (let at = 0; at < chunk.length; ) {
        at += (await (file as FileHandle).write(chunk, at, chunk.length - at)).bytesWritten
      }
    }
    const giveBack = (): void => {
      this.#usedOctets -= heldOctets
      heldOctets = 0
      held = []
    }
    const keep = async (chunk: Uint8Array): Promise<void> => {
      const own = new Uint8Array(chunk)
      this.#space.spend(own.length)
      spent += own.length
      lookIn -= own.length
      if (lookIn < 0) {
        lookIn = LOOK_OCTETS
        this.#space.mustHaveRoomFor(LOOK_OCTETS)
      }
      if (file === null) {
        const fits =
          heldOctets + own.length <= MEMORY_BODY_OCTETS && this.#usedOctets + own.length <= BUDGET_OCTETS
        if (fits) {
          this.#usedOctets += own.length
          heldOctets += own.length
          held.push(own)
          return
        }
        file = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600)
        gathered = held
        gatheredOctets = heldOctets
        giveBack()
      }
      gathered.push(own)
      gatheredOctets += own.length
      if (gatheredOctets >= CHUNK_OCTETS) await drain()
    }
    const keepAll = async (chunks: readonly Uint8Array[]): Promise<void> => {
      const chunk = concatOctets(chunks)
      if (chunk.length > 0) await guardedWait(() => keep(chunk))
    }

    try {
      if (octets instanceof Uint8Array) await keepAll(scanner.push(octets))
      else for await (const chunk of octets) await keepAll(scanner.push(chunk))
      const { tail, form } = scanner.finish()
      await keepAll([tail])
      const taken = file as FileHandle | null
      if (taken === null) return this.#inMemory(form, concatOctets(held))
      await guardedWait(drain)
      return inFile(form, taken, path)
    } catch (error) {
      giveBack()
      await discard(file, path)
      this.#space.spend(-spent)
      throw error
    }
  }

  #inMemory(form: StoredForm, whole: Uint8Array): StagedBody {
    let held = whole.length
    return {
      form,
      whole,
      async *read(offset = 0, length = whole.length) {
        if (length > 0) yield whole.subarray(offset, offset + length)
      },
      end: async () => {
        this.#usedOctets -= held
        held = 0
      },
    }
  }
}

function inFile(form: StoredForm, file: FileHandle, path: string): StagedBody {
  return {
    form,
    whole: null,
    async *read(offset = 0, length = form.sizeOctets) {
      for (let at = offset; at < offset + length; ) {
        const chunk = new Uint8Array(Math.min(CHUNK_OCTETS, offset + length - at))
        const got = readSync(file.fd, chunk, 0, chunk.length, at)
        if (got === 0) throw new StoreError('io', `staged body ${path} ends early`)
        at += got
        yield chunk.subarray(0, got)
      }
    },
    end: () => discard(file, path),
  }
}

async function discard(file: FileHandle | null, path: string): Promise<void> {
  if (file === null) return
  try {
    await file.close()
    await rm(path, { force: true })
  } catch {
    // The next opener of the store removes it.
  }
}
