import type { Learning } from './learning.ts'
import { retireCopies } from './memory-devices.ts'
import { type MemoryCopy, type MemoryState, RECORDS_MS, UNDELETE_MS } from './memory-state.ts'
import type { Keeping } from './reading.ts'
import { INBOX, isFolder, QUARANTINE } from './words.ts'

/** Moving, releasing, removing and expiring in a memory store. */
export function memoryKeeping(state: MemoryState, learning: Learning): Keeping {
  return {
    async release(name, actor) {
      state.mustBeOpen()
      const held = state.copyNamed(name)
      if (held === null) return { failed: 'no-such-message' }
      if (held.folder !== QUARANTINE) return { failed: 'not-held' }
      const copy = state.replace(held, INBOX, null)
      await learning.feedback.append([
        {
          owner: `account:${copy.account}`,
          label: 'ham',
          source: 'release',
          by: actor.account,
          atMs: state.now(),
          about: { id: copy.id },
        },
      ])
      return { released: copy.id }
    },
    async move(name, folder) {
      state.mustBeOpen()
      if (!isFolder(folder)) throw new RangeError(`${JSON.stringify(folder)} names no folder`)
      const copy = state.copyNamed(name)
      if (copy === null) return { failed: 'no-such-message' }
      if (copy.folder === QUARANTINE || folder === QUARANTINE) return { failed: 'held' }
      return { moved: state.replace(copy, folder, null).id }
    },
    async discard(name) {
      state.mustBeOpen()
      const copy = state.copyNamed(name)
      if (copy === null) return false
      state.remove([copy])
      return true
    },
    async undelete(name) {
      state.mustBeOpen()
      const copy = state.copyNamed(name, true)
      if (copy === null) return { failed: 'no-such-message' }
      if (isPastUndelete(copy, state.now())) return { failed: 'too-late' }
      return { restored: state.replace(copy, copy.folder, copy.hold).id }
    },
    async expire(nowMs) {
      state.mustBeOpen()
      const retired = retireCopies(state, nowMs)
      const holds: MemoryCopy[] = []
      const removed: MemoryCopy[] = []
      for (const account of state.accounts.values()) {
        for (const copy of account.folders.get(QUARANTINE)?.copies ?? []) {
          if ((copy.hold?.expiresAtMs ?? Number.POSITIVE_INFINITY) <= nowMs) holds.push(copy)
        }
        removed.push(...account.removed.filter((copy) => isPastUndelete(copy, nowMs)))
      }
      state.purge([...holds, ...removed])
      const records = state.dropRecords(({ stored }) => stored.receivedAtMs + RECORDS_MS <= nowMs)
      return { holds: holds.length, removed: removed.length, records, retired }
    },
  }
}

function isPastUndelete(copy: MemoryCopy, nowMs: number): boolean {
  return copy.removedAtMs !== null && copy.removedAtMs + UNDELETE_MS <= nowMs
}
