import { closeSync, constants, readSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { concatOctets, scanStoredForm } from '@restante/mail'
import { StoreError } from '@restante/maildrop'
import { guarded, guardedWait } from './failure.ts'
import type { FolderLook } from './folder-look.ts'
import { maildirIn, trashIn } from './layout.ts'
import { CHUNK_OCTETS, openMessage } from './mail-files.ts'
import { LIVE } from './schema.ts'
import type { Staging } from './staging.ts'
import type { StoreContext } from './store-context.ts'

interface Location {
  readonly account: number
  readonly home: string | null
  readonly folder: string
  readonly base: string
  readonly state: number
  readonly uid: string | null
  readonly size: number
  readonly raw_size: number
  readonly kind: string | null
  readonly from_folder: string | null
  readonly from_base: string | null
}

const LOCATION = `
SELECT c.account, a.home, c.folder, c.base, c.state, c.uid, c.size, c.raw_size,
  j.kind, j.folder AS from_folder, j.base AS from_base
FROM copies c LEFT JOIN accounts a ON a.n = c.account LEFT JOIN journal j ON j.copy = c.n WHERE c.n = ?`

/** A copy's octets in stored form, to be read anywhere until it is closed. */
export interface OpenCopy {
  readonly sizeOctets: number
  /** Up to `maxOctets` from `position`, in a new array; empty at the end. */
  readAt(position: number, maxOctets: number): Uint8Array
  close(): void
}

/** Finds the files of copies and opens them. */
export class CopyFiles {
  readonly #context: StoreContext
  readonly #look: FolderLook
  readonly #staging: Staging

  constructor(context: StoreContext, look: FolderLook, staging: Staging) {
    this.#context = context
    this.#look = look
    this.#staging = staging
  }

  /**
   * Opens a copy by its row; null where there is none or its file is gone. Answers without a promise where the file has
   * CRLF line ends.
   * @throws {StoreError} `io`, `corrupt`
   */
  open(copy: number): OpenCopy | null | Promise<OpenCopy | null> {
    const found = guarded(() => this.#find(copy))
    if (found === null) return null
    const { row, fd } = found
    if (row.size === row.raw_size) return openPlain(fd, row)
    return guardedWait(() => this.#convert(fd, row))
  }

  /** Whether a copy's file is there. */
  exists(copy: number): boolean {
    const found = guarded(() => this.#find(copy))
    if (found !== null) closeSync(found.fd)
    return found !== null
  }

  #find(copy: number): { readonly row: Location; readonly fd: number } | null {
    // Between reading the row and opening the file another process may have moved it, or a program changed its flags.
    for (let round = 0; round < 3; round++) {
      const row = this.#context.database.get<Location>(LOCATION, copy)
      if (row === undefined) return null
      for (const path of this.#paths(row, round > 0)) {
        const opened = path === undefined ? null : openMessage(path)
        if (opened === null) continue
        if (opened.sizeOctets === row.raw_size) return { row, fd: opened.fd }
        closeSync(opened.fd)
        throw new StoreError(
          'corrupt',
          `message ${row.uid ?? '(removed)'}: its file ${path} has ${opened.sizeOctets} octets, not ${row.raw_size}`,
        )
      }
    }
    return null
  }

  /** Where a copy's file may be, the likeliest place first. */
  *#paths(row: Location, isFresh: boolean): Generator<string | undefined, void, undefined> {
    const { layout } = this.#context
    const { base } = row
    const home = row.home === null ? layout.erasedHome(row.account) : layout.home(row.home)
    if (row.kind !== null) {
      const from = maildirIn(home, row.from_folder as string)
      const name = row.from_base as string
      if (row.kind === 'tmp') yield join(from, 'tmp', name)
      else if (row.kind === 'trash') yield join(trashIn(home), name)
      else {
        yield join(from, 'new', name)
        const found = this.#look.nameOf(from, name, isFresh)
        yield found && join(from, found)
      }
    }
    if (row.state !== LIVE) yield join(trashIn(home), base)
    const maildir = maildirIn(home, row.folder)
    yield join(maildir, 'new', base)
    yield join(maildir, 'cur', `${base}:2,S`)
    yield join(maildir, 'cur', `${base}:2,`)
    const found = this.#look.nameOf(maildir, base, isFresh)
    yield found && join(maildir, found)
    yield join(trashIn(home), base)
  }

  /** Brings a file with other line ends into stored form, in a file without a name. */
  async #convert(fd: number, row: Location): Promise<OpenCopy> {
    const path = this.#staging.newPath()
    const file = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600)
    try {
      rmSync(path)
      const scanner = scanStoredForm()
      const buffer = new Uint8Array(CHUNK_OCTETS)
      const put = async (chunk: Uint8Array): Promise<void> => {
        for (let at = 0; at < chunk.length; ) {
          at += (await file.write(chunk, at, chunk.length - at)).bytesWritten
        }
      }
      for (let at = 0; ; ) {
        const got = readSync(fd, buffer, 0, buffer.length, at)
        if (got === 0) break
        at += got
        await put(concatOctets(scanner.push(buffer.subarray(0, got))))
      }
      const { tail, form } = scanner.finish()
      await put(tail)
      if (form.sizeOctets !== row.size) throw changedMeanwhile(row)
      return {
        sizeOctets: row.size,
        readAt: (position, maxOctets) => readFrom(file.fd, row, position, maxOctets),
        // Nobody waits for it; a descriptor that does not close is closed with the process.
        close: () => void file.close().catch(() => undefined),
      }
    } catch (error) {
      await file.close()
      throw error
    } finally {
      closeSync(fd)
    }
  }
}

function openPlain(fd: number, row: Location): OpenCopy {
  return {
    sizeOctets: row.size,
    readAt: (position, maxOctets) => readFrom(fd, row, position, maxOctets),
    close: () => closeSync(fd),
  }
}

function readFrom(fd: number, row: Location, position: number, maxOctets: number): Uint8Array {
  const length = Math.max(0, Math.min(maxOctets, row.size - position))
  const target = new Uint8Array(length)
  return guarded(() => {
    for (let at = 0; at < length; ) {
      const got = readSync(fd, target, at, length - at, position + at)
      if (got === 0) throw changedMeanwhile(row)
      at += got
    }
    return target
  })
}

function changedMeanwhile(row: Location): StoreError {
  return new StoreError('corrupt', `message ${row.uid ?? '(removed)'}: its file was changed`)
}

/** A copy's octets in chunks; closes it. */
export async function* streamCopy(copy: OpenCopy): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (let at = 0; at < copy.sizeOctets; at += CHUNK_OCTETS) yield copy.readAt(at, CHUNK_OCTETS)
  } finally {
    copy.close()
  }
}
