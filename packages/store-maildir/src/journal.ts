import { renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Connection } from './database.ts'
import { isAbsent } from './failure.ts'
import { baseOf, type Layout, maildirIn, trashIn } from './layout.ts'
import { flushFolderSync, makeFolder, makeMaildir, scanMaildir } from './mail-files.ts'
import { LIVE } from './schema.ts'

/** Where a file is before the journal is done with it. */
export type SourceKind = 'tmp' | 'folder' | 'trash'

interface Entry {
  readonly copy: number
  readonly kind: SourceKind
  readonly folder: string
  readonly base: string
  readonly home: string | null
  readonly to_folder: string | null
  readonly to_base: string
  readonly state: number
}

const ENTRIES = `
SELECT j.copy, j.kind, j.folder, j.base, a.home, c.folder AS to_folder, c.base AS to_base, c.state
FROM journal j LEFT JOIN copies c ON c.n = j.copy LEFT JOIN accounts a ON a.n = c.account`

/** How long a file that could not be moved is left alone. */
const RETRY_MS = 10_000

/**
 * The files' part of a change. A change commits the rows as they shall be, and beside them, for every file that is not
 * yet where its row says, where it is. Then the files are moved and those entries dropped, under the lock of a
 * write transaction, by whoever comes first: the process that made the change, or after a crash any other one before
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

  /** Moves what waits. Called inside a write transaction. What cannot be moved stays, and is readable where it is. */
  settle(database: Connection): void {
    if (!this.isPending(database)) return
    const nowMs = performance.now()
    const touched = new Map<string, number[]>()
    const names = new Map<string, ReadonlyMap<string, string>>()
    for (const entry of database.all<Entry>(ENTRIES)) {
      if ((this.#failed.get(entry.copy) ?? 0) > nowMs) continue
      try {
        for (const folder of this.#move(entry, names)) {
          const copies = touched.get(folder)
          if (copies === undefined) touched.set(folder, [entry.copy])
          else copies.push(entry.copy)
        }
        this.#failed.delete(entry.copy)
      } catch {
        this.#failed.set(entry.copy, nowMs + RETRY_MS)
      }
    }
    for (const [folder, copies] of touched) {
      try {
        flushFolderSync(folder)
      } catch (error) {
        if (!isAbsent(error)) for (const copy of copies) this.#failed.set(copy, nowMs + RETRY_MS)
      }
    }
    const left = [...this.#failed.keys()]
    if (left.length === 0) database.run('DELETE FROM journal')
    else
      database.run(
        'DELETE FROM journal WHERE copy NOT IN (SELECT value FROM json_each(?))',
        JSON.stringify(left),
      )
    this.#moveErased(database)
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
