import { closeSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Connection } from './connection.ts'
import { guarded } from './failure.ts'
import { instanceOf, isInstanceAlive } from './process-identity.ts'
import { decodeRecordHeader, HEAD_OCTETS, RECORD_HEADER_OCTETS } from './segment-format.ts'
import type { StoreLog, Writer } from './writer.ts'

/** What sweeping needs of the store. */
export interface SweepTools {
  /** The segments' folder. */
  readonly directory: string
  readonly index: Connection
  readonly writer: Writer
  readonly log: StoreLog
}

/** The segment files of a folder, by name. */
export function segmentNames(directory: string): readonly string[] {
  return guarded(() => readdirSync(directory).filter((name) => name.endsWith('.seg')))
}

/** Octets of a file; 0 where it is gone. */
export function fileOctets(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/** Whether a segment file starts with a record; a body that was staged but never committed is none. */
function holdsRecord(path: string): boolean {
  const header = new Uint8Array(RECORD_HEADER_OCTETS)
  const fd = openSync(path, 'r')
  try {
    return (
      readSync(fd, header, 0, header.length, HEAD_OCTETS) === header.length &&
      decodeRecordHeader(header) !== null
    )
  } finally {
    closeSync(fd)
  }
}

/**
 * Done by every opener: seals the open segments of processes that are gone, removes their files that nothing points
 * at (bodies staged but never committed) and those compaction had emptied. A file with records the index does not
 * know stays and is reported: the index is older than the mail, and `rebuildIndex` brings it back.
 */
export async function sweepSegments({ directory, index, writer, log }: SweepTools): Promise<void> {
  const names = segmentNames(directory)
  const isLive = (name: string): boolean => isInstanceAlive(instanceOf(name))
  const open = guarded(() =>
    index.all<{ n: number; name: string }>('SELECT n, name FROM segments WHERE state = 0'),
  )
  const dead = open.filter(({ name }) => !isLive(name))
  if (dead.length > 0) {
    const sealed = await writer.run(
      'sealSegments',
      dead.map(({ name }) => ({ name, octets: fileOctets(join(directory, name)) })),
    )
    if (sealed > 0) log('store-segments-sealed', { segments: sealed })
    // Entered, but nothing of what is in them was ever committed.
    for (const { n } of dead) await writer.run('emptySegment', n)
  }
  await removeEmptied(directory, index, writer)
  let removed = 0
  const unknown: string[] = []
  for (const name of names) {
    if (isLive(name)) continue
    if (guarded(() => index.get('SELECT 1 FROM segments WHERE name = ?', name))) continue
    const path = join(directory, name)
    try {
      if (holdsRecord(path)) unknown.push(name)
      else {
        rmSync(path, { force: true })
        removed++
      }
    } catch {
      // Another opener was faster.
    }
  }
  if (removed > 0) log('store-leftovers-removed', { files: removed })
  if (unknown.length > 0) {
    log('store-unknown-segments', {
      files: unknown.length,
      first: unknown[0] as string,
      hint: 'mail the index does not know; `restante store rebuild-index` brings it back',
    })
  }
}

/** Removes the files of segments compaction has emptied, then their rows. How many. */
export async function removeEmptied(directory: string, index: Connection, writer: Writer): Promise<number> {
  const emptied = guarded(() =>
    index.all<{ n: number; name: string }>('SELECT n, name FROM segments WHERE state = 2'),
  )
  for (const { n, name } of emptied) {
    guarded(() => rmSync(join(directory, name), { force: true }))
    await writer.run('forgetSegment', n)
  }
  return emptied.length
}
