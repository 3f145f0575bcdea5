import { INBOX, QUARANTINE } from '@restante/maildrop'
import type { Argument, Operations } from './requests.ts'
import {
  type CopyRow,
  findCopy,
  LIVE,
  list,
  maildropOf,
  PURGED,
  REMOVED,
  removePlaces,
  unlist,
  type WriteContext,
} from './write-context.ts'

/** How long a removed copy can come back. */
export const UNDELETE_MS: number = 7 * 24 * 3600 * 1000

/** Rows handled in one transaction of a purge. */
const SLICE = 200

type Keeping = Pick<
  Operations,
  | 'remove'
  | 'release'
  | 'move'
  | 'discard'
  | 'undelete'
  | 'purgeHolds'
  | 'purgeRemoved'
  | 'purgeErased'
  | 'expireRenames'
  | 'reap'
>

/** The steps on stored copies, bound to the writer's databases. */
export function keepingOperations(context: WriteContext): Keeping {
  const { index } = context

  /** Gives a copy a new unique-id at the end of a folder of its account, as a live copy. */
  const relist = (copy: CopyRow, folder: string, newId: string, atMs: number): void => {
    const maildrop = maildropOf(index, copy.account, folder)
    const place = context.nextPlace()
    const original = copy.original ?? copy.uid
    index.run(
      `UPDATE copies SET state = ${LIVE}, maildrop = ?, place = ?, uid = ?, changed_at_ms = ?, original = ? WHERE n = ?`,
      maildrop,
      place,
      newId,
      atMs,
      original,
      copy.n,
    )
    index.run(
      `INSERT INTO renames (original, current, account, at_ms) VALUES (?, ?, ?, ?)
       ON CONFLICT (original, account) DO UPDATE SET current = excluded.current, at_ms = excluded.at_ms`,
      original,
      newId,
      copy.account,
      atMs,
    )
    list(index, {
      maildrop,
      place,
      n: copy.n,
      uid: newId,
      size: copy.size,
      bodyOffset: copy.body_offset,
      stuffing: copy.stuffing,
      arrivedAtMs: copy.arrived_at_ms,
    })
  }

  /** Takes copies away for good; their rows stay for snapshots until they are reaped. */
  const purge = (
    rows: readonly { n: number; maildrop: number; place: number; state: number }[],
    realMs: number,
  ): number => {
    const live = new Map<number, number[]>()
    for (const row of rows) {
      if (row.state === LIVE) {
        const places = live.get(row.maildrop) ?? []
        places.push(row.place)
        live.set(row.maildrop, places)
      }
      index.run(
        `UPDATE copies SET state = ${PURGED}, uid = NULL, changed_at_ms = ? WHERE n = ?`,
        realMs,
        row.n,
      )
    }
    for (const [maildrop, places] of live) unlist(index, maildrop, places)
    return rows.length
  }

  type PurgeRow = { n: number; maildrop: number; place: number; state: number }

  return {
    remove({ maildrop, device, places, atMs }: Argument<'remove'>) {
      if (device === null) {
        removePlaces(index, maildrop, places, atMs)
        return null
      }
      index.run(
        `INSERT INTO views (maildrop, device, version) VALUES (?, ?, 1)
         ON CONFLICT (maildrop, device) DO UPDATE SET version = version + 1`,
        maildrop,
        device,
      )
      index.run(
        `INSERT OR IGNORE INTO hidden (view, place)
         SELECT v.n, l.place FROM views v, listed l
         WHERE v.maildrop = ?1 AND v.device = ?2 AND l.maildrop = ?1 AND l.place IN (SELECT value FROM json_each(?3))`,
        maildrop,
        device,
        JSON.stringify(places),
      )
      return null
    },

    release({ copy: name, newId, by, atMs }) {
      const copy = findCopy(index, name, LIVE)
      if (!copy) return { failed: 'no-such-message' }
      if (copy.hold_class === null) return { failed: 'not-held' }
      unlist(index, copy.maildrop, [copy.place])
      index.run(
        'UPDATE copies SET hold_class = NULL, hold_reason = NULL, hold_expires_at_ms = NULL WHERE n = ?',
        copy.n,
      )
      relist(copy, INBOX, newId, atMs)
      index.run(
        "INSERT INTO feedback (owner, label, source, by_account, at_ms, about_id) VALUES (?, 'ham', 'release', ?, ?, ?)",
        `account:${copy.account_id}`,
        by,
        atMs,
        newId,
      )
      return { released: newId }
    },

    move({ copy: name, newId, folder, atMs }) {
      const copy = findCopy(index, name, LIVE)
      if (!copy) return { failed: 'no-such-message' }
      if (copy.hold_class !== null || folder === QUARANTINE) return { failed: 'held' }
      unlist(index, copy.maildrop, [copy.place])
      relist(copy, folder, newId, atMs)
      return { moved: newId }
    },

    discard({ copy: name, atMs }) {
      const copy = findCopy(index, name, LIVE)
      if (!copy) return false
      removePlaces(index, copy.maildrop, [copy.place], atMs)
      return true
    },

    undelete({ copy: name, newId, atMs }) {
      const copy = findCopy(index, name, REMOVED)
      if (!copy) return { failed: 'no-such-message' }
      if (atMs - copy.changed_at_ms >= UNDELETE_MS) return { failed: 'too-late' }
      relist(copy, copy.folder, newId, atMs)
      return { restored: newId }
    },

    purgeHolds({ beforeMs, realMs }) {
      return purge(
        index.all<PurgeRow>(
          `SELECT n, maildrop, place, state FROM copies
           WHERE state = ${LIVE} AND hold_expires_at_ms IS NOT NULL AND hold_expires_at_ms <= ? LIMIT ${SLICE}`,
          beforeMs,
        ),
        realMs,
      )
    },

    purgeRemoved({ beforeMs, realMs }) {
      return purge(
        index.all<PurgeRow>(
          `SELECT n, maildrop, place, state FROM copies WHERE state = ${REMOVED} AND changed_at_ms <= ? LIMIT ${SLICE}`,
          beforeMs,
        ),
        realMs,
      )
    },

    purgeErased({ realMs }) {
      const rows = index.all<PurgeRow>(
        `SELECT n, maildrop, place, 0 AS state FROM listed WHERE maildrop IN
           (SELECT n FROM maildrops WHERE account IS NULL) LIMIT ${SLICE}`,
      )
      if (rows.length > 0) return purge(rows, realMs)
      const removed = index.all<PurgeRow>(
        `SELECT n, maildrop, place, state FROM copies WHERE state = ${REMOVED} AND maildrop IN
           (SELECT n FROM maildrops WHERE account IS NULL) LIMIT ${SLICE}`,
      )
      if (removed.length > 0) return purge(removed, realMs)
      index.run(
        'DELETE FROM hidden WHERE view IN (SELECT n FROM views WHERE maildrop IN (SELECT n FROM maildrops WHERE account IS NULL))',
      )
      index.run('DELETE FROM views WHERE maildrop IN (SELECT n FROM maildrops WHERE account IS NULL)')
      index.run('DELETE FROM maildrops WHERE account IS NULL')
      return 0
    },

    expireRenames({ beforeMs }) {
      return index.run(
        `DELETE FROM renames WHERE (original, account) IN
           (SELECT original, account FROM renames WHERE at_ms <= ? LIMIT ${SLICE})`,
        beforeMs,
      ).changes
    },

    reap({ beforeRealMs }) {
      const rows = index.all<{ n: number; body: number }>(
        `SELECT n, body FROM copies WHERE state = ${PURGED} AND changed_at_ms < ? LIMIT ${SLICE}`,
        beforeRealMs,
      )
      for (const { n, body } of rows) {
        index.run('DELETE FROM copies WHERE n = ?', n)
        index.run('UPDATE bodies SET refs = refs - 1 WHERE n = ?', body)
        index.run('DELETE FROM bodies WHERE n = ? AND refs <= 0', body)
      }
      return rows.length
    },
  }
}
