import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { crc32 } from 'node:zlib'
import { RECOVERED, StoreError } from '@restante/maildrop'
import type { Connection } from './connection.ts'
import { guarded, storeError } from './failure.ts'
import { systemFiles } from './file-layer.ts'
import { REBUILD_CLAIM, RunState } from './run-state.ts'
import { connect, migrate } from './schema.ts'
import {
  decodeRecordHeader,
  decodeTrailer,
  HEAD_OCTETS,
  isHead,
  isIntact,
  RECORD_HEADER_OCTETS,
  type RecordHeader,
  type TrailerCopy,
} from './segment-format.ts'
import { segmentNames } from './sweep.ts'
import { bodyTimeMs, systemRandom, UniqueIds } from './unique-ids.ts'
import { list, maildropOf } from './write-context.ts'

/** What {@link rebuildIndex} is told. */
export interface RebuildOptions {
  /** The data folder of a store nobody has open. */
  readonly directory: string
  /** A backup of `index.db` to start from; without one, from the present index if it can be read, else from nothing. */
  readonly backup?: string
  readonly onProgress?: (progress: { readonly segments: number; readonly ofSegments: number }) => void
}

/** What {@link rebuildIndex} did. */
export interface RebuildReport {
  readonly segments: number
  /** Whole records found. */
  readonly records: number
  /** Copies that came back in folder `recovered`. */
  readonly recovered: number
  /** Bodies the index knew, found in another place. */
  readonly relocated: number
  /** Accounts made because mail of theirs was found; they have no password. */
  readonly accounts: number
  /** Bodies the index knows whose octets are nowhere. */
  readonly lost: number
}

/** A whole record of a segment file. */
interface FoundRecord {
  readonly header: RecordHeader
  readonly position: number
  readonly copies: readonly TrailerCopy[]
}

/** Where in a file the next record may start, looked for behind damage. */
const MAGIC = Buffer.from('RMSG', 'latin1')
const SCAN_OCTETS = 1024 * 1024
/** Bodies committed this long before the backup count as newer: commits overlap, and clocks are set. */
const CLOCK_MARGIN_MS = 3_600_000

/**
 * Makes the index again from a backup and the segments' trailers. Mail newer than the backup comes back in folder
 * `recovered` of its account, never in the inbox: whether it was deleted meanwhile nobody knows. The index that was
 * there is kept as `index.before-rebuild.db`.
 * @throws {StoreError} `busy` while a process has the store open
 */
export async function rebuildIndex(options: RebuildOptions): Promise<RebuildReport> {
  const directory = resolve(options.directory)
  const run = new RunState(directory, `rebuild${Date.now()}`)
  try {
    // Who opens it from here on sees the claim; who has it open already is seen.
    if (!run.claim(REBUILD_CLAIM)) throw new StoreError('busy', 'the index is being rebuilt already')
    if (run.liveInstances().size > 1) {
      throw new StoreError('busy', 'stop every process that has the store open first')
    }
    guarded(() => chooseIndex(directory, options.backup))
    const index = connect(directory, 'index', 5000)
    try {
      migrate(index, 'index', directory)
      return await scan(index, directory, options.onProgress ?? (() => {}))
    } catch (error) {
      throw storeError(error)
    } finally {
      index.close()
    }
  } finally {
    run.close()
  }
}

/** Puts the index to start from in place. */
function chooseIndex(directory: string, backup: string | undefined): void {
  const path = join(directory, 'index.db')
  if (backup === undefined && isReadable(directory)) return
  if (existsSync(path)) renameSync(path, join(directory, 'index.before-rebuild.db'))
  for (const end of ['-wal', '-shm']) rmSync(path + end, { force: true })
  if (backup === undefined) return
  copyFileSync(backup, path)
  const fd = openSync(path, 'r+')
  fsyncSync(fd)
  closeSync(fd)
  systemFiles().flushDirectorySync(directory)
}

function isReadable(directory: string): boolean {
  if (!existsSync(join(directory, 'index.db'))) return false
  try {
    const index = connect(directory, 'index', 5000)
    try {
      return index.get<{ quick_check: string }>('PRAGMA quick_check(1)')?.quick_check === 'ok'
    } finally {
      index.close()
    }
  } catch {
    return false
  }
}

async function scan(
  index: Connection,
  directory: string,
  onProgress: NonNullable<RebuildOptions['onProgress']>,
): Promise<RebuildReport> {
  const ids = new UniqueIds(Date.now, systemRandom)
  const report = { segments: 0, records: 0, recovered: 0, relocated: 0, accounts: 0, lost: 0 }
  const changedMs =
    index.get<{ value: number }>("SELECT value FROM sequence WHERE name = 'changed_ms'")?.value ?? 0
  const sinceMs = changedMs - CLOCK_MARGIN_MS
  const names = segmentNames(join(directory, 'segments'))
  index.exec('CREATE INDEX IF NOT EXISTS bodies_id ON bodies (id)')
  index.exec('CREATE TEMP TABLE found (body INTEGER PRIMARY KEY)')
  for (const name of names) {
    index.exec('BEGIN IMMEDIATE')
    try {
      const segment = enterSegment(index, name)
      for (const record of recordsOf(join(directory, 'segments', name))) {
        report.records++
        enterRecord(index, segment, record, sinceMs, ids, report)
      }
      index.exec('COMMIT')
    } catch (error) {
      if (index.inTransaction) index.exec('ROLLBACK')
      throw error
    }
    report.segments++
    onProgress({ segments: report.segments, ofSegments: names.length })
    await new Promise((done) => setImmediate(done))
  }
  report.lost =
    index.get<{ v: number }>('SELECT count(*) AS v FROM bodies WHERE n NOT IN (SELECT body FROM found)')?.v ??
    0
  index.exec("DROP INDEX bodies_id; DROP TABLE found; DELETE FROM sequence WHERE name = 'is_old'")
  return report
}

function enterSegment(index: Connection, name: string): number {
  const known = index.get<{ n: number }>('SELECT n FROM segments WHERE name = ?', name)
  if (known) {
    index.run('UPDATE segments SET state = 1 WHERE n = ?', known.n)
    return known.n
  }
  return index.run(
    'INSERT INTO segments (name, state, created_at_ms, octets) VALUES (?, 1, ?, 0)',
    name,
    Date.now(),
  ).lastRow
}

function enterRecord(
  index: Connection,
  segment: number,
  { header, position, copies }: FoundRecord,
  sinceMs: number,
  ids: UniqueIds,
  report: { recovered: number; relocated: number; accounts: number },
): void {
  const known = index.get<{ n: number; segment: number; position: number }>(
    'SELECT n, segment, position FROM bodies WHERE id = ?',
    header.id,
  )
  if (known) {
    const isFound = index.get('SELECT 1 FROM found WHERE body = ?', known.n) !== undefined
    const isHere = known.segment === segment && known.position === position
    if (!isFound && !isHere) {
      index.run('UPDATE bodies SET segment = ?, position = ? WHERE n = ?', segment, position, known.n)
      report.relocated++
    }
    if (!isFound) index.run('INSERT INTO found (body) VALUES (?)', known.n)
    return
  }
  // Older than the index and not in it: it was deleted for good, only its octets are still there.
  if (copies.length === 0 || bodyTimeMs(header.id) < sinceMs) return
  const body = index.run(
    'INSERT INTO bodies (segment, position, size, crc, refs, id) VALUES (?, ?, ?, ?, ?, ?)',
    segment,
    position,
    header.sizeOctets,
    header.bodyCrc,
    copies.length,
    header.id,
  ).lastRow
  index.run('INSERT INTO found (body) VALUES (?)', body)
  for (const copy of copies) {
    recover(index, copy, body, header, ids, report)
    report.recovered++
  }
}

function accountOf(
  index: Connection,
  copy: TrailerCopy,
  ids: UniqueIds,
  report: { accounts: number },
): number {
  const found =
    index.get<{ n: number }>('SELECT n FROM accounts WHERE id = ?', copy.account) ??
    index.get<{ n: number }>('SELECT n FROM accounts WHERE address = ?', copy.address)
  if (found) return found.n
  report.accounts++
  const address = copy.address === '' ? `${copy.account.toLowerCase()}@recovered.invalid` : copy.address
  index.run(
    'INSERT INTO domains (name, catch_all) VALUES (?, NULL) ON CONFLICT (name) DO NOTHING',
    address.slice(address.lastIndexOf('@') + 1),
  )
  return index.run(
    "INSERT INTO accounts (id, address, created_at_ms, generation, thresholds) VALUES (?, ?, ?, 1, '{}')",
    copy.account === '' ? `a${ids.next()}` : copy.account,
    address,
    Date.now(),
  ).lastRow
}

function recover(
  index: Connection,
  copy: TrailerCopy,
  body: number,
  header: RecordHeader,
  ids: UniqueIds,
  report: { accounts: number },
): void {
  const maildrop = maildropOf(index, accountOf(index, copy, ids, report), RECOVERED)
  const prefix = Buffer.from(copy.prefix, 'latin1')
  const replacement = copy.splice ? Buffer.from(copy.splice.replacement, 'latin1') : null
  const shift = prefix.length + (copy.splice && replacement ? replacement.length - copy.splice.length : 0)
  const uid = ids.next()
  index.run("UPDATE sequence SET value = value + 1 WHERE name = 'place'")
  const place = index.get<{ value: number }>("SELECT value FROM sequence WHERE name = 'place'")?.value ?? 0
  const row = {
    maildrop,
    place,
    uid,
    size: header.sizeOctets + shift,
    bodyOffset: header.bodyOffset + shift,
    stuffing: header.needsStuffing ? 1 : 0,
    arrivedAtMs: copy.arrivedAtMs,
  }
  const n = index.run(
    `INSERT INTO copies (state, maildrop, place, uid, body, arrived_at_ms, changed_at_ms, size, body_offset, stuffing,
       splice_offset, splice_length, splice_octets, original, prefix)
     VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    maildrop,
    place,
    uid,
    body,
    copy.arrivedAtMs,
    Date.now(),
    row.size,
    row.bodyOffset,
    row.stuffing,
    copy.splice?.offset ?? null,
    copy.splice?.length ?? null,
    replacement,
    copy.id,
    prefix,
  ).lastRow
  list(index, { ...row, n })
}

/** Every whole record of a segment file; what is damaged is skipped up to the next record. */
function* recordsOf(path: string): Generator<FoundRecord, void, undefined> {
  const fd = openSync(path, 'r')
  try {
    const end = fstatSync(fd).size
    const head = read(fd, 0, HEAD_OCTETS)
    if (!isHead(head)) return
    for (let at = HEAD_OCTETS; at + RECORD_HEADER_OCTETS <= end; ) {
      const record = recordAt(fd, at, end)
      if (record) {
        yield record
        at = record.position + record.header.sizeOctets + record.header.trailerOctets
      } else {
        const next = nextMagic(fd, at + 1, end)
        if (next === null) return
        at = next
      }
    }
  } finally {
    closeSync(fd)
  }
}

function read(fd: number, position: number, length: number): Uint8Array {
  const octets = new Uint8Array(length)
  let done = 0
  while (done < length) {
    const got = readSync(fd, octets, done, length - done, position + done)
    if (got === 0) break
    done += got
  }
  return octets.subarray(0, done)
}

function recordAt(fd: number, at: number, end: number): FoundRecord | null {
  const octets = read(fd, at, RECORD_HEADER_OCTETS)
  const header = decodeRecordHeader(octets)
  if (!header) return null
  const position = at + RECORD_HEADER_OCTETS
  if (position + header.sizeOctets + header.trailerOctets > end) return null
  const trailerOctets = read(fd, position + header.sizeOctets, header.trailerOctets)
  if (!isIntact(octets, trailerOctets)) return null
  let crc = 0
  for (let done = 0; done < header.sizeOctets; done += SCAN_OCTETS) {
    crc = crc32(read(fd, position + done, Math.min(SCAN_OCTETS, header.sizeOctets - done)), crc)
  }
  const trailer = decodeTrailer(trailerOctets)
  return crc === header.bodyCrc && trailer ? { header, position, copies: trailer.copies } : null
}

function nextMagic(fd: number, from: number, end: number): number | null {
  for (let at = from; at < end; at += SCAN_OCTETS) {
    // Three octets more than the step, so that one across the border is seen.
    const found = Buffer.from(read(fd, at, SCAN_OCTETS + 3)).indexOf(MAGIC)
    if (found >= 0) return at + found
  }
  return null
}
