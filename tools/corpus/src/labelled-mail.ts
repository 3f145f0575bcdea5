import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readArchive } from './archive.ts'
import type { Label } from './ours.ts'

/** One message whose class is known. */
export interface LabelledMail {
  readonly path: string
  readonly label: Label
  readonly octets: Uint8Array
}

/** A labelled corpus in the two orders that results are compared by. */
export interface LabelledCorpus {
  readonly name: string
  readonly shuffled: readonly LabelledMail[]
  readonly chronological: readonly LabelledMail[]
}

/** The first archive in a folder of corpora, or null where there is none. */
export function findArchive(folder: string | undefined): string | null {
  if (folder === undefined || folder === '' || !existsSync(folder)) return null
  const name = readdirSync(folder)
    .filter((file) => file.endsWith('.tar.zst'))
    .sort()[0]
  return name === undefined ? null : join(folder, name)
}

/** Reads an archive with its order files (label, tab, path a line) inside. */
export function loadCorpus(archive: string): LabelledCorpus {
  const files = new Map<string, Uint8Array>()
  let root = ''
  for (const { path, octets } of readArchive(archive)) {
    files.set(path, octets)
    if (path.endsWith('/order-shuffled.tsv')) root = path.slice(0, -'order-shuffled.tsv'.length)
  }
  const order = (name: string): readonly LabelledMail[] =>
    Buffer.from(files.get(`${root}${name}`) ?? [])
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [label, path] = line.split('\t') as [string, string]
        const octets = files.get(`${root}${path}`)
        if (octets === undefined || (label !== 'ham' && label !== 'spam'))
          throw new Error(`${name}: no message for ${line}`)
        return { path, label, octets }
      })
  return {
    name: root.replace(/\/$/, ''),
    shuffled: order('order-shuffled.tsv'),
    chronological: order('order-chrono.tsv'),
  }
}

const KEPT_FIELDS = /^(?:from|subject|reply-to|mime-version|content-[^:]*):/i

/** The message with only From, Subject, Reply-To, MIME-Version and Content-* left of its header. */
export function stripHeader(octets: Uint8Array): Uint8Array {
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('latin1')
  const gap = /\r?\n\r?\n/.exec(text)
  const header = gap === null ? text : text.slice(0, gap.index)
  const kept = header.split(/\r?\n(?![ \t])/).filter((field) => KEPT_FIELDS.test(field))
  return Buffer.from(`${kept.join('\n')}${gap === null ? '' : text.slice(gap.index)}`, 'latin1')
}
