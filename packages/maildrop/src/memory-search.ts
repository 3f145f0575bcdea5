import type { MemoryRecord, MemoryState } from './memory-state.ts'
import { type FoundRecord, matchesQuery, SEARCH_PAGE_MAX, type SearchableStore } from './search.ts'

/** Searching the records of a memory store: one look at each of them. */
export function memorySearch(state: MemoryState): Pick<SearchableStore, 'search'> {
  return {
    async search(account, query, page = {}) {
      state.mustBeOpen()
      const limit = Math.min(Math.max(1, page.limit ?? 50), SEARCH_PAGE_MAX)
      const after = page.after === undefined ? Number.POSITIVE_INFINITY : Number(page.after)
      const matching = [...new Set([...state.records.values()].flat())]
        .filter((record) => record.serial < after && (account === 'all' || record.account === account))
        .sort((a, b) => b.serial - a.serial)
        .map((record) => ({ serial: record.serial, found: foundRecord(state, record) }))
        .filter(({ found }) => matchesQuery(query, found))
      const shown = matching.slice(0, limit)
      return {
        found: shown.map(({ found }) => found),
        next: matching.length > limit ? String(shown.at(-1)?.serial) : null,
      }
    },
  }
}

function foundRecord(state: MemoryState, record: MemoryRecord): FoundRecord {
  const copy = state.copiesOf(record.account).find((each) => each.record === record)
  return { ...record.stored, account: record.account, folder: copy?.folder ?? null }
}
