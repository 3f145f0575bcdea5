import { readFileSync } from 'node:fs'
import { zstdDecompressSync } from 'node:zlib'

/** One file of a tar archive; `octets` is a view into the unpacked archive. */
export interface TarEntry {
  readonly path: string
  readonly octets: Uint8Array
}

const BLOCK = 512
const MAX_UNPACKED = 1_073_741_824

function text(block: Buffer, from: number, length: number): string {
  const end = block.indexOf(0, from)
  return block.toString('utf8', from, end < 0 || end > from + length ? from + length : end)
}

/** Regular files of an uncompressed ustar or GNU tar archive, long names included. */
export function* readTar(archive: Buffer): Generator<TarEntry> {
  let at = 0
  let longName = ''
  while (at + BLOCK <= archive.length) {
    const block = archive.subarray(at, at + BLOCK)
    if (block.every((octet) => octet === 0)) return
    const size = Number.parseInt(text(block, 124, 12).trim() || '0', 8)
    if (!(size >= 0)) throw new Error('not a tar archive')
    const type = String.fromCharCode(block[156] as number)
    const octets = archive.subarray(at + BLOCK, at + BLOCK + size)
    if (type === 'L') longName = text(octets as Buffer, 0, size)
    else {
      const prefix = text(block, 257, 5) === 'ustar' && block[263] === 48 ? text(block, 345, 155) : ''
      const path = longName !== '' ? longName : `${prefix === '' ? '' : `${prefix}/`}${text(block, 0, 100)}`
      longName = ''
      if (type === '0' || type === '\0') yield { path, octets }
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
}

/** Unpacks a `.tar.zst` file in memory. */
export function readArchive(path: string): Generator<TarEntry> {
  return readTar(zstdDecompressSync(readFileSync(path), { maxOutputLength: MAX_UNPACKED }))
}
