import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Folder, Hold } from '@restante/maildrop'
import { INBOX, QUARANTINE } from '@restante/maildrop'
import type { Connection } from './database.ts'
import { guarded, guardedWait, isAbsent, storeError } from './failure.ts'
import { folderOf, idInBase, maildirIn } from './layout.ts'
import { type FolderScan, flushFolder, folderStamp, measureMessage, scanMaildir } from './mail-files.ts'
import { isInstanceAlive } from './process-identity.ts'
import { LIVE } from './schema.ts'
import { change, nextPlace, type StoreContext } from './store-context.ts'
import { type FreshUidl, formatUidl, readUidl, type UidlEntry, writeUidl } from './uidl-file.ts'

/** How many file names are remembered, over all folders. */
const NAMES_MAX = 500_000

/** Why a message another program put into the quarantine is there. */
const FOREIGN_HOLD: Hold = {
  class: 'policy',
  reason: 'Another mail program put it here.',
  expiresAtMs: null,
}

/** A folder of an account, by row number, with the account's home. */
export interface FolderPlace {
  readonly account: number
  readonly home: string
  readonly folder: Folder
}

/** A message of another program, measured. */
interface Found {
  readonly base: string
  readonly entry: Omit<UidlEntry, 'id'>
  readonly id: string | null
  readonly arrivedAtMs: number
}

/**
 * Looks what other programs did to a folder: new files get a unique-id and their exact size, once; files that are gone go
 * from the rows. Nothing is read where nothing changed since the last look.
 */
export class FolderLook {
  readonly #context: StoreContext
  readonly #seen = new Map<string, FolderScan>()
  #seenNames = 0

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** The folders an account has anything in, the inbox first. */
  folders(account: number, home: string): readonly Folder[] {
    const { database, layout } = this.#context
    return guarded(() => {
      const found = new Set<Folder>([INBOX])
      for (const { folder } of database.all<{ folder: string }>(
        'SELECT folder FROM folders WHERE account = ?',
        account,
      )) {
        found.add(folder)
      }
      try {
        for (const name of readdirSync(join(layout.home(home), 'Maildir'))) {
          const folder = name.startsWith('.') ? folderOf(name) : null
          if (folder !== null) found.add(folder)
        }
      } catch (error) {
        if (!isAbsent(error)) throw error
      }
      return [...found]
    })
  }

  /** Looks at every folder of an account. */
  async account(account: number, home: string): Promise<void> {
    for (const folder of this.folders(account, home)) await this.folder({ account, home, folder })
  }

  /** The file of a message as it was named at the last look, or is at a new one; relative to its Maildir. */
  nameOf(maildir: string, base: string, isFresh: boolean): string | undefined {
    let scan = this.#seen.get(maildir)
    if (scan === undefined || isFresh) scan = this.#remember(maildir, scanMaildir(maildir))
    return scan.names.get(base)
  }

  /** Looks at one folder. */
  async folder(place: FolderPlace): Promise<void> {
    const { database, layout } = this.#context
    const maildir = maildirIn(layout.home(place.home), place.folder)
    const seen = this.#seen.get(maildir)
    if (seen?.isSettled && guarded(() => folderStamp(maildir)).stamp === seen.stamp) return
    const scan = guarded(() => scanMaildir(maildir))
    const differs = guarded(() => this.#differences(database, place, scan))
    if (differs.added.length > 0 || differs.missing.length > 0) {
      const found = await guardedWait(() => this.#measure(maildir, scan, differs.added))
      // Only now, under the lock, is it certain what nobody else has entered or moved.
      await change(this.#context, (database) => this.#enter(database, place, maildir, found))
    }
    this.#remember(maildir, scan)
    await this.#writeUidl(place, maildir)
    guarded(() => this.#sweepTmp(maildir))
  }

  /** Removes what dead processes wrote to `tmp` and never committed. */
  #sweepTmp(maildir: string): void {
    const tmp = join(maildir, 'tmp')
    let names: readonly string[]
    try {
      names = readdirSync(tmp)
    } catch (error) {
      if (isAbsent(error)) return
      throw error
    }
    for (const name of names) {
      const instance = /^([0-9A-Z]{26}\.\d+\..*)-\d+-\d+$/.exec(name)?.[1]
      if (instance === undefined || isInstanceAlive(instance)) continue
      if (this.#context.database.get("SELECT 1 FROM journal WHERE kind = 'tmp' AND base = ?", name)) continue
      rmSync(join(tmp, name), { force: true })
    }
  }

  #remember(maildir: string, scan: FolderScan): FolderScan {
    this.#seenNames += scan.names.size - (this.#seen.get(maildir)?.names.size ?? 0)
    this.#seen.delete(maildir)
    this.#seen.set(maildir, scan)
    for (const [oldest, { names }] of this.#seen) {
      if (this.#seenNames <= NAMES_MAX || oldest === maildir) break
      this.#seen.delete(oldest)
      this.#seenNames -= names.size
    }
    return scan
  }

  #differences(
    database: Connection,
    { account, folder }: FolderPlace,
    { names }: FolderScan,
  ): { readonly added: readonly string[]; readonly missing: readonly (readonly [number, string])[] } {
    const moving = new Set<string>()
    const waiting = new Set<number>()
    for (const row of database.all<{ copy: number; folder: string; base: string }>(
      'SELECT copy, folder, base FROM journal',
    )) {
      waiting.add(row.copy)
      if (row.folder === folder) moving.add(row.base)
    }
    const known = new Set<string>()
    const missing: (readonly [number, string])[] = []
    for (const [n, base] of database.columns<[number, string]>(
      `SELECT n, base FROM copies WHERE account = ? AND folder = ? AND state = ${LIVE} ORDER BY place`,
      account,
      folder,
    )) {
      known.add(base)
      if (!names.has(base) && !waiting.has(n)) missing.push([n, base])
    }
    const added: string[] = []
    for (const base of names.keys()) if (!known.has(base) && !moving.has(base)) added.push(base)
    return { added, missing }
  }

  /** Sizes of new files: from `restante-uidl` where they are known, otherwise by reading them. In order of arrival. */
  async #measure(
    maildir: string,
    { names }: FolderScan,
    added: readonly string[],
  ): Promise<readonly Found[]> {
    const listed = added.length > 0 ? readUidl(maildir) : new Map<string, UidlEntry>()
    const order = new Map([...listed.keys()].map((base, i) => [base, i]))
    const found: Found[] = []
    for (const base of added) {
      const before = listed.get(base)
      const measured = await measureMessage(join(maildir, names.get(base) as string), before)
      if (measured === null) continue
      const isSame = before !== undefined && before.rawOctets === measured.rawOctets
      found.push({
        base,
        entry: { form: measured.form, rawOctets: measured.rawOctets },
        id: isSame ? before.id : before === undefined ? idInBase(base) : null,
        arrivedAtMs: measured.changedMs,
      })
    }
    const late = listed.size
    return found.sort(
      (a, b) =>
        (order.get(a.base) ?? late) - (order.get(b.base) ?? late) ||
        a.arrivedAtMs - b.arrivedAtMs ||
        (a.base < b.base ? -1 : 1),
    )
  }

  #enter(database: Connection, place: FolderPlace, maildir: string, found: readonly Found[]): void {
    const { account, folder } = place
    if (database.get('SELECT 1 FROM accounts WHERE n = ?', account) === undefined) return
    const { added, missing } = this.#differences(database, place, scanMaildir(maildir))
    // A file whose flags are changed while a folder is listed may be left out of the list: gone is what is left out again.
    const names = missing.length > 0 ? scanMaildir(maildir).names : null
    for (const [n, base] of missing) {
      if (names?.has(base)) continue
      database.run('DELETE FROM hidden WHERE copy = ?', n)
      database.run('DELETE FROM copies WHERE n = ?', n)
    }
    const isNew = new Set(added)
    const nowMs = this.#context.now()
    const hold = folder === QUARANTINE ? FOREIGN_HOLD : null
    for (const { base, entry, id, arrivedAtMs } of found) {
      if (!isNew.has(base)) continue
      const isFree =
        id !== null &&
        database.get(
          'SELECT 1 FROM copies WHERE uid = ? AND account = ? AND folder = ?',
          id,
          account,
          folder,
        ) === undefined
      database.run(
        `INSERT INTO copies (account, folder, uid, base, state, place, arrived_at_ms, changed_at_ms, size, body_offset,
           stuffing, raw_size, hold_class, hold_reason, hold_expires_at_ms)
         VALUES (?, ?, ?, ?, ${LIVE}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        account,
        folder,
        isFree ? id : this.#context.ids.next(),
        base,
        nextPlace(database),
        arrivedAtMs,
        nowMs,
        entry.form.sizeOctets,
        entry.form.bodyOffset,
        entry.form.needsStuffing ? 1 : 0,
        entry.rawOctets,
        hold?.class ?? null,
        hold?.reason ?? null,
        hold?.expiresAtMs ?? null,
      )
    }
  }

  /** Writes the folder's `restante-uidl` where the list of its messages changed since. */
  async #writeUidl({ account, folder }: FolderPlace, maildir: string): Promise<void> {
    const { database } = this.#context
    const stale = (): number | undefined =>
      database.get<{ changes: number }>(
        'SELECT changes FROM folders WHERE account = ? AND folder = ? AND changes <> written',
        account,
        folder,
      )?.changes
    const changes = guarded(stale)
    if (changes === undefined) return
    const rows = guarded(() =>
      database.columns<[string, string, number, number, number, number]>(
        `SELECT base, uid, size, body_offset, stuffing, raw_size FROM copies
         WHERE account = ? AND folder = ? AND state = ${LIVE} ORDER BY place`,
        account,
        folder,
      ),
    )
    const entries = rows.map(
      ([base, id, sizeOctets, bodyOffset, stuffing, rawOctets]): readonly [string, UidlEntry] => [
        base,
        { id, form: { sizeOctets, bodyOffset, needsStuffing: stuffing === 1 }, rawOctets },
      ],
    )
    let fresh: FreshUidl
    try {
      fresh = await writeUidl(maildir, formatUidl(entries))
    } catch (error) {
      // No Maildir, or no room for a list that can be made again: the database knows.
      if (isAbsent(error) || storeError(error).code === 'disk-full') return
      throw storeError(error)
    }
    try {
      const isUsed = guarded(() =>
        database.transaction(() => {
          // Where there was a change meanwhile, the next look writes it.
          if (stale() !== changes) return false
          fresh.use()
          database.run(
            'UPDATE folders SET written = ? WHERE account = ? AND folder = ?',
            changes,
            account,
            folder,
          )
          return true
        }),
      )
      if (isUsed) await guardedWait(() => flushFolder(maildir))
    } finally {
      guarded(() => fresh.drop())
    }
  }
}
