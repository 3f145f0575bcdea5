import type { CopyName } from '@restante/maildrop'
import type { Connection } from './connection.ts'
import type { SegmentWriter } from './segment-writer.ts'

/** What the operations of the writer thread work on. */
export interface WriteContext {
  readonly index: Connection
  readonly facts: Connection
  readonly model: Connection
  readonly segments: SegmentWriter
  /** The next place in the order of arrival; larger than every one before. Only within an index transaction. */
  nextPlace(): number
}

/** A copy's row as the steps on it need it. */
export interface CopyRow {
  readonly n: number
  readonly state: number
  readonly maildrop: number
  readonly place: number
  readonly uid: string
  readonly size: number
  readonly body_offset: number
  readonly stuffing: number
  readonly arrived_at_ms: number
  readonly changed_at_ms: number
  readonly hold_class: string | null
  readonly original: string | null
  readonly account: number
  readonly account_id: string
  readonly folder: string
}

const COPY_COLUMNS = `
SELECT c.n, c.state, c.maildrop, c.place, c.uid, c.size, c.body_offset, c.stuffing, c.arrived_at_ms, c.changed_at_ms,
  c.hold_class, c.original, m.account, m.folder, a.id AS account_id
FROM copies c JOIN maildrops m ON m.n = c.maildrop JOIN accounts a ON a.n = m.account`
const BY_ID = `${COPY_COLUMNS} WHERE c.uid = ? AND c.state = ? LIMIT 2`
const BY_KEY = `${COPY_COLUMNS} WHERE c.uid = ? AND c.state = ? AND a.id = ? AND m.folder = ? LIMIT 2`

/** State of a copy in the index. */
export const LIVE = 0
export const REMOVED = 1
export const PURGED = 2

/** The one copy of that name in that state, or null. */
export function findCopy(index: Connection, name: CopyName, state: number): CopyRow | null {
  const rows =
    typeof name === 'string'
      ? index.all<CopyRow>(BY_ID, name, state)
      : index.all<CopyRow>(BY_KEY, name.id, state, name.account, name.folder)
  return rows.length === 1 ? (rows[0] as CopyRow) : null
}

/** The row of an account's folder, made where it is missing. */
export function maildropOf(index: Connection, account: number, folder: string): number {
  const found = index.get<{ n: number }>(
    'SELECT n FROM maildrops WHERE account = ? AND folder = ?',
    account,
    folder,
  )
  if (found) return found.n
  return index.run(
    'INSERT INTO maildrops (account, folder, version, removals, octets, messages) VALUES (?, ?, 1, 0, 0, 0)',
    account,
    folder,
  ).lastRow
}

/** What a listing shows of a copy. */
export interface ListedRow {
  readonly maildrop: number
  readonly place: number
  readonly n: number
  readonly uid: string
  readonly size: number
  readonly bodyOffset: number
  readonly stuffing: number
  readonly arrivedAtMs: number
}

/** Puts a copy at the end of a maildrop's listing and counts it. */
export function list(index: Connection, row: ListedRow): void {
  index.run(
    'INSERT INTO listed (maildrop, place, n, uid, size, body_offset, stuffing, arrived_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    row.maildrop,
    row.place,
    row.n,
    row.uid,
    row.size,
    row.bodyOffset,
    row.stuffing,
    row.arrivedAtMs,
  )
  index.run(
    'UPDATE maildrops SET version = version + 1, octets = octets + ?, messages = messages + 1 WHERE n = ?',
    row.size,
    row.maildrop,
  )
}

/** Takes copies out of a maildrop's listing by their places, and out of its count. How many there were. */
export function unlist(index: Connection, maildrop: number, places: readonly number[]): number {
  const json = JSON.stringify(places)
  const sum = index.get<{ messages: number; octets: number }>(
    `SELECT count(*) AS messages, coalesce(sum(size), 0) AS octets FROM listed
     WHERE maildrop = ? AND place IN (SELECT value FROM json_each(?))`,
    maildrop,
    json,
  )
  if (!sum || sum.messages === 0) return 0
  index.run(
    'DELETE FROM listed WHERE maildrop = ? AND place IN (SELECT value FROM json_each(?))',
    maildrop,
    json,
  )
  index.run(
    `DELETE FROM hidden WHERE view IN (SELECT n FROM views WHERE maildrop = ?)
     AND place IN (SELECT value FROM json_each(?))`,
    maildrop,
    json,
  )
  index.run(
    `UPDATE maildrops SET version = version + 1, removals = removals + 1, octets = octets - ?, messages = messages - ?
     WHERE n = ?`,
    sum.octets,
    sum.messages,
    maildrop,
  )
  return sum.messages
}

/** Marks a maildrop's copies as removed, by their places. */
export function removePlaces(
  index: Connection,
  maildrop: number,
  places: readonly number[],
  atMs: number,
): void {
  index.run(
    `UPDATE copies SET state = ${REMOVED}, changed_at_ms = ? WHERE n IN
       (SELECT n FROM listed WHERE maildrop = ? AND place IN (SELECT value FROM json_each(?)))`,
    atMs,
    maildrop,
    JSON.stringify(places),
  )
  unlist(index, maildrop, places)
}
