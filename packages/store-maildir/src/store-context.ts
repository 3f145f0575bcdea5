import { StoreError } from '@restante/maildrop'
import type { Connection } from './database.ts'
import { guarded } from './failure.ts'
import type { Journal } from './journal.ts'
import type { Layout } from './layout.ts'
import type { UniqueIds } from './unique-ids.ts'

/** What the parts of an opened store share. */
export interface StoreContext {
  readonly layout: Layout
  /** Commits survive a power cut. */
  readonly durable: Connection
  /** Commits survive a killed process: for what a crash may undo. */
  readonly quick: Connection
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

/**
 * Changes the store: all rows in one durable step, then the files that follow from them. `work` sees a store whose files are
 * where their rows say.
 * @throws {StoreError} nothing was changed
 */
export function change<T>(context: StoreContext, work: (database: Connection) => T): T {
  const { durable, quick, journal } = context
  const result = guarded(() =>
    durable.transaction(() => {
      journal.settle(durable)
      return work(durable)
    }),
  )
  try {
    if (journal.isPending(quick)) quick.transaction(() => journal.settle(quick))
  } catch {
    // The change is durable; the next one, of this process or another, moves the files.
  }
  return result
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
