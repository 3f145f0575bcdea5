import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'

/** A message with what people said about it. */
export interface LabelledMessage {
  readonly name: string
  readonly label: 'ham' | 'spam' | null
  readonly octets: Uint8Array
}

/** Our own small set: `ham/`, `spam/`, and `odd/` (no label: shapes that are hard to carry unharmed). */
export function ownMessages(folder: string): readonly LabelledMessage[] {
  return (['ham', 'spam', 'odd'] as const).flatMap((group) =>
    readdirSync(join(folder, group))
      .sort()
      .map((file) => ({
        name: `${group}/${file}`,
        label: group === 'odd' ? null : group,
        octets: readFileSync(join(folder, group, file)),
      })),
  )
}

/** The developer corpus of `RESTANTE_CORPUS`, in its shuffled order. */
export function corpusMessages(folder: string): readonly LabelledMessage[] {
  const files = readTar(zstdDecompressSync(readFileSync(join(folder, 'spamassassin-2002.tar.zst'))))
  const order = readFileSync(join(folder, 'spamassassin-2002.order-shuffled.tsv'), 'utf8')
  return order
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [label, path] = line.split('\t') as ['ham' | 'spam', string]
      const octets = files.get(basename(path))
      if (octets === undefined) throw new Error(`the corpus has no ${path}`)
      return { name: path, label, octets }
    })
}

/** Regular files of a tar archive (ustar), by base name. */
function readTar(archive: Buffer): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  for (let at = 0; at + 512 <= archive.length; ) {
    const name = archive.toString('latin1', at, at + 100).replace(/\0.*$/, '')
    if (name === '') break
    const size = Number.parseInt(archive.toString('latin1', at + 124, at + 136), 8)
    const type = archive[at + 156]
    if (type === 0 || type === 48) files.set(basename(name), archive.subarray(at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}
