import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Connection } from './connection.ts'
import { guarded, storeError } from './failure.ts'
import type { PickUp } from './pick-ups.ts'
import { bootName, isAlive, ownIdentity, type ProcessIdentity } from './process-identity.ts'
import { connect, migrate } from './schema.ts'

/** How long a lock waits for another process's few microseconds in the lock table. */
const BUSY_MS = 5_000

/** Held while the index is being rebuilt; nobody opens the store then. */
export const REBUILD_CLAIM = 'store:rebuild'

interface HolderRow {
  readonly instance: string
  readonly pid: number
  readonly started: string
}

/** A lock that was got. */
export interface HeldLock {
  readonly name: string
  readonly token: number
}

/**
 * What only matters while the machine runs: who is there, locks on maildrops, claims. Kept in `run-BOOT.db` without any
 * flush: it survives killed processes, and a restart of the machine starts another file, so that nothing torn is
 * ever read. What a dead process held is free.
 */
export class RunState {
  readonly #connection: Connection
  readonly #instance: string
  readonly #own: ProcessIdentity
  readonly #held = new Set<string>()
  readonly #claimed = new Set<string>()

  /** Opens the state of a store's folder and enters this instance. */
  constructor(directory: string, instance: string) {
    const boot = bootName()
    const file = boot === '' ? 'run.db' : `run-${boot}.db`
    this.#instance = instance
    this.#own = ownIdentity()
    this.#connection = connect(directory, 'run', BUSY_MS, file)
    migrate(this.#connection, 'run', directory)
    for (const name of readdirSync(directory)) {
      if (/^run-[0-9a-f-]+\.db/.test(name) && !name.startsWith(file))
        rmSync(join(directory, name), { force: true })
    }
    this.#connection.run(
      'INSERT INTO instances (id, pid, started, opened_at_ms) VALUES (?, ?, ?, ?)',
      instance,
      this.#own.pid,
      this.#own.started,
      Date.now(),
    )
    this.liveInstances()
  }

  /** Which opened stores of living processes there are; those of dead ones are struck off, with what they held. */
  liveInstances(): ReadonlySet<string> {
    return guarded(() => {
      const live = new Set<string>()
      for (const row of this.#connection.all<{ id: string; pid: number; started: string }>(
        'SELECT id, pid, started FROM instances',
      )) {
        if (isAlive(row)) live.add(row.id)
        else {
          for (const table of ['locks', 'claims'] as const) {
            this.#connection.run(`DELETE FROM ${table} WHERE instance = ?`, row.id)
          }
          this.#connection.run('DELETE FROM instances WHERE id = ?', row.id)
        }
      }
      return live
    })
  }

  /** Locks a maildrop at once, or answers null while a living process has it. */
  lock(name: string, session: string): HeldLock | null {
    if (this.#held.has(name)) return null
    return guarded(() => {
      for (let round = 0; round < 2; round++) {
        // Microseconds of the real clock, but never at or below the last one: even after this file was lost.
        const token = this.#connection.get<{ token: number }>(
          `INSERT INTO locks (name, token, instance, pid, started, at_ms, session)
           SELECT ?1, max(?2, last + 1), ?3, ?4, ?5, ?6, ?7 FROM token WHERE true
           ON CONFLICT (name) DO NOTHING RETURNING token`,
          name,
          Date.now() * 1000,
          this.#instance,
          this.#own.pid,
          this.#own.started,
          Date.now(),
          session.slice(0, 200),
        )?.token
        if (token !== undefined) {
          this.#held.add(name)
          return { name, token }
        }
        const holder = this.#connection.get<HolderRow>(
          'SELECT instance, pid, started FROM locks WHERE name = ?',
          name,
        )
        // Its own, but not held: one whose giving back failed.
        if (holder && holder.instance !== this.#instance && isAlive(holder)) return null
        if (holder) {
          this.#connection.run(
            'DELETE FROM locks WHERE name = ? AND instance = ? AND pid = ? AND started = ?',
            name,
            holder.instance,
            holder.pid,
            holder.started,
          )
        }
      }
      return null
    })
  }

  /** Whether a lock still is this instance's own. */
  isHeld(lock: HeldLock): boolean {
    return guarded(
      () =>
        this.#connection.get(
          'SELECT 1 FROM locks WHERE name = ? AND token = ? AND instance = ?',
          lock.name,
          lock.token,
          this.#instance,
        ) !== undefined,
    )
  }

  /** Gives a lock back. Where that cannot be written (a full disk) it still is free for this process. */
  unlock(lock: HeldLock): void {
    this.#held.delete(lock.name)
    unfailing(() =>
      this.#connection.run('DELETE FROM locks WHERE name = ? AND token = ?', lock.name, lock.token),
    )
  }

  /** When the oldest maildrop now open in any living process was opened; null where none is. */
  oldestLockMs(): number | null {
    return guarded(() => {
      let oldest: number | null = null
      for (const row of this.#connection.all<{ name: string; pid: number; started: string; at_ms: number }>(
        'SELECT name, pid, started, at_ms FROM locks',
      )) {
        if (isAlive(row)) oldest = Math.min(oldest ?? row.at_ms, row.at_ms)
      }
      return oldest
    })
  }

  /** Enters when devices were here; a later time stays. */
  notePickUps(pickUps: readonly PickUp[]): void {
    guarded(() => {
      this.#connection.exec('BEGIN IMMEDIATE')
      try {
        for (const { account, device, atMs } of pickUps) {
          this.#connection.run(
            `INSERT INTO pick_ups (account, device, at_ms, durable) VALUES (?, ?, ?, 0)
             ON CONFLICT (account, device) DO UPDATE SET at_ms = excluded.at_ms, durable = 0
             WHERE excluded.at_ms > at_ms`,
            account,
            device,
            atMs,
          )
        }
        this.#connection.exec('COMMIT')
      } catch (error) {
        if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK')
        throw error
      }
    })
  }

  pickUpsOf(account: string): readonly { readonly device: string; readonly at_ms: number }[] {
    return guarded(() =>
      this.#connection.all<{ device: string; at_ms: number }>(
        'SELECT device, at_ms FROM pick_ups WHERE account = ?',
        account,
      ),
    )
  }

  /** Those that are not in the index yet. */
  pickUps(): readonly PickUp[] {
    return guarded(() =>
      this.#connection.all<PickUp>('SELECT account, device, at_ms AS atMs FROM pick_ups WHERE durable = 0'),
    )
  }

  /** Remembers that these are in the index. */
  settlePickUps(pickUps: readonly PickUp[]): void {
    guarded(() => {
      for (const { account, device, atMs } of pickUps) {
        this.#connection.run(
          'UPDATE pick_ups SET durable = 1 WHERE account = ? AND device = ? AND at_ms = ?',
          account,
          device,
          atMs,
        )
      }
    })
  }

  /** Forgets a device's pick-ups, or where null those of all devices of the account. */
  forgetPickUps(account: string, device: string | null): void {
    unfailing(() =>
      this.#connection.run(
        'DELETE FROM pick_ups WHERE account = ?1 AND (?2 IS NULL OR device = ?2)',
        account,
        device,
      ),
    )
  }

  /** Claims a name; false while a living process has it. */
  claim(name: string): boolean {
    return guarded(() => {
      for (let round = 0; round < 2; round++) {
        const got = this.#connection.run(
          'INSERT INTO claims (name, instance, pid, started) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING',
          name,
          this.#instance,
          this.#own.pid,
          this.#own.started,
        )
        if (got.changes > 0) {
          this.#claimed.add(name)
          return true
        }
        const holder = this.#connection.get<HolderRow>(
          'SELECT instance, pid, started FROM claims WHERE name = ?',
          name,
        )
        if (holder && (holder.instance !== this.#instance || this.#claimed.has(name)) && isAlive(holder))
          return false
        if (holder) {
          this.#connection.run('DELETE FROM claims WHERE name = ? AND instance = ?', name, holder.instance)
        }
      }
      return false
    })
  }

  /** Whether a living process has claimed a name. */
  isClaimed(name: string): boolean {
    return guarded(() => {
      const holder = this.#connection.get<HolderRow>(
        'SELECT instance, pid, started FROM claims WHERE name = ?',
        name,
      )
      return holder !== undefined && isAlive(holder)
    })
  }

  unclaim(name: string): void {
    this.#claimed.delete(name)
    unfailing(() =>
      this.#connection.run('DELETE FROM claims WHERE name = ? AND instance = ?', name, this.#instance),
    )
  }

  /** Gives back all this instance has. */
  close(): void {
    for (const table of ['locks', 'claims'] as const) {
      unfailing(() => this.#connection.run(`DELETE FROM ${table} WHERE instance = ?`, this.#instance))
    }
    unfailing(() => this.#connection.run('DELETE FROM instances WHERE id = ?', this.#instance))
    this.#connection.close()
  }
}

/** Does what may fail on a full disk and is made up for later: by the next lock, or by the end of the process. */
function unfailing(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (storeError(error).code !== 'disk-full') throw storeError(error)
  }
}
