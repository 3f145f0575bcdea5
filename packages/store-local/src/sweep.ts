import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Connection } from './connection.ts'
import { guarded } from './failure.ts'
import type { RunState } from './run-state.ts'
import type { StoreLog, Writer } from './writer.ts'

/** What sweeping needs of the store. */
export interface SweepTools {
  /** The segments' folder. */
  readonly directory: string
  readonly index: Connection
  readonly run: RunState
  readonly writer: Writer
  readonly log: StoreLog
}

/** The instance a segment's name starts with. */
function instanceOf(name: string): string {
  return name.slice(0, name.indexOf('-'))
}

/**
 * Done by every opener: seals the open segments of processes that are gone, and removes files of such processes that
 * nothing points at (bodies staged but never committed).
 */
export async function sweepSegments({ directory, index, run, writer, log }: SweepTools): Promise<void> {
  // Files first, living processes second: a file of a process that comes after the look is not in it.
  const names = guarded(() => readdirSync(directory)).filter((name) => name.endsWith('.seg'))
  const live = run.liveInstances()
  const open = guarded(() => index.all<{ name: string }>('SELECT name FROM segments WHERE state = 0'))
  const dead = open.map(({ name }) => name).filter((name) => !live.has(instanceOf(name)))
  if (dead.length > 0) {
    const sealed = await writer.run('sealSegments', dead)
    if (sealed > 0) log('store-segments-sealed', { segments: sealed })
  }
  let removed = 0
  for (const name of names) {
    if (live.has(instanceOf(name))) continue
    if (guarded(() => index.get('SELECT 1 FROM segments WHERE name = ?', name))) continue
    rmSync(join(directory, name), { force: true })
    removed++
  }
  if (removed > 0) log('store-leftovers-removed', { files: removed })
}
