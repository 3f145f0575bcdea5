import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type StoredForm, scanStoredForm } from '@restante/mail'
import { isAbsent } from './failure.ts'
import { baseOf } from './layout.ts'

/** How much is read or written at once. */
export const CHUNK_OCTETS: number = 256 * 1024

/** Makes names created in and removed from a folder durable. */
export function flushFolderSync(path: string): void {
  const fd = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** The same without blocking. */
export async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Makes a folder and those above it, durably; does nothing where it exists. */
export function makeFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let at = path; at.length >= first.length; at = dirname(at)) flushFolderSync(dirname(at))
}

/** Makes a Maildir: `cur`, `new`, `tmp`, and in a subfolder the `maildirfolder` file that says so. */
export function makeMaildir(path: string, isSubfolder: boolean): void {
  for (const name of ['cur', 'new', 'tmp']) makeFolder(join(path, name))
  if (!isSubfolder || existsSync(join(path, 'maildirfolder'))) return
  writeFileSync(join(path, 'maildirfolder'), '', { mode: 0o600 })
  flushFolderSync(path)
}

/** What a Maildir looked like: file names by base name, relative to the Maildir, and when its folders changed. */
export interface FolderScan {
  readonly names: ReadonlyMap<string, string>
  readonly stamp: string
  /** Whether a later change would certainly give another stamp. */
  readonly isSettled: boolean
}

/** Coarsest time stamps a file system may have. */
const STAMP_MS = 2000

/** When the folders of a Maildir last changed; empty where it does not exist. */
export function folderStamp(path: string): { readonly stamp: string; readonly changedMs: number } {
  let stamp = ''
  let changedMs = 0
  for (const name of ['new', 'cur']) {
    const found = statSync(join(path, name), { bigint: true, throwIfNoEntry: false })
    if (found === undefined) continue
    stamp += `${name} ${found.ino} ${found.mtimeNs} `
    changedMs = Math.max(changedMs, Number(found.mtimeMs))
  }
  return { stamp, changedMs }
}

/** Lists a Maildir. `new` comes first: what moves on to `cur` meanwhile is seen there. */
export function scanMaildir(path: string): FolderScan {
  const { stamp, changedMs } = folderStamp(path)
  const isSettled = changedMs + STAMP_MS < Date.now()
  const names = new Map<string, string>()
  for (const part of ['new', 'cur']) {
    let entries: readonly string[]
    try {
      entries = readdirSync(join(path, part))
    } catch (error) {
      if (isAbsent(error)) continue
      throw error
    }
    for (const entry of entries) {
      // Base names are written to a file of lines, and dot files are no messages.
      if (!entry.startsWith('.') && !/[\0-\x1f\x7f]/.test(entry)) names.set(baseOf(entry), `${part}/${entry}`)
    }
  }
  return { names, stamp, isSettled }
}

/** Opens a message; null where it is not there. Never follows a link, never opens what is no plain file. */
export function openMessage(path: string): { readonly fd: number; readonly sizeOctets: number } | null {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (isAbsent(error) || (error as NodeJS.ErrnoException).code === 'ELOOP') return null
    throw error
  }
  const found = fstatSync(fd)
  if (found.isFile()) return { fd, sizeOctets: found.size }
  closeSync(fd)
  return null
}

/** What a message of another program is like. */
export interface MeasuredMessage {
  readonly form: StoredForm
  readonly rawOctets: number
  readonly changedMs: number
}

/**
 * Reads a message once to learn its size in stored form; null where it is gone or no plain file.
 * @param known what was measured before: a file of the same length is not read again
 */
export async function measureMessage(
  path: string,
  known?: Pick<MeasuredMessage, 'form' | 'rawOctets'>,
): Promise<MeasuredMessage | null> {
  let file: FileHandle
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (isAbsent(error) || (error as NodeJS.ErrnoException).code === 'ELOOP') return null
    throw error
  }
  try {
    const found = await file.stat()
    if (!found.isFile()) return null
    const changedMs = Math.floor(found.mtimeMs)
    if (known?.rawOctets === found.size) return { form: known.form, rawOctets: known.rawOctets, changedMs }
    const scanner = scanStoredForm()
    const buffer = new Uint8Array(Math.min(CHUNK_OCTETS, found.size + 1))
    let rawOctets = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, rawOctets)
      if (bytesRead === 0) break
      rawOctets += bytesRead
      scanner.push(buffer.subarray(0, bytesRead))
    }
    return { form: scanner.finish().form, rawOctets, changedMs }
  } finally {
    await file.close()
  }
}

/** Writes a new file of the owner's, flushed; its folder is the caller's to flush. */
export async function writeFlushed(
  path: string,
  octets: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  changedMs: number,
): Promise<void> {
  const file = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)
  try {
    for await (const chunk of octets) {
      for (let at = 0; at < chunk.length; ) {
        at += (await file.write(chunk, at, chunk.length - at)).bytesWritten
      }
    }
    await file.utimes(changedMs / 1000, changedMs / 1000)
    await file.sync()
  } finally {
    await file.close()
  }
}
