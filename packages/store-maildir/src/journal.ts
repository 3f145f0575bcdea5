import { renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Connection } from './database.ts'
import { isAbsent } from './failure.ts'
import { baseOf, type Layout, maildirIn, trashIn } from './layout.ts'
import { flushFolder, flushFolderSync, makeFolder, makeMaildir, scanMaildir } from './mail-files.ts'
import { LIVE } from './schema.ts'

/** Where a file is before the journal is done with it. */
export type SourceKind = 'tmp' | 'folder' | 'trash'

interface Entry {
  readonly n: number
  readonly kind: SourceKind
  readonly folder: string
  readonly base: string
  readonly home: string | null
  readonly to_folder: string | null
  readonly to_base: string
  readonly state: number
}

const ENTRIES = `
SELECT j.n, j.kind, j.folder, j.base, a.home, c.folder AS to_folder, c.base AS to_base, c.state
FROM journal j LEFT JOIN copies c ON c.n = j.copy LEFT JOIN accounts a ON a.n = c.account
WHERE j.n > ? ORDER BY j.n LIMIT ?`

/** What became of the files that waited. */
class Moved {
  /** Entries whose files are where they shall be. */
  readonly done: Set<number> = new Set()
  /** Folders to flush, each with the entries that wait for it. */
  readonly touched: Map<string, number[]> = new Map()
  /** Files of Maildirs by base name, as they were when one was first looked for. */
  readonly names: Map<string, ReadonlyMap<string, string>> = new Map()
  /** The last entry looked at. */
  last = 0
}

/** Files moved between two looks at other work. */
const SLICE = 500

/** How long a file that could not be moved is left alone. */
const RETRY_MS = 10_000

/**
 * The files' part of a change. A change commits the rows as they shall be, and beside them, for every file that is not
 * yet where its row says, where it is. Once that is durable the files are moved, under the lock of a write transaction,
 * their folders flushed and those entries dropped, by whoever comes first: the process that made the change, or after a crash any other one before
 * its own next change. So a change is done in one step for all its copies, whatever happens between two of them.
 */
export class Journal {
  readonly #layout: Layout
  readonly #failed = new Map<number, number>()

  constructor(layout: Layout) {
    this.#layout = layout
  }

  /** Whether files wait to be moved. */
  isPending(database: Connection): boolean {
    return (
      database.get('SELECT 1 FROM journal LIMIT 1') !== undefined ||
      database.get('SELECT 1 FROM erased WHERE moved = 0 LIMIT 1') !== undefined
    )
  }

  /** Moves what waits, inside a write transaction, and flushes. What cannot be moved stays, and is readable where it is. */
  settle(database: Connection): void {
    const moved = new Moved()
    this.#moveSome(database, moved, Number.MAX_SAFE_INTEGER)
    for (const [folder, entries] of moved.touched) {
      try {
        flushFolderSync(folder)
      } catch (error) {
        if (!isAbsent(error)) this.#keep(moved, entries)
      }
    }
    drop(database, moved.done)
    this.#moveErased(database)
  }

  /** The same after a change of this process, without waiting for the flushes on the event loop, which others use in between. */
  async finish(database: Connection): Promise<void> {
    if (!this.isPending(database)) return
    database.transaction(() => this.#moveErased(database))
    const moved = new Moved()
    while (database.transaction(() => this.#moveSome(database, moved, SLICE))) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(
      [...moved.touched].map(async ([folder, entries]) => {
        try {
          await flushFolder(folder)
        } catch (error) {
          if (!isAbsent(error)) this.#keep(moved, entries)
        }
      }),
    )
    // By their own numbers: another process may be a change further with the same copies.
    database.transaction(() => drop(database, moved.done))
  }

  /** Moves the next files that wait; whether there may be more. */
  #moveSome(database: Connection, moved: Moved, limit: number): boolean {
    const nowMs = performance.now()
    const entries = database.all<Entry>(ENTRIES, moved.last, limit)
    for (const entry of entries) {
      moved.last = entry.n
      if ((this.#failed.get(entry.n) ?? 0) > nowMs) continue
      try {
        for (const folder of this.#move(entry, moved.names)) {
          const waiting = moved.touched.get(folder)
          if (waiting === undefined) moved.touched.set(folder, [entry.n])
          else waiting.push(entry.n)
        }
        moved.done.add(entry.n)
        this.#failed.delete(entry.n)
      } catch {
        this.#failed.set(entry.n, nowMs + RETRY_MS)
      }
    }
    return entries.length === limit
  }

  /** Leaves entries for a later time. */
  #keep(moved: Moved, entries: readonly number[]): void {
    for (const n of entries) {
      moved.done.delete(n)
      this.#failed.set(n, performance.now() + RETRY_MS)
    }
  }

  /** Moves one file; the folders that changed. */
  #move(entry: Entry, names: Map<string, ReadonlyMap<string, string>>): readonly string[] {
    // Its copy or account is no more; erasing or reaping took the file.
    if (entry.home === null || entry.to_folder === null) return []
    const home = this.#layout.home(entry.home)
    const maildir = maildirIn(home, entry.folder)
    const isLive = entry.state === LIVE
    const toFolder = isLive ? join(maildirIn(home, entry.to_folder), 'new') : trashIn(home)
    const target = join(toFolder, entry.to_base)
    const makeTarget = (): void => {
      if (isLive) makeMaildir(maildirIn(home, entry.to_folder as string), entry.to_folder !== 'inbox')
      else makeFolder(toFolder)
    }
    if (entry.kind !== 'folder') {
      const fromFolder = entry.kind === 'tmp' ? join(maildir, 'tmp') : trashIn(home)
      return tryRename(join(fromFolder, entry.base), target, makeTarget) ? [toFolder, fromFolder] : [toFolder]
    }
    if (tryRename(join(maildir, 'new', entry.base), target, makeTarget))
      return [toFolder, join(maildir, 'new')]
    let known = names.get(maildir)
    if (known === undefined) {
      known = scanMaildir(maildir).names
      names.set(maildir, known)
    }
    const name = known.get(entry.base)
    if (name !== undefined && tryRename(join(maildir, name), target, makeTarget)) {
      return [toFolder, join(maildir, 'new'), join(maildir, 'cur')]
    }
    // Another program may be changing its flags just now.
    const again = name === undefined ? undefined : scanMaildir(maildir).names.get(baseOf(entry.base))
    if (again !== undefined) tryRename(join(maildir, again), target, makeTarget)
    return [toFolder, join(maildir, 'cur')]
  }

  #moveErased(database: Connection): void {
    for (const { account, home } of database.all<{ account: number; home: string }>(
      'SELECT account, home FROM erased WHERE moved = 0',
    )) {
      const target = this.#layout.erasedHome(account)
      try {
        tryRename(this.#layout.home(home), target, () => makeFolder(join(this.#layout.directory, 'erased')))
        flushFolderSync(join(this.#layout.directory, 'mail'))
        database.run('UPDATE erased SET moved = 1 WHERE account = ?', account)
      } catch {
        // Tried again with every change; until then no other account gets that home.
      }
    }
  }
}

function drop(database: Connection, entries: ReadonlySet<number>): void {
  if (entries.size === 0) return
  database.run(
    'DELETE FROM journal WHERE n IN (SELECT value FROM json_each(?))',
    JSON.stringify([...entries]),
  )
}

/** Renames; makes the target's folder where it is missing. False where there is no such file. */
function tryRename(source: string, target: string, makeTarget: () => void): boolean {
  for (let round = 0; ; round++) {
    try {
      renameSync(source, target)
      return true
    } catch (error) {
      if (!isAbsent(error)) throw error
      if (round > 0) return false
      makeTarget()
    }
  }
}
