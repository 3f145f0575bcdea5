import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import type { FileLayer } from '../src/file-layer.ts'

/**
 * A file layer for tests, used by the writer thread and the staging thread of a store. It reads its orders from the
 * folder in `STORE_FAULTS`: every operation is appended to `journal`; a file named `fail-OPERATION` makes that operation
 * fail with the error code in it; `free` holds the octets the disk pretends to have; `crash-OPERATION` ends the
 * writer thread there, the Nth time where it holds a number.
 */
export default function recordingFiles(real: FileLayer): FileLayer {
  const folder = process.env['STORE_FAULTS'] as string
  const orders = (name: string): string | null => {
    const path = `${folder}/${name}`
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : null
  }
  const step = (name: string, detail = ''): void => {
    appendFileSync(`${folder}/journal`, `${name}${detail === '' ? '' : ` ${detail}`}\n`)
    const code = orders(`fail-${name}`)
    const crashIn = isMainThread ? null : orders(`crash-${name}`)
    if (crashIn !== null) {
      if (Number(crashIn) <= 1) process.exit(1)
      writeFileSync(`${folder}/crash-${name}`, String(Number(crashIn) - 1))
    }
    if (code !== null) throw Object.assign(new Error(`${code}: injected, ${name}`), { code })
  }
  const names = new Map<number, string>()
  const base = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
  return {
    createSync(path) {
      step('create', base(path))
      const fd = real.createSync(path)
      names.set(fd, base(path))
      return fd
    },
    writeSync(fd, buffers, position) {
      step('write', names.get(fd))
      real.writeSync(fd, buffers, position)
    },
    flushSync(fd) {
      step('flush', names.get(fd))
      real.flushSync(fd)
    },
    closeSync: (fd) => real.closeSync(fd),
    flushDirectorySync(path) {
      step('flush-directory', base(path))
      real.flushDirectorySync(path)
    },
    unlinkSync: (path) => real.unlinkSync(path),
    async write(fd, octets, position) {
      step('write', names.get(fd))
      await real.write(fd, octets, position)
    },
    async flush(fd) {
      step('flush', names.get(fd))
      await real.flush(fd)
    },
    close: (fd) => real.close(fd),
    async flushDirectory(path) {
      step('flush-directory', base(path))
      await real.flushDirectory(path)
    },
    freeOctetsSync: (path) => Number(orders('free') ?? real.freeOctetsSync(path)),
    note: (name) => step(name),
  }
}
