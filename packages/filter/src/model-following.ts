import type { JudgePool } from './judge-pool.ts'
import { type LessonSource, readModel } from './lessons.ts'

const BATCH = 500

/** Keeps a pool's model up with the lessons in the store. */
export interface ModelFollower {
  /** Looks once, now; answers how many lessons came. */
  look(): Promise<number>
  stop(): void
}

/**
 * Loads the latest snapshot into the pool, then follows the lessons: what is learned anywhere shows in verdicts
 * within `intervalMs` and a little.
 * @param onError told of a failed look; the next one follows as usual
 */
export async function followModel(
  source: LessonSource,
  pool: JudgePool,
  options: { readonly intervalMs?: number; readonly onError?: (error: unknown) => void } = {},
): Promise<ModelFollower> {
  let savedAtMs: number | null = null
  let cursor = 0
  let looking: Promise<number> | null = null

  /** A newer snapshot takes the place of the lessons taught one by one: the learner may have built it anew. */
  const rebase = async (): Promise<void> => {
    if ((await source.modelSavedAtMs()) === savedAtMs) return
    const newer = await source.latestModel()
    savedAtMs = newer?.atMs ?? null
    if (newer === null || readModel(newer.octets) === null) return
    pool.setModel(newer.octets)
    cursor = newer.lessons
  }
  const fetchLessons = async (): Promise<number> => {
    let taught = 0
    await rebase()
    while ((await source.lessons.head()) > cursor) {
      const entries = await source.lessons.since(cursor, BATCH)
      const last = entries.at(-1)
      if (last === undefined) break
      pool.teach(
        entries.map(({ entry }) => ({ action: entry.action, label: entry.label, features: entry.features })),
      )
      cursor = last.cursor
      taught += entries.length
    }
    return taught
  }
  const look = (): Promise<number> => {
    looking ??= fetchLessons().finally(() => {
      looking = null
    })
    return looking
  }
  await look()
  const timer = setInterval(
    () => void look().catch((error: unknown) => options.onError?.(error)),
    options.intervalMs ?? 1000,
  )
  timer.unref()
  return { look, stop: () => clearInterval(timer) }
}
