import {
  type CopyName,
  deviceOf,
  type Hold,
  isFolder,
  type MaildropKey,
  type OpenFailure,
  type OpenMaildrop,
  QUARANTINE,
  type Reading,
  type StoredCopy,
  StoreError,
} from '@restante/maildrop'
import type { Connection } from './connection.ts'
import type { CopyReader, CopySource } from './copy-reader.ts'
import { guarded } from './failure.ts'
import type { Listings, Snapshot } from './listings.ts'
import type { PickUps } from './pick-ups.ts'
import type { HeldLock, RunState } from './run-state.ts'
import { findCopy, LIVE } from './write-context.ts'
import type { Writer } from './writer.ts'

/** What reading needs of the store. */
export interface ReadingTools {
  readonly index: Connection
  readonly reader: CopyReader
  readonly listings: Listings
  readonly run: RunState
  readonly pickUps: PickUps
  readonly writer: Writer
  readonly now: () => number
  /** @throws {StoreError} `closed` */
  readonly mustBeOpen: () => void
  /** Maildrops now open, so that closing the store gives them back. */
  readonly opened: Set<OpenMaildrop>
}

/** A copy's row as {@link storedCopy} reads it. */
export interface StoredRow {
  readonly uid: string
  readonly account: string
  readonly folder: string
  readonly place: number
  readonly arrived_at_ms: number
  readonly size: number
  readonly body_offset: number
  readonly stuffing: number
  readonly hold_class: Hold['class'] | null
  readonly hold_reason: string | null
  readonly hold_expires_at_ms: number | null
}

/** Copies read at once while listing a folder. */
const PAGE_ROWS = 500

/** Start of a statement that reads {@link StoredRow}. */
export const STORED = `
SELECT c.uid, a.id AS account, m.folder, c.place, c.arrived_at_ms, c.size, c.body_offset, c.stuffing,
  c.hold_class, c.hold_reason, c.hold_expires_at_ms, c.changed_at_ms, c.n
FROM copies c JOIN maildrops m ON m.n = c.maildrop JOIN accounts a ON a.n = m.account`
const STORED_PAGE = `
SELECT c.uid, ?2 AS account, ?3 AS folder, l.place, c.arrived_at_ms, c.size, c.body_offset, c.stuffing,
  c.hold_class, c.hold_reason, c.hold_expires_at_ms
FROM listed l JOIN copies c ON c.n = l.n
WHERE l.maildrop = ?1 AND l.place > ?4 ORDER BY l.place LIMIT ${PAGE_ROWS}`
const FOLDERS = `
SELECT m.n, m.folder FROM accounts a JOIN maildrops m ON m.account = a.n
WHERE a.id = ?1 AND (?2 IS NULL OR m.folder = ?2)`
const STORED_EXACT = `${STORED} WHERE c.uid = ? AND c.state = ${LIVE} LIMIT 2`
const STORED_PREFIX = `${STORED} WHERE c.uid > ?1 AND c.uid < ?1 || char(127) AND c.state = ${LIVE} LIMIT 2`

/** The shortest beginning of an id that may stand for it. */
export const ID_PREFIX_MIN = 6

/** The reading side of a local store. */
export function localReading(tools: ReadingTools): Reading {
  const { index, reader, mustBeOpen } = tools
  return {
    open(key, options) {
      return openMaildrop(tools, key, options?.sessionId ?? '')
    },

    async *copies(account, folder) {
      mustBeOpen()
      const folders = guarded(() =>
        index.all<{ n: number; folder: string }>(FOLDERS, account, folder ?? null),
      )
      const runs = folders.map((each) => new FolderRun(index, account, each))
      for (;;) {
        // Places count over all folders: the run whose next copy came first goes first.
        let first: FolderRun | null = null
        for (const each of runs) {
          if (each.next && (!first?.next || each.next.place < first.next.place)) first = each
        }
        if (!first?.next) return
        yield storedCopy(first.next)
        mustBeOpen()
        first.advance()
      }
    },

    async find(idPrefix) {
      mustBeOpen()
      return guarded(() => {
        let rows = index.all<StoredRow>(STORED_EXACT, idPrefix)
        if (rows.length === 0 && idPrefix.length >= ID_PREFIX_MIN) {
          rows = index.all<StoredRow>(STORED_PREFIX, idPrefix)
        }
        if (rows.length > 1) return 'ambiguous'
        return rows[0] ? storedCopy(rows[0]) : null
      })
    },

    async read(name: CopyName) {
      mustBeOpen()
      const source = guarded(() => {
        const copy = findCopy(index, name, LIVE)
        return copy && reader.source(copy.n)
      })
      return source && reader.stream(source)
    },
  }
}

/** The copies of one folder in order, read page by page. */
class FolderRun {
  readonly #page: (after: number) => readonly StoredRow[]
  #rows: readonly StoredRow[]
  #at = 0

  constructor(
    index: Connection,
    account: string,
    { n, folder }: { readonly n: number; readonly folder: string },
  ) {
    this.#page = (after) => guarded(() => index.all<StoredRow>(STORED_PAGE, n, account, folder, after))
    this.#rows = this.#page(0)
  }

  get next(): StoredRow | null {
    return this.#rows[this.#at] ?? null
  }

  advance(): void {
    this.#at++
    if (this.#at === PAGE_ROWS) {
      this.#rows = this.#page((this.#rows.at(-1) as StoredRow).place)
      this.#at = 0
    }
  }
}

/** How many places are looked up at once. */
const LOOKED_AHEAD = 32

/** A copy as lists show it. */
export function storedCopy(row: StoredRow): StoredCopy {
  return {
    id: row.uid,
    account: row.account,
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

async function openMaildrop(
  tools: ReadingTools,
  key: MaildropKey,
  session: string,
): Promise<{ readonly maildrop: OpenMaildrop } | { readonly failed: OpenFailure }> {
  tools.mustBeOpen()
  if (!isFolder(key.folder)) return { failed: 'no-such-maildrop' }
  const lock = tools.run.lock(JSON.stringify([key.account, key.folder, key.view]), session)
  if (!lock) {
    return { failed: 'in-use' }
  }
  let snapshot: Snapshot | null
  try {
    // Under the lock: what is listed now stays readable until the lock is given back.
    const looked = tools.listings.snapshot(key)
    snapshot = looked instanceof Promise ? await looked : looked
    tools.mustBeOpen()
  } catch (error) {
    tools.run.unlock(lock)
    throw error
  }
  if (!snapshot) {
    tools.run.unlock(lock)
    return { failed: 'no-such-maildrop' }
  }
  if (key.view !== 'recent') {
    tools.pickUps.note({ account: key.account, device: deviceOf(key.view), atMs: tools.now() })
  }
  const maildrop = new LocalMaildrop(tools, key, lock, snapshot)
  tools.opened.add(maildrop)
  return { maildrop }
}

class LocalMaildrop implements OpenMaildrop {
  readonly key: MaildropKey
  readonly #tools: ReadingTools
  readonly #lock: HeldLock
  readonly #snapshot: Snapshot
  #last: { readonly index: number; readonly source: CopySource } | null = null
  /** Places of the messages after it, looked up together for a client that goes through the maildrop in order. */
  #ahead: ReadonlyMap<number, CopySource> = new Map()
  #given = false

  constructor(tools: ReadingTools, key: MaildropKey, lock: HeldLock, snapshot: Snapshot) {
    this.key = { account: key.account, folder: key.folder, view: key.view }
    this.#tools = tools
    this.#lock = lock
    this.#snapshot = snapshot
  }

  get listing(): OpenMaildrop['listing'] {
    return this.#snapshot.listing
  }

  get readOnly(): boolean {
    return this.key.view === 'recent'
  }

  get token(): number {
    return this.#lock.token
  }

  readAt(index: number, position: number, maxOctets: number): Uint8Array {
    if (this.#given) throw new StoreError('closed', 'the maildrop was given back')
    const { reader } = this.#tools
    let last = this.#last
    if (last?.index !== index) {
      const n = this.#snapshot.copies[index]
      if (n === undefined) throw new RangeError(`no message with index ${index}`)
      const source = guarded(() => this.#place(index, n, last?.index === index - 1))
      if (!source) {
        throw new StoreError('corrupt', `message ${this.listing.ids[index]} is listed, but not in the index`)
      }
      last = { index, source }
      this.#last = last
    }
    return reader.readAt(last.source, position, maxOctets)
  }

  #place(index: number, n: number, inOrder: boolean): CopySource | null {
    const { reader } = this.#tools
    const known = this.#ahead.get(n)
    if (known || !inOrder) return known ?? reader.source(n)
    const { copies } = this.#snapshot
    const next = Array.from(
      { length: Math.min(LOOKED_AHEAD, copies.length - index) },
      (_, ahead) => copies[index + ahead] as number,
    )
    this.#ahead = reader.sources(next)
    return this.#ahead.get(n) ?? null
  }

  async commit(deletedIndexes: readonly number[]): ReturnType<OpenMaildrop['commit']> {
    if (this.#given) return { failed: 'lost-lock' }
    const { key } = this
    const { run, writer, now } = this.#tools
    const { maildrop, places } = this.#snapshot
    const deleted = new Set<number>()
    for (const index of deletedIndexes) {
      const place = places[index]
      if (place === undefined) throw new RangeError(`no message with index ${index}`)
      deleted.add(place)
    }
    if (deleted.size === 0) return { ok: true }
    if (key.view === 'recent') return { failed: 'read-only' }
    if (maildrop === null || !run.isHeld(this.#lock)) return { failed: 'lost-lock' }
    const forAll = key.view === 'classic' || key.folder === QUARANTINE
    await writer.run('remove', {
      maildrop,
      device: forAll ? null : deviceOf(key.view),
      places: [...deleted],
      atMs: now(),
    })
    return { ok: true }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#given) return
    this.#given = true
    this.#last = null
    this.#tools.opened.delete(this)
    this.#tools.run.unlock(this.#lock)
  }
}
