import {
  type CopyName,
  isFolder,
  type MaildropKey,
  type OpenFailure,
  type OpenMaildrop,
  QUARANTINE,
  type Reading,
  type StoredCopy,
  StoreError,
} from '@restante/maildrop'
import { type CopyFiles, type OpenCopy, streamCopy } from './copy-files.ts'
import type { Connection } from './database.ts'
import { guarded, storeError } from './failure.ts'
import type { FolderLook } from './folder-look.ts'
import { type CopyRow, findCopy, reap, removeCopies } from './keeping.ts'
import type { Listings, Snapshot } from './listings.ts'
import type { Held, Locks } from './locks.ts'
import { LIVE } from './schema.ts'
import { accountRow, change, mustBeOpen, type StoreContext } from './store-context.ts'

/** What reading needs of the store. */
export interface ReadingTools {
  readonly context: StoreContext
  readonly look: FolderLook
  readonly files: CopyFiles
  readonly listings: Listings
  readonly locks: Locks
  /** Maildrops not given back yet. */
  readonly opened: Set<OpenMaildrop>
}

interface StoredRow extends CopyRow {
  readonly arrived_at_ms: number
  readonly body_offset: number
  readonly stuffing: number
  readonly hold_reason: string | null
  readonly hold_expires_at_ms: number | null
}

const STORED = `
SELECT c.*, a.id AS account_id, a.home FROM copies c JOIN accounts a ON a.n = c.account WHERE c.state = ${LIVE}`

/** The reading side of a Maildir store. */
export function maildirReading(tools: ReadingTools): Reading {
  const { context, look, files, listings, locks, opened } = tools
  const { database } = context

  const open = async (key: MaildropKey, session: string): Promise<OpenMaildrop | OpenFailure> => {
    const account = guarded(() => accountRow(database, key.account))
    if (account === null || !isFolder(key.folder)) return 'no-such-maildrop'
    const held = locks.take('lock', JSON.stringify([key.account, key.folder, key.view]), session)
    if (held === null) return 'in-use'
    try {
      await look.folder({ account: account.n, home: account.home, folder: key.folder })
      mustBeOpen(context)
      const snapshot = guarded(() => listings.snapshot(account.n, key.folder, key.view))
      const maildrop = openMaildrop(key, account.n, held, snapshot)
      opened.add(maildrop)
      return maildrop
    } catch (error) {
      if (context.isOpen()) locks.give(held)
      throw storeError(error)
    }
  }

  /** The row of a copy whose file is there; where it is not, its folder is looked at. */
  const present = async (row: StoredRow): Promise<boolean> => {
    if (files.exists(row.n)) return true
    await look.folder({ account: row.account, home: row.home, folder: row.folder })
    return false
  }

  return {
    async open(key, options = {}) {
      mustBeOpen(context)
      const result = await open(key, options.sessionId ?? '')
      return typeof result === 'string' ? { failed: result } : { maildrop: result }
    },

    async *copies(id, folder) {
      mustBeOpen(context)
      const account = guarded(() => accountRow(database, id))
      if (account === null) return
      if (folder === undefined) await look.account(account.n, account.home)
      else if (isFolder(folder)) await look.folder({ account: account.n, home: account.home, folder })
      for (let after = 0; ; ) {
        mustBeOpen(context)
        const page = guarded(() =>
          database.all<StoredRow & { place: number }>(
            `${STORED} AND c.account = ? AND c.place > ? AND (?3 IS NULL OR c.folder = ?3) ORDER BY c.place LIMIT 1000`,
            account.n,
            after,
            folder ?? null,
          ),
        )
        if (page.length === 0) return
        for (const row of page) {
          after = row.place
          yield describeCopy(row)
        }
      }
    },

    async find(idPrefix) {
      mustBeOpen(context)
      for (let round = 0; ; round++) {
        const found = guarded(() => copiesStarting(database, idPrefix))
        if (found.length > 1) return 'ambiguous'
        const [only] = found
        if (only === undefined) return null
        if (await present(only)) return describeCopy(only)
        if (round > 0) return null
      }
    },

    async read(name: CopyName) {
      mustBeOpen(context)
      const row = guarded(() => findCopy(database, name, LIVE))
      if (row === null) return null
      const copy = await files.open(row.n)
      if (copy !== null) return streamCopy(copy)
      await look.folder({ account: row.account, home: row.home, folder: row.folder })
      return null
    },
  }

  function openMaildrop(
    key: MaildropKey,
    account: number,
    held: Held,
    { listing, copies, places }: Snapshot,
  ): OpenMaildrop {
    let isGivenBack = false
    let current: { readonly index: number; readonly copy: OpenCopy } | null = null
    const check = (index: number): void => {
      if (copies[index] === undefined) throw new RangeError(`no message with index ${index}`)
    }
    /** Reads from a copy that was opened, and keeps it open for the next octets. */
    const readFrom = (
      index: number,
      copy: OpenCopy | null,
      position: number,
      maxOctets: number,
    ): Uint8Array => {
      if (copy === null) {
        throw new StoreError('io', `message ${listing.ids[index]}: another program took its file away`)
      }
      if (isGivenBack) {
        copy.close()
        throw new StoreError('closed', 'the maildrop was given back')
      }
      if (current !== null && current.copy !== copy) current.copy.close()
      current = { index, copy }
      return copy.readAt(position, maxOctets)
    }
    const maildrop: OpenMaildrop = {
      key,
      listing,
      readOnly: key.view === 'recent',
      token: held.token,
      readAt(index, position, maxOctets) {
        if (isGivenBack) throw new StoreError('closed', 'the maildrop was given back')
        check(index)
        if (current?.index === index) return current.copy.readAt(position, maxOctets)
        const copy = files.open(copies[index] as number)
        return copy instanceof Promise
          ? copy.then((each) => readFrom(index, each, position, maxOctets))
          : readFrom(index, copy, position, maxOctets)
      },
      async commit(deletedIndexes) {
        if (isGivenBack || !context.isOpen()) return { failed: 'lost-lock' }
        const deleted = [...new Set(deletedIndexes)]
        for (const index of deleted) check(index)
        if (!locks.isHeld(held)) return { failed: 'lost-lock' }
        if (deleted.length === 0) return { ok: true }
        if (key.view === 'recent') return { failed: 'read-only' }
        const wanted = JSON.stringify(deleted.map((index) => places[index] as number))
        return change(context, (database): { readonly ok: true } | { readonly failed: 'lost-lock' } => {
          if (!locks.isHeld(held)) return { failed: 'lost-lock' }
          if (key.view === 'classic' || key.folder === QUARANTINE) {
            removeCopies(database, 'place IN (SELECT value FROM json_each(?))', wanted, context.now())
          } else hide(database, account, key, wanted)
          return { ok: true }
        })
      },
      async [Symbol.asyncDispose]() {
        if (isGivenBack) return
        isGivenBack = true
        current?.copy.close()
        current = null
        opened.delete(maildrop)
        locks.give(held)
        await reap(context, locks)
      },
    }
    return maildrop
  }
}

function hide(database: Connection, account: number, key: MaildropKey, places: string): void {
  const { changes } = database.run(
    `INSERT OR IGNORE INTO hidden (account, device, copy)
     SELECT ?1, ?2, n FROM copies
     WHERE account = ?1 AND folder = ?3 AND state = ${LIVE} AND place IN (SELECT value FROM json_each(?4))`,
    account,
    key.view.slice('device:'.length),
    key.folder,
    places,
  )
  if (changes === 0) return
  database.run(
    'UPDATE folders SET version = version + 1 WHERE account = ? AND folder = ?',
    account,
    key.folder,
  )
}

/** Copies of exactly that id, or else those whose id starts so; two of them at most. */
function copiesStarting(database: Connection, idPrefix: string): readonly StoredRow[] {
  const exact = database.all<StoredRow>(`${STORED} AND c.uid = ? LIMIT 2`, idPrefix)
  if (exact.length > 0 || idPrefix.length < 6) return exact
  // Unique-ids are octets up to 0x7E.
  return database.all<StoredRow>(
    `${STORED} AND c.uid >= ? AND c.uid < ? LIMIT 2`,
    idPrefix,
    `${idPrefix}\x7f`,
  )
}

function describeCopy(row: StoredRow): StoredCopy {
  return {
    id: row.uid ?? '',
    account: row.account_id,
    folder: row.folder,
    arrivedAtMs: row.arrived_at_ms,
    sizeOctets: row.size,
    bodyOffset: row.body_offset,
    needsStuffing: row.stuffing === 1,
    hold:
      row.hold_class === null
        ? null
        : { class: row.hold_class, reason: row.hold_reason ?? '', expiresAtMs: row.hold_expires_at_ms },
  }
}
