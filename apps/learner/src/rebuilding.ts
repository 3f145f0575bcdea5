import { setImmediate as breathe } from 'node:timers/promises'
import { createModel, type Model } from '@restante/bayes'
import { teach } from '@restante/filter'
import type { Cursor, Label, Learning } from '@restante/maildrop'

/** More than this is not held in memory at once; the model then stays as it was learned, step by step. */
export const REBUILD_MAX_MESSAGES = 20_000

const BATCH = 500
const BREATH_EVERY = 100

/** A model built anew from all lessons, and the last of them. */
export interface RebuiltModel {
  readonly model: Model
  readonly lessons: Cursor
}

/**
 * Builds the model again from what is taught in all, in the order of the messages' hashes. People teach in blocks, a
 * folder of good mail and then a folder of spam, and an online learner leans towards what it heard last; in the order
 * of hashes the labels come mixed, and the same lessons give the same model whoever taught them when.
 * Null where there are more than {@link REBUILD_MAX_MESSAGES}.
 */
export async function rebuildModel(learning: Learning): Promise<RebuiltModel | null> {
  const taught = new Map<
    string,
    { readonly label: Label; readonly hash: string; readonly features: Uint8Array }
  >()
  let lessons: Cursor = 0
  for (;;) {
    const entries = await learning.lessons.since(lessons, BATCH)
    for (const { cursor, entry } of entries) {
      const key = `${entry.owner} ${entry.hash}`
      if (entry.action === 'unlearn') taught.delete(key)
      else taught.set(key, entry)
      lessons = cursor
    }
    if (taught.size > REBUILD_MAX_MESSAGES) return null
    if (entries.length < BATCH) break
  }
  const model = createModel()
  let learned = 0
  for (const [, { features, label }] of [...taught].sort(
    ([a, x], [b, y]) => compare(x.hash, y.hash) || compare(a, b),
  )) {
    teach(model, [{ action: 'learn', label, features }])
    if (++learned % BREATH_EVERY === 0) await breathe()
  }
  return { model, lessons }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
