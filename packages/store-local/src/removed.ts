import type { RemovedCopy, TrashStore } from '@restante/maildrop'
import type { Connection } from './connection.ts'
import { guarded } from './failure.ts'
import { ID_PREFIX_MIN, STORED, type StoredRow, storedCopy } from './reading.ts'
import { REMOVED } from './write-context.ts'
import { UNDELETE_MS } from './write-keeping.ts'

/** What showing removed copies needs of the store. */
export interface RemovedTools {
  readonly index: Connection
  readonly now: () => number
  /** @throws {StoreError} `closed` */
  readonly mustBeOpen: () => void
}

interface RemovedRow extends StoredRow {
  readonly n: number
  readonly changed_at_ms: number
}

/** Copies read at once. */
const PAGE_ROWS = 500
const PAGE = `${STORED}
WHERE c.state = ${REMOVED} AND a.id = ?1 AND (c.changed_at_ms, c.n) > (?2, ?3)
ORDER BY c.changed_at_ms, c.n LIMIT ${PAGE_ROWS}`
const EXACT = `${STORED} WHERE c.uid = ?1 AND c.state = ${REMOVED} AND c.changed_at_ms > ?2 LIMIT 2`
const PREFIX = `${STORED}
WHERE c.uid > ?1 AND c.uid < ?1 || char(127) AND c.state = ${REMOVED} AND c.changed_at_ms > ?2 LIMIT 2`

/** What a local store shows of removed copies. */
export function localRemoved(tools: RemovedTools): Pick<TrashStore, 'removed' | 'findRemoved'> {
  const { index, now, mustBeOpen } = tools
  return {
    async *removed(account) {
      mustBeOpen()
      let after: readonly [ms: number, n: number] = [now() - UNDELETE_MS, Number.MAX_SAFE_INTEGER]
      for (;;) {
        mustBeOpen()
        const [ms, n] = after
        const page = guarded(() => index.all<RemovedRow>(PAGE, account, ms, n))
        for (const row of page) yield removedCopy(row)
        const last = page.at(-1)
        if (last === undefined || page.length < PAGE_ROWS) return
        after = [last.changed_at_ms, last.n]
      }
    },
    async findRemoved(idPrefix) {
      mustBeOpen()
      const sinceMs = now() - UNDELETE_MS
      return guarded(() => {
        let rows = index.all<RemovedRow>(EXACT, idPrefix, sinceMs)
        if (rows.length === 0 && idPrefix.length >= ID_PREFIX_MIN) {
          rows = index.all<RemovedRow>(PREFIX, idPrefix, sinceMs)
        }
        if (rows.length > 1) return 'ambiguous'
        return rows[0] ? removedCopy(rows[0]) : null
      })
    },
  }
}

function removedCopy(row: RemovedRow): RemovedCopy {
  return { ...storedCopy(row), removedAtMs: row.changed_at_ms }
}
