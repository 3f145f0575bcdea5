import { StoreError } from '@restante/maildrop'
import type { Connection } from './database.ts'
import { guarded } from './failure.ts'
import type { Journal } from './journal.ts'
import type { Layout } from './layout.ts'
import type { UniqueIds } from './unique-ids.ts'

/** What the parts of an opened store share. */
export interface StoreContext {
  readonly layout: Layout
  readonly database: Connection
  /** Changes of this opened store, one after the other. */
  readonly turns: Turns
  readonly journal: Journal
  readonly ids: UniqueIds
  /** Names this opened store and its process. */
  readonly instance: string
  readonly now: () => number
  readonly isOpen: () => boolean
}

/** @throws {StoreError} `closed` */
export function mustBeOpen(context: StoreContext): void {
  if (!context.isOpen()) throw new StoreError('closed', 'the store is closed')
}

/** Lets one at a time do something that takes time, in the order they came. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Does `work` when all before it is done. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** Resolves when all that was begun is done. */
  async rest(): Promise<void> {
    for (let seen: unknown; seen !== this.#last; ) {
      seen = this.#last
      await seen
    }
  }
}

/**
 * Changes the store: all rows in one step, made durable, then the files that follow from them. `work` sees a store whose
 * files are where their rows say. The event loop waits for no flush, save where another process is in the midst of a change.
 * @throws {StoreError} nothing was changed; or, where it is the flush that failed, the change may be lost in a power cut
 */
export function change<T>(context: StoreContext, work: (database: Connection) => T): Promise<T> {
  const { database, journal, turns } = context
  return turns.take(async () => {
    const result = guarded(() =>
      database.transaction(() => {
        if (journal.isPending(database)) {
          // Of another process, dead or alive. Its rows must be durable before its files move.
          database.flushSync()
          journal.settle(database)
        }
        return work(database)
      }),
    )
    await database.flush()
    try {
      await journal.finish(database)
    } catch {
      // The change is durable; the next one, of this process or another, moves the files.
    }
    return result
  })
}

/** A place in the order of arrival that was never given before. Inside a transaction. */
export function nextPlace(database: Connection): number {
  return (
    database.get<{ value: number }>(
      "UPDATE sequence SET value = value + 1 WHERE name = 'place' RETURNING value",
    )?.value ?? 0
  )
}

/** An account's row number and the name of its home; null where there is none. */
export function accountRow(
  database: Connection,
  id: string,
): { readonly n: number; readonly home: string } | null {
  return database.get<{ n: number; home: string }>('SELECT n, home FROM accounts WHERE id = ?', id) ?? null
}
