import { type Actor, type CopyName, isFolder, type Keeping } from '@restante/maildrop'
import { type DeviceTools, retireCopies } from './devices.ts'
import type { CopyStep } from './requests.ts'
import type { RunState } from './run-state.ts'
import type { UniqueIds } from './unique-ids.ts'
import { UNDELETE_MS } from './write-keeping.ts'
import type { Writer } from './writer.ts'

/** What keeping needs of the store. */
export interface KeepingTools {
  readonly writer: Writer
  readonly run: RunState
  readonly ids: UniqueIds
  readonly devices: DeviceTools
  readonly now: () => number
  /** How long records are kept. */
  readonly recordMs: number
  /** @throws {StoreError} `closed` */
  readonly mustBeOpen: () => void
}

/** Clocks of two processes may differ a little, and be set; snapshots younger than this protect what was purged. */
const CLOCK_MARGIN_MS = 60_000

/**
 * Drops rows of purged copies, and bodies nobody has any more, unless a maildrop was opened before they were purged
 * and may still show them. How many copies went.
 */
export async function reap({ writer, run }: Pick<KeepingTools, 'writer' | 'run'>): Promise<number> {
  const oldest = run.oldestLockMs()
  const beforeRealMs = oldest === null ? Number.MAX_SAFE_INTEGER : oldest - CLOCK_MARGIN_MS
  return all(() => writer.run('reap', { beforeRealMs }))
}

/** Repeats a step that works in slices until it did none. The sum. */
export async function all(slice: () => Promise<number>): Promise<number> {
  let sum = 0
  for (;;) {
    const done = await slice()
    sum += done
    if (done === 0) return sum
  }
}

/** Moving, releasing, removing and expiring in a local store. */
export function localKeeping(tools: KeepingTools): Keeping {
  const { writer, ids, now } = tools
  const step = (copy: CopyName, actor: Actor): CopyStep => ({
    copy: typeof copy === 'string' ? copy : { account: copy.account, folder: copy.folder, id: copy.id },
    newId: ids.next(),
    by: actor.account,
    atMs: now(),
  })
  return {
    release: async (copy, actor) => writer.run('release', step(copy, actor)),
    async move(copy, folder, actor) {
      if (!isFolder(folder)) throw new RangeError(`${JSON.stringify(folder)} names no folder`)
      return writer.run('move', { ...step(copy, actor), folder })
    },
    discard: async (copy, actor) => writer.run('discard', step(copy, actor)),
    undelete: async (copy, actor) => writer.run('undelete', step(copy, actor)),
    async expire(nowMs) {
      tools.mustBeOpen()
      const retired = await retireCopies(tools.devices, nowMs)
      const holds = await all(() => writer.run('purgeHolds', { beforeMs: nowMs, realMs: Date.now() }))
      const beforeMs = nowMs - UNDELETE_MS
      const removed = await all(() => writer.run('purgeRemoved', { beforeMs, realMs: Date.now() }))
      await all(() => writer.run('purgeErased', { realMs: Date.now() }))
      const records = await all(() => writer.run('expireRecords', { beforeMs: nowMs - tools.recordMs }))
      await all(() => writer.run('expireRenames', { beforeMs: nowMs - tools.recordMs - UNDELETE_MS }))
      await reap(tools)
      return { holds, removed, records, retired }
    },
  }
}
