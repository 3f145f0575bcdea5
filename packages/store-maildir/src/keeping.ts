import { rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type CopyName, type HoldClass, INBOX, isFolder, type Keeping, QUARANTINE } from '@restante/maildrop'
import type { CopyFiles } from './copy-files.ts'
import type { Connection } from './database.ts'
import { guarded, guardedWait } from './failure.ts'
import { baseName, trashIn } from './layout.ts'
import type { Locks } from './locks.ts'
import { LIVE, PURGED, REMOVED } from './schema.ts'
import { change, mustBeOpen, nextPlace, type StoreContext } from './store-context.ts'

const DAY_MS = 24 * 3600 * 1000
/** How long a removed copy can come back. */
const UNDELETE_MS = 7 * DAY_MS
/** How long records are kept. */
const RECORDS_MS = 30 * DAY_MS
/** Copies handled in one step of an expiry. */
const SLICE = 1000

/** A copy as the steps on it need it. */
export interface CopyRow {
  readonly n: number
  readonly account: number
  readonly account_id: string
  readonly home: string
  readonly folder: string
  readonly uid: string | null
  readonly base: string
  readonly changed_at_ms: number
  readonly size: number
  readonly raw_size: number
  readonly original: string | null
  readonly hold_class: HoldClass | null
}

const COPY = `
SELECT c.n, c.account, a.id AS account_id, a.home, c.folder, c.uid, c.base, c.changed_at_ms, c.size, c.raw_size, c.original, c.hold_class
FROM copies c JOIN accounts a ON a.n = c.account`

/** The one copy of that name in that state; null where there is none or more than one. */
export function findCopy(database: Connection, name: CopyName, state: number): CopyRow | null {
  const found =
    typeof name === 'string'
      ? database.all<CopyRow>(`${COPY} WHERE c.uid = ? AND c.state = ? LIMIT 2`, name, state)
      : database.all<CopyRow>(
          `${COPY} WHERE c.uid = ? AND c.state = ? AND a.id = ? AND c.folder = ? LIMIT 2`,
          name.id,
          state,
          name.account,
          name.folder,
        )
  return found.length === 1 ? (found[0] as CopyRow) : null
}

/** Removes the live copies a condition with one value names: their files go to the trash. */
export function removeCopies(
  database: Connection,
  condition: string,
  value: string | number,
  atMs: number,
): void {
  database.run(
    `INSERT OR IGNORE INTO journal (copy, kind, folder, base)
     SELECT n, 'folder', folder, base FROM copies WHERE state = ${LIVE} AND ${condition}`,
    value,
  )
  database.run(
    `UPDATE copies SET state = ${REMOVED}, changed_at_ms = ? WHERE state = ${LIVE} AND ${condition}`,
    atMs,
    value,
  )
}

/** What keeping needs of the store. */
export interface KeepingTools {
  readonly context: StoreContext
  readonly files: CopyFiles
  readonly locks: Locks
}

/** Moving, releasing, removing and expiring in a Maildir store. */
export function maildirKeeping({ context, files, locks }: KeepingTools): Keeping {
  /** A live or removed copy whose file is there. */
  const named = (database: Connection, name: CopyName, state: number): CopyRow | null => {
    const copy = findCopy(database, name, state)
    return copy !== null && files.exists(copy.n) ? copy : null
  }

  /** Gives a copy a new unique-id at the end of a folder of its account. */
  const relist = (database: Connection, copy: CopyRow, folder: string, isRemoved: boolean): string => {
    const id = context.ids.next()
    const nowMs = context.now()
    const original = copy.original ?? copy.uid
    database.run(
      'INSERT OR IGNORE INTO journal (copy, kind, folder, base) VALUES (?, ?, ?, ?)',
      copy.n,
      isRemoved ? 'trash' : 'folder',
      copy.folder,
      copy.base,
    )
    database.run('DELETE FROM hidden WHERE copy = ?', copy.n)
    database.run(
      `UPDATE copies SET state = ${LIVE}, folder = ?, uid = ?, base = ?, place = ?, changed_at_ms = ?, original = ?
       WHERE n = ?`,
      folder,
      id,
      baseName(nowMs, id, copy.size, copy.raw_size),
      nextPlace(database),
      nowMs,
      original,
      copy.n,
    )
    database.run(
      `INSERT INTO renames (original, current, account, at_ms) VALUES (?, ?, ?, ?)
       ON CONFLICT (original, account) DO UPDATE SET current = excluded.current, at_ms = excluded.at_ms`,
      original,
      id,
      copy.account,
      nowMs,
    )
    return id
  }

  /** Takes up to a slice of copies away for good; how many. */
  const purge = (database: Connection, condition: string, value: number): number => {
    const rows = JSON.stringify(
      database
        .columns<[number]>(`SELECT n FROM copies WHERE ${condition} LIMIT ${SLICE}`, value)
        .map(([n]) => n),
    )
    database.run(
      `INSERT OR IGNORE INTO journal (copy, kind, folder, base)
       SELECT n, 'folder', folder, base FROM copies WHERE state = ${LIVE} AND n IN (SELECT value FROM json_each(?))`,
      rows,
    )
    database.run('DELETE FROM hidden WHERE copy IN (SELECT value FROM json_each(?))', rows)
    return database.run(
      `UPDATE copies SET state = ${PURGED}, uid = NULL, changed_at_ms = ? WHERE n IN (SELECT value FROM json_each(?))`,
      Date.now(),
      rows,
    ).changes
  }
  const purgeAll = async (condition: string, value: number): Promise<number> => {
    for (let all = 0; ; ) {
      const some = await change(context, (database) => purge(database, condition, value))
      all += some
      if (some < SLICE) return all
    }
  }

  return {
    async release(name, actor) {
      mustBeOpen(context)
      return change(context, (database) => {
        const copy = named(database, name, LIVE)
        if (copy === null) return { failed: 'no-such-message' }
        if (copy.folder !== QUARANTINE) return { failed: 'not-held' }
        database.run(
          'UPDATE copies SET hold_class = NULL, hold_reason = NULL, hold_expires_at_ms = NULL WHERE n = ?',
          copy.n,
        )
        const released = relist(database, copy, INBOX, false)
        database.run(
          "INSERT INTO feedback (owner, label, source, by_account, at_ms, about_id) VALUES (?, 'ham', 'release', ?, ?, ?)",
          `account:${copy.account_id}`,
          actor.account,
          context.now(),
          released,
        )
        return { released }
      })
    },

    async move(name, folder) {
      mustBeOpen(context)
      if (!isFolder(folder)) throw new RangeError(`${JSON.stringify(folder)} names no folder`)
      return change(context, (database) => {
        const copy = named(database, name, LIVE)
        if (copy === null) return { failed: 'no-such-message' }
        if (copy.folder === QUARANTINE || folder === QUARANTINE) return { failed: 'held' }
        return { moved: relist(database, copy, folder, false) }
      })
    },

    async discard(name) {
      mustBeOpen(context)
      return change(context, (database) => {
        const copy = named(database, name, LIVE)
        if (copy === null) return false
        removeCopies(database, 'n = ?', copy.n, context.now())
        return true
      })
    },

    async undelete(name) {
      mustBeOpen(context)
      return change(context, (database) => {
        const copy = named(database, name, REMOVED)
        if (copy === null) return { failed: 'no-such-message' }
        if (context.now() - copy.changed_at_ms >= UNDELETE_MS) return { failed: 'too-late' }
        return { restored: relist(database, copy, copy.folder, true) }
      })
    },

    async expire(nowMs) {
      mustBeOpen(context)
      const holds = await purgeAll(`state = ${LIVE} AND hold_expires_at_ms <= ?`, nowMs)
      const removed = await purgeAll(`state = ${REMOVED} AND changed_at_ms <= ?`, nowMs - UNDELETE_MS)
      const records = await change(context, (database) => {
        database.run('DELETE FROM renames WHERE at_ms <= ?', nowMs - RECORDS_MS)
        return database.run('DELETE FROM records WHERE received_at_ms <= ?', nowMs - RECORDS_MS).changes
      })
      await reap(context, locks)
      return { holds, removed, records }
    },
  }
}

/** Takes the files of purged copies and erased accounts off the disk, but what an open session may still show. */
export async function reap(context: StoreContext, locks: Locks): Promise<void> {
  const { database, layout } = context
  const isAny = guarded(() =>
    database.get(
      `SELECT 1 FROM copies WHERE state = ${PURGED} UNION ALL SELECT 1 FROM erased WHERE moved = 1 LIMIT 1`,
    ),
  )
  if (isAny === undefined) return
  const beforeMs = guarded(() => locks.oldestLockMs()) ?? Number.MAX_SAFE_INTEGER
  for (;;) {
    const rows = guarded(() =>
      database.all<{ n: number; base: string; home: string | null }>(
        `SELECT c.n, c.base, a.home FROM copies c LEFT JOIN accounts a ON a.n = c.account
         WHERE c.state = ${PURGED} AND c.changed_at_ms < ? AND c.n NOT IN (SELECT copy FROM journal) LIMIT ${SLICE}`,
        beforeMs,
      ),
    )
    if (rows.length === 0) break
    guarded(() => {
      for (const { base, home } of rows) {
        if (home !== null) rmSync(join(trashIn(layout.home(home)), base), { force: true })
      }
    })
    const done = JSON.stringify(rows.map(({ n }) => n))
    await change(context, (database) =>
      database.run('DELETE FROM copies WHERE n IN (SELECT value FROM json_each(?))', done),
    )
  }
  const erased = guarded(() =>
    database.all<{ account: number }>('SELECT account FROM erased WHERE moved = 1 AND at_ms < ?', beforeMs),
  )
  for (const { account } of erased) {
    await guardedWait(() => rm(layout.erasedHome(account), { recursive: true, force: true }))
    if (!context.isOpen()) return
    await change(context, (database) => database.run('DELETE FROM erased WHERE account = ?', account))
  }
}
