import {
  close,
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  statfsSync,
  unlinkSync,
  write,
  writevSync,
} from 'node:fs'
import { open } from 'node:fs/promises'

/**
 * Every file operation that decides about durability, so that tests can record their order and make them fail.
 * The `Sync` ones run in the writer thread; the others in the thread that stages large bodies.
 */
export interface FileLayer {
  /** Creates a file that must not exist yet, readable and writable for the owner only. */
  createSync(path: string): number
  /** Writes all of it at `position`, in order, or throws. */
  writeSync(fd: number, buffers: readonly Uint8Array[], position: number): void
  /** Flushes a file's octets and length. A failure must not be tried again on the same file. */
  flushSync(fd: number): void
  closeSync(fd: number): void
  /** Makes created and removed names in a folder durable. */
  flushDirectorySync(path: string): void
  unlinkSync(path: string): void
  write(fd: number, octets: Uint8Array, position: number): Promise<void>
  flush(fd: number): Promise<void>
  close(fd: number): Promise<void>
  flushDirectory(path: string): Promise<void>
  /** Octets an unprivileged process can still write on the file system of `path`. */
  freeOctetsSync(path: string): number
  /** Told before each index transaction is committed and before each batch of replies leaves; for tests. */
  note(step: 'index-commit' | 'index-committed' | 'reply'): void
}

function writeAll(fd: number, octets: Uint8Array, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const step = (done: number): void => {
      write(fd, octets, done, octets.length - done, position + done, (error, written) => {
        if (error) reject(error)
        else if (done + written >= octets.length) resolve()
        else step(done + written)
      })
    }
    if (octets.length === 0) resolve()
    else step(0)
  })
}

/** writev takes at most this many buffers at once (IOV_MAX). */
const VECTOR_MAX = 1024

/** The real file system. */
export function systemFiles(): FileLayer {
  return {
    createSync: (path) => openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600),
    writeSync(fd, buffers, position) {
      let at = position
      for (let from = 0; from < buffers.length; ) {
        let batch = buffers.slice(from, from + VECTOR_MAX)
        from += batch.length
        while (batch.length > 0) {
          let written = writevSync(fd, batch, at)
          at += written
          let whole = 0
          while (whole < batch.length && written >= (batch[whole] as Uint8Array).length) {
            written -= (batch[whole] as Uint8Array).length
            whole++
          }
          batch = batch.slice(whole)
          if (written > 0 && batch.length > 0) batch[0] = (batch[0] as Uint8Array).subarray(written)
        }
      }
    },
    flushSync: (fd) => fdatasyncSync(fd),
    closeSync: (fd) => closeSync(fd),
    flushDirectorySync(path) {
      const fd = openSync(path, constants.O_RDONLY)
      try {
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
    },
    unlinkSync: (path) => unlinkSync(path),
    write: writeAll,
    flush: (fd) => new Promise((resolve, reject) => fdatasync(fd, (e) => (e ? reject(e) : resolve()))),
    close: (fd) => new Promise((resolve, reject) => close(fd, (e) => (e ? reject(e) : resolve()))),
    async flushDirectory(path) {
      const folder = await open(path, constants.O_RDONLY)
      try {
        await folder.sync()
      } finally {
        await folder.close()
      }
    },
    freeOctetsSync(path) {
      const { bavail, bsize } = statfsSync(path)
      return bavail * bsize
    },
    note() {},
  }
}

/**
 * The file layer a process was told to use: the real one, or the default export of a module (tests).
 * A module is named by its URL because the writer thread has to load it too.
 */
export async function loadFiles(module: string | undefined): Promise<FileLayer> {
  if (module === undefined) return systemFiles()
  const loaded = (await import(module)) as { readonly default: (real: FileLayer) => FileLayer }
  return loaded.default(systemFiles())
}
