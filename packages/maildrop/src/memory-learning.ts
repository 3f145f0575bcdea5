import type { Cursor, Feedback, Label, Learning, Lesson, Log, ModelSnapshot, Owner } from './learning.ts'
import type { MemoryState } from './memory-state.ts'
import type { AccountId } from './words.ts'

/** Logs, labels and the model of a memory store. */
export interface MemoryLearning extends Learning {
  /** Forgets what an account said and taught. */
  erase(account: AccountId): void
}

/** What the learner works on, in memory. */
export function memoryLearning(state: MemoryState): MemoryLearning {
  const labels = new Map<string, Label>()
  const feedback = memoryLog<Feedback>(state, () => {})
  const lessons = memoryLog<Lesson>(state, ({ owner, hash, action, label }) => {
    const key = labelKey(owner, hash)
    if (action === 'learn') labels.set(key, label)
    else labels.delete(key)
  })
  let model: ModelSnapshot | null = null
  return {
    feedback,
    lessons,
    async labelOf(owner, hash) {
      state.mustBeOpen()
      return labels.get(labelKey(owner, hash)) ?? null
    },
    async latestModel() {
      state.mustBeOpen()
      return model
    },
    async modelSavedAtMs() {
      state.mustBeOpen()
      return model?.atMs ?? null
    },
    async saveModel(snapshot) {
      state.mustBeOpen()
      model = structuredClone(snapshot)
    },
    erase(account) {
      const owner: Owner = `account:${account}`
      feedback.drop((entry) => entry.owner === owner)
      lessons.drop((entry) => entry.owner === owner)
      const start = labelKey(owner, '').slice(0, -3)
      for (const key of labels.keys()) if (key.startsWith(start)) labels.delete(key)
    },
  }
}

function labelKey(owner: Owner, hash: string): string {
  return JSON.stringify([owner, hash])
}

interface MemoryLog<T> extends Log<T> {
  drop(due: (entry: T) => boolean): void
}

function memoryLog<T>(state: MemoryState, onAppend: (entry: T) => void): MemoryLog<T> {
  let rows: { readonly cursor: Cursor; readonly entry: T }[] = []
  let head: Cursor = 0
  return {
    async append(entries) {
      state.mustBeOpen()
      for (const entry of entries) {
        rows.push({ cursor: ++head, entry: structuredClone(entry) })
        onAppend(entry)
      }
      return head
    },
    async since(cursor, limit) {
      state.mustBeOpen()
      let low = 0
      for (let high = rows.length; low < high; ) {
        const middle = (low + high) >> 1
        if ((rows[middle]?.cursor as Cursor) > cursor) high = middle
        else low = middle + 1
      }
      return rows.slice(low, low + limit)
    },
    async head() {
      state.mustBeOpen()
      return head
    },
    drop(due) {
      rows = rows.filter(({ entry }) => !due(entry))
    },
  }
}
