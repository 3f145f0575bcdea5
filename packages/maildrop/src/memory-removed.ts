import { describeCopy } from './memory-reading.ts'
import { type MemoryCopy, type MemoryState, UNDELETE_MS } from './memory-state.ts'
import type { RemovedCopy, TrashStore } from './removed.ts'

/** What a memory store shows of removed copies. */
export function memoryRemoved(state: MemoryState): Pick<TrashStore, 'removed' | 'findRemoved'> {
  const canComeBack = ({ removedAtMs }: MemoryCopy): boolean =>
    removedAtMs !== null && removedAtMs + UNDELETE_MS > state.now()
  return {
    async *removed(account) {
      state.mustBeOpen()
      for (const copy of [...(state.account(account)?.removed ?? [])]) {
        if (canComeBack(copy)) yield describeRemoved(copy)
      }
    },
    async findRemoved(idPrefix) {
      state.mustBeOpen()
      const found = state.copiesStarting(idPrefix, true).filter(canComeBack)
      if (found.length > 1) return 'ambiguous'
      return found[0] === undefined ? null : describeRemoved(found[0])
    },
  }
}

function describeRemoved(copy: MemoryCopy): RemovedCopy {
  return { ...describeCopy(copy), removedAtMs: copy.removedAtMs ?? 0 }
}
