import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { describe } from './compaction.ts'
import type { Connection } from './connection.ts'
import { storeError } from './failure.ts'
import { instanceOf, isInstanceAlive } from './process-identity.ts'
import type { SegmentFiles } from './segment-files.ts'
import { decodeRecordHeader, isIntact, RECORD_HEADER_OCTETS } from './segment-format.ts'
import { fileOctets, segmentNames } from './sweep.ts'

/** One thing {@link verifyStore} found wrong. */
export interface StoreProblem {
  readonly kind: 'corrupt-body' | 'damaged-database' | 'wrong-count' | 'missing-segment' | 'unknown-segment'
  /** Names the message, the segment or the maildrop it is about. */
  readonly detail: string
}

/** What {@link verifyStore} looked at and found. */
export interface VerifyReport {
  readonly bodies: number
  readonly octets: number
  readonly problems: readonly StoreProblem[]
}

/** How far a check is. */
export interface VerifyProgress {
  readonly bodies: number
  readonly ofBodies: number
}

/** What checking needs of the store. */
export interface VerifyTools {
  /** The segments' folder. */
  readonly directory: string
  readonly index: Connection
  readonly facts: Connection
  readonly model: Connection
  readonly segmentFiles: SegmentFiles
}

interface BodyRow {
  readonly n: number
  readonly position: number
  readonly size: number
  readonly crc: number
  readonly segment: string
  readonly id: Uint8Array
}

const CHUNK_OCTETS = 1024 * 1024
/** Other work is let in after so many octets. */
const YIELD_OCTETS = 8 * 1024 * 1024

/**
 * Reads every body there is and compares it with its checksums, the index with itself and with the files. Changes
 * nothing; runs while mail comes and goes.
 */
export async function verifyStore(
  tools: VerifyTools,
  onProgress: (progress: VerifyProgress) => void,
): Promise<VerifyReport> {
  const { index, facts, model, directory, segmentFiles } = tools
  const problems: StoreProblem[] = []
  for (const [name, database] of [
    ['index', index],
    ['facts', facts],
    ['model', model],
  ] as const) {
    const rows = database.all<{ quick_check: string }>('PRAGMA quick_check(10)')
    for (const { quick_check: found } of rows) {
      if (found !== 'ok') problems.push({ kind: 'damaged-database', detail: `${name}.db: ${found}` })
    }
  }
  problems.push(...countProblems(index), ...segmentProblems(index, directory))

  const ofBodies = index.get<{ count: number }>('SELECT count(*) AS count FROM bodies')?.count ?? 0
  let bodies = 0
  let octets = 0
  let yieldAt = YIELD_OCTETS
  for (let after = 0; ; ) {
    const page = index.all<BodyRow>(
      `SELECT b.n, b.position, b.size, b.crc, b.id, s.name AS segment FROM bodies b JOIN segments s ON s.n = b.segment
       WHERE b.n > ? ORDER BY b.n LIMIT 200`,
      after,
    )
    for (const body of page) {
      const reason = checkBody(segmentFiles, body)
      // What was moved or reaped since the page was read is not damaged.
      if (reason !== null && isStill(index, body)) {
        problems.push({
          kind: 'corrupt-body',
          detail: `message ${describe(index, body.n)} (${body.segment} at ${body.position}): ${reason}`,
        })
      }
      bodies++
      octets += body.size
      if (octets >= yieldAt) {
        yieldAt = octets + YIELD_OCTETS
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    onProgress({ bodies, ofBodies })
    if (page.length < 200) break
    after = (page.at(-1) as BodyRow).n
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { bodies, octets, problems }
}

function isStill(index: Connection, body: BodyRow): boolean {
  const now = index.get<{ position: number; name: string }>(
    'SELECT b.position, s.name FROM bodies b JOIN segments s ON s.n = b.segment WHERE b.n = ?',
    body.n,
  )
  return now !== undefined && now.position === body.position && now.name === body.segment
}

/** What is wrong with a body's record, or null. */
function checkBody(files: SegmentFiles, body: BodyRow): string | null {
  try {
    const octets = new Uint8Array(RECORD_HEADER_OCTETS)
    files.readSync(body.segment, body.position - RECORD_HEADER_OCTETS, octets)
    const header = decodeRecordHeader(octets)
    if (!header) return 'its header is damaged'
    if (!Buffer.from(header.id).equals(body.id) || header.sizeOctets !== body.size) {
      return 'the record there is another one'
    }
    let crc = 0
    for (let at = 0; at < body.size; at += CHUNK_OCTETS) {
      const chunk = new Uint8Array(Math.min(CHUNK_OCTETS, body.size - at))
      files.readSync(body.segment, body.position + at, chunk)
      crc = crc32(chunk, crc)
    }
    if (crc !== body.crc) return 'its checksum does not match'
    const trailer = new Uint8Array(header.trailerOctets)
    files.readSync(body.segment, body.position + body.size, trailer)
    return isIntact(octets, trailer) ? null : 'its trailer is damaged'
  } catch (error) {
    return storeError(error).message
  }
}

function countProblems(index: Connection): StoreProblem[] {
  const wrong = (sql: string, say: (detail: string) => string): StoreProblem[] =>
    index
      .all<{ detail: string }>(sql)
      .map(({ detail }) => ({ kind: 'wrong-count' as const, detail: say(detail) }))
  return [
    ...wrong(
      `SELECT m.folder || ' of account ' || coalesce(m.account, 'erased') AS detail FROM maildrops m
       WHERE (m.messages, m.octets) <>
         (SELECT count(*), coalesce(sum(size), 0) FROM listed l WHERE l.maildrop = m.n) LIMIT 100`,
      (detail) => `${detail}: the counters do not match what is listed`,
    ),
    ...wrong(
      `SELECT l.uid AS detail FROM listed l LEFT JOIN copies c ON c.n = l.n
       WHERE c.n IS NULL OR c.state <> 0 OR c.maildrop <> l.maildrop OR c.place <> l.place OR c.uid <> l.uid LIMIT 100`,
      (detail) => `message ${detail} is listed, but not stored so`,
    ),
    ...wrong(
      `SELECT coalesce(c.uid, c.n) AS detail FROM copies c LEFT JOIN listed l ON l.maildrop = c.maildrop AND l.place = c.place
       WHERE c.state = 0 AND l.n IS NULL LIMIT 100`,
      (detail) => `message ${detail} is stored, but not listed`,
    ),
    ...wrong(
      `SELECT c.n AS detail FROM copies c LEFT JOIN bodies b ON b.n = c.body WHERE b.n IS NULL LIMIT 100`,
      (detail) => `copy ${detail} has no body`,
    ),
    ...wrong(
      `SELECT b.n AS detail FROM bodies b
       LEFT JOIN (SELECT body, count(*) AS refs FROM copies GROUP BY body) c ON c.body = b.n
       WHERE b.refs <> coalesce(c.refs, 0) LIMIT 100`,
      (detail) => `body ${detail} counts its copies wrongly`,
    ),
  ]
}

function segmentProblems(index: Connection, directory: string): StoreProblem[] {
  const problems: StoreProblem[] = []
  const known = new Set<string>()
  for (const { name, bodies } of index.all<{ name: string; bodies: number }>(
    'SELECT s.name, (SELECT count(*) FROM bodies b WHERE b.segment = s.n) AS bodies FROM segments s WHERE s.state <> 2',
  )) {
    known.add(name)
    if (bodies > 0 && fileOctets(join(directory, name)) === 0) {
      problems.push({ kind: 'missing-segment', detail: `${name} with ${bodies} bodies` })
    }
  }
  for (const name of segmentNames(directory)) {
    if (known.has(name) || index.get('SELECT 1 FROM segments WHERE name = ?', name)) continue
    // A living process makes a file before the index knows it, and stages large bodies in files of their own.
    if (isInstanceAlive(instanceOf(name))) continue
    problems.push({ kind: 'unknown-segment', detail: name })
  }
  return problems
}
