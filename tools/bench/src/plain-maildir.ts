import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

let delivered = 0

/** Makes `cur`, `new` and `tmp`. */
export async function makeMaildir(folder: string): Promise<void> {
  for (const part of ['cur', 'new', 'tmp']) await mkdir(join(folder, part), { recursive: true })
}

/**
 * Delivers as qmail taught it, as plainly as it is safe: a file in `tmp`, `fsync`, renamed into `new`. Like most servers it
 * does not flush the directory.
 */
export async function deliverToMaildir(folder: string, octets: Uint8Array): Promise<void> {
  const name = `${Math.floor(Date.now() / 1000)}.M${delivered++}P${process.pid}.bench`
  const temporary = join(folder, 'tmp', name)
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(octets)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, join(folder, 'new', name))
}

/** Reads every message of `new`, one after another; the octets read until `goOn` says no. */
export async function readMaildir(folder: string, goOn: () => boolean): Promise<number[]> {
  const sizes: number[] = []
  for (const name of await readdir(join(folder, 'new'))) {
    if (!goOn()) break
    sizes.push((await readFile(join(folder, 'new', name))).length)
  }
  return sizes
}

/**
 * Fills a Maildir as a server that stores LF line ends would have done: messages seen already, their sizes in the name
 * (`S`: of the file, `W`: as sent). Nothing is flushed.
 */
export function fillMaildir(folder: string, count: number, message: (index: number) => Buffer): void {
  for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(folder, part), { recursive: true })
  for (let i = 0; i < count; i++) {
    const wire = message(i)
    const file = Buffer.from(wire.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
    const name = `${1_790_000_000 + i}.M${i}P1.bench,S=${file.length},W=${wire.length}:2,S`
    writeFileSync(join(folder, 'cur', name), file)
  }
}
