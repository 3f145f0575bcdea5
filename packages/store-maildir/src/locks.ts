import { guarded, storeError } from './failure.ts'
import { isAlive, ownIdentity, type ProcessIdentity } from './process-identity.ts'
import type { StoreContext } from './store-context.ts'

/** A lock on a maildrop or a claim on a name. */
export type HeldKind = 'lock' | 'claim'

/** Something that was got. */
export interface Held {
  readonly kind: HeldKind
  readonly name: string
  /** Grows with everything that is got. */
  readonly token: number
}

interface HolderRow {
  readonly instance: string
  readonly pid: number
  readonly started: string
  readonly token: number
}

/**
 * Locks and claims of all processes. Each belongs to a process, by its id and start time: it does not expire while that
 * lives, and is free the moment it is gone.
 */
export class Locks {
  readonly #context: StoreContext
  readonly #own: ProcessIdentity = ownIdentity()
  readonly #held = new Set<string>()

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Takes a name at once, or answers null while a living process has it. */
  take(kind: HeldKind, name: string, session = ''): Held | null {
    const { database, instance } = this.#context
    const key = `${kind} ${name}`
    if (this.#held.has(key)) return null
    return guarded(() => {
      if (this.#holder(kind, name, instance) !== null) return null
      return database.transaction(() => {
        const holder = this.#holder(kind, name, instance)
        if (holder !== null) return null
        // Microseconds of the real clock, but never at or below the last one.
        const token = database.get<{ value: number }>(
          "UPDATE sequence SET value = max(value + 1, ?) WHERE name = 'token' RETURNING value",
          Date.now() * 1000,
        )?.value as number
        database.run(
          'INSERT OR REPLACE INTO held (kind, name, token, instance, pid, started, at_ms, session) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
          kind,
          name,
          token,
          instance,
          this.#own.pid,
          this.#own.started,
          Date.now(),
          session.slice(0, 200),
        )
        this.#held.add(key)
        return { kind, name, token }
      })
    })
  }

  /** Who has a name, if he lives; this instance's own that are not held are ones whose giving back failed. */
  #holder(kind: HeldKind, name: string, instance: string): HolderRow | null {
    const holder = this.#context.database.get<HolderRow>(
      'SELECT instance, pid, started, token FROM held WHERE kind = ? AND name = ?',
      kind,
      name,
    )
    return holder !== undefined && holder.instance !== instance && isAlive(holder) ? holder : null
  }

  /** Whether it still is this instance's own. Inside a transaction or not. */
  isHeld({ kind, name, token }: Held): boolean {
    const { database, instance } = this.#context
    return (
      this.#held.has(`${kind} ${name}`) &&
      guarded(() =>
        database.get(
          'SELECT 1 FROM held WHERE kind = ? AND name = ? AND token = ? AND instance = ?',
          kind,
          name,
          token,
          instance,
        ),
      ) !== undefined
    )
  }

  /** Gives it back. Where that cannot be written (a full disk) it still is free for this process. */
  give({ kind, name, token }: Held): void {
    this.#held.delete(`${kind} ${name}`)
    unlessFull(() =>
      this.#context.database.run(
        'DELETE FROM held WHERE kind = ? AND name = ? AND token = ?',
        kind,
        name,
        token,
      ),
    )
  }

  /** When the oldest maildrop now open in any living process was opened; null where none is. */
  oldestLockMs(): number | null {
    let oldest: number | null = null
    for (const row of this.#context.database.all<ProcessIdentity & { at_ms: number }>(
      "SELECT pid, started, at_ms FROM held WHERE kind = 'lock'",
    )) {
      if (isAlive(row)) oldest = Math.min(oldest ?? row.at_ms, row.at_ms)
    }
    return oldest
  }

  /** Strikes off what dead processes held. */
  sweep(): void {
    guarded(() => {
      for (const row of this.#context.database.all<ProcessIdentity & { token: number }>(
        'SELECT pid, started, token FROM held',
      )) {
        if (!isAlive(row)) this.#context.database.run('DELETE FROM held WHERE token = ?', row.token)
      }
    })
  }

  /** Gives back all this instance has. */
  close(): void {
    this.#held.clear()
    unlessFull(() =>
      this.#context.database.run('DELETE FROM held WHERE instance = ?', this.#context.instance),
    )
  }
}

/** Does what may fail on a full disk and is made up for later: by the next lock, or by the end of the process. */
function unlessFull(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (storeError(error).code !== 'disk-full') throw storeError(error)
  }
}
