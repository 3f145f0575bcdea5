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

/** How long after the index's last change a segment may have been written: commits overlap, and clocks are set. */
const CLOCK_MARGIN_MS = 3_600_000

/** Whether the index was found to be older than the mail, and not rebuilt since. */
export function isOldIndex(index: Connection): boolean {
  return guarded(() => index.get("SELECT 1 FROM sequence WHERE name = 'is_old'")) !== undefined
}

/**
 * Done by every opener: seals the open segments of processes that are gone, and removes their files that nothing points
 * at (bodies staged but never committed) and those compaction had emptied. An index that is older than the mail (a
 * backup put in place by hand) is noticed and reported; then nothing with a record in it is removed until
 * `rebuildIndex` has read it.
 */
export async function sweepSegments({ directory, index, writer, log }: SweepTools): Promise<void> {
  const isLive = (name: string): boolean => isInstanceAlive(instanceOf(name))
  const strangers: string[] = []
  let removed = 0
  for (const name of segmentNames(directory)) {
    if (isLive(name)) continue
    if (guarded(() => index.get('SELECT 1 FROM segments WHERE name = ?', name))) continue
    const path = join(directory, name)
    try {
      if (holdsRecord(path)) strangers.push(name)
      else {
        rmSync(path, { force: true })
        removed++
      }
    } catch {
      // Another opener was faster.
    }
  }
  if (removed > 0) log('store-leftovers-removed', { files: removed })

  const open = guarded(() =>
    index.all<{ n: number; name: string }>('SELECT n, name FROM segments WHERE state = 0'),
  )
  const dead = open.filter(({ name }) => !isLive(name))
  if (strangers.length > 0 || dead.some(({ name }) => isNewer(join(directory, name), index))) {
    await writer.run('noteOldIndex', undefined)
  }
  if (isOldIndex(index)) {
    log('store-index-old', {
      unknownFiles: strangers.length,
      hint: 'there is mail the index does not know; `restante store rebuild-index` brings it back',
    })
  }
  if (dead.length > 0) {
    const sealed = await writer.run(
      'sealSegments',
      dead.map(({ name }) => ({ name, octets: fileOctets(join(directory, name)) })),
    )
    if (sealed > 0) log('store-segments-sealed', { segments: sealed })
  }
  if (isOldIndex(index)) return
  // Entered, but nothing of what is in them was ever committed.
  for (const { n } of dead) await writer.run('emptySegment', n)
  await removeEmptied(directory, index, writer)
}

/** Whether a segment was written long after the index last changed. */
function isNewer(path: string, index: Connection): boolean {
  const changedMs =
    guarded(() => index.get<{ value: number }>("SELECT value FROM sequence WHERE name = 'changed_ms'"))
      ?.value ?? 0
  const writtenMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return changedMs > 0 && writtenMs > changedMs + CLOCK_MARGIN_MS
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
