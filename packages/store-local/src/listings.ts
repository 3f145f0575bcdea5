import type { Listing, UniqueId } from '@restante/mail'
import type { MaildropKey } from '@restante/maildrop'
import type { Connection } from './connection.ts'
import { guarded } from './failure.ts'

/** How far the `recent` view looks back. */
const RECENT_MS = 30 * 24 * 3600 * 1000

/** Rows read between two looks at other work. A listing that needs no more of them is made without waiting. */
const PAGE_ROWS = 1000

/** A listing with what the store knows the messages by. */
export interface Snapshot {
  /** Row of the maildrop; null where nothing was ever put in. */
  readonly maildrop: number | null
  readonly listing: Listing
  /** Rows of the copies, for reading. */
  readonly copies: ArrayLike<number>
  /** Places of the copies, for removing. */
  readonly places: ArrayLike<number>
}

/** What a maildrop's row says about how new a cached listing is. */
interface State {
  readonly maildrop: number | null
  readonly version: number
  /** Grows where messages left, so that a listing is not only continued. */
  readonly removals: number
  readonly view: number | null
  readonly view_version: number | null
}

interface Entry {
  readonly state: State
  readonly snapshot: Snapshot
  /** From when on the `recent` view shows less. */
  readonly validUntilMs: number
  readonly octets: number
}

type Columns = [
  place: number,
  n: number,
  uid: UniqueId,
  size: number,
  bodyOffset: number,
  stuffing: number,
  arrivedAtMs: number,
]

/** A maildrop that was asked for. */
interface Wanted {
  readonly key: MaildropKey
  readonly name: string
  /** Empty for views that hide nothing. */
  readonly device: string
}

/** A listing about to be made. */
interface Work {
  readonly state: State
  /** The listing it continues, where messages only were added. */
  readonly start: Entry | null
  readonly maildrop: number
  readonly sinceMs: number
  /** The last place read. */
  after: number
}

/** Says that a listing takes more than one page. */
const TOO_LONG = Symbol('too long')

const NO_MESSAGES: Snapshot = {
  maildrop: null,
  listing: { count: 0, totalOctets: 0, ids: [], sizes: [], bodyOffsets: [], stuffing: [] },
  copies: [],
  places: [],
}

const STATE = `
SELECT m.n AS maildrop, coalesce(m.version, 0) AS version, coalesce(m.removals, 0) AS removals,
  v.n AS view, v.version AS view_version
FROM accounts a LEFT JOIN maildrops m ON m.account = a.n AND m.folder = ?2
LEFT JOIN views v ON v.maildrop = m.n AND v.device = ?3 WHERE a.id = ?1`

const COLUMNS = 'SELECT place, n, uid, size, body_offset, stuffing, arrived_at_ms FROM listed'
const PAGE = `${COLUMNS} WHERE maildrop = ?1 AND place > ?2 AND arrived_at_ms > ?3 ORDER BY place LIMIT ${PAGE_ROWS}`
const PAGE_WITHOUT_HIDDEN = `${COLUMNS}
WHERE maildrop = ?1 AND place > ?2 AND arrived_at_ms > ?3
  AND NOT EXISTS (SELECT 1 FROM hidden h WHERE h.view = ?4 AND h.place = listed.place)
ORDER BY place LIMIT ${PAGE_ROWS}`

/** Roughly what a listed message costs in memory: its columns, its id and a share of the strings' overhead. */
const ROW_OCTETS = 96

/**
 * Listings of maildrops, kept as long as nothing changed and continued where messages only were added. What was
 * changed by any process shows in the maildrop's version, which is read at every look.
 */
export class Listings {
  /** For looks that take one row. */
  readonly #index: Connection
  /** For building: holds a read transaction while it yields to other work. */
  readonly #builder: Connection
  readonly #now: () => number
  readonly #limitOctets: number
  readonly #entries = new Map<string, Entry>()
  #octets = 0
  #building: Promise<unknown> = Promise.resolve()

  constructor(index: Connection, builder: Connection, now: () => number, limitOctets: number) {
    this.#index = index
    this.#builder = builder
    this.#now = now
    this.#limitOctets = limitOctets
  }

  /**
   * The listing of a maildrop as it is now; null where there is no such account. Without a promise where it is
   * cached, small, or only a little was added.
   */
  snapshot(key: MaildropKey): Snapshot | null | Promise<Snapshot | null> {
    const wanted: Wanted = {
      key,
      name: JSON.stringify([key.account, key.folder, key.view]),
      device: key.view.startsWith('device:') ? key.view.slice('device:'.length) : '',
    }
    const state = guarded(() => this.#index.get<State>(STATE, key.account, key.folder, wanted.device))
    if (!state) return null
    const entry = this.#entries.get(wanted.name)
    if (entry && isCurrent(entry, state, this.#now())) {
      this.#entries.delete(wanted.name)
      this.#entries.set(wanted.name, entry)
      return entry.snapshot
    }
    const quick = guarded(() => this.#quickly(wanted))
    if (quick !== TOO_LONG) return quick
    const built = this.#building.then(() => this.#slowly(wanted))
    this.#building = built.catch(() => {})
    return built
  }

  /** Resolves when nothing is being built. */
  async settle(): Promise<void> {
    await this.#building
  }

  #keep(name: string, state: State, snapshot: Snapshot, validUntilMs: number): Snapshot {
    const old = this.#entries.get(name)
    if (old) {
      this.#entries.delete(name)
      this.#octets -= old.octets
    }
    const octets = 500 + snapshot.listing.count * ROW_OCTETS
    this.#entries.set(name, { state, snapshot, validUntilMs, octets })
    this.#octets += octets
    for (const [oldest, { octets: freed }] of this.#entries) {
      if (this.#octets <= this.#limitOctets) break
      this.#entries.delete(oldest)
      this.#octets -= freed
    }
    return snapshot
  }

  /** Makes a listing from one page, in one step; {@link TOO_LONG} where it takes more. */
  #quickly(wanted: Wanted): Snapshot | null | typeof TOO_LONG {
    this.#index.exec('BEGIN')
    try {
      const work = this.#begin(this.#index, wanted)
      if (!('after' in work)) return work.snapshot
      const page = readPage(this.#index, work)
      if (page.length === PAGE_ROWS) return TOO_LONG
      return this.#finish(wanted, work, page)
    } finally {
      this.#index.exec('COMMIT')
    }
  }

  /** The same from any number of pages, letting other work in between them. */
  async #slowly(wanted: Wanted): Promise<Snapshot | null> {
    const builder = this.#builder
    guarded(() => builder.exec('BEGIN'))
    try {
      const work = guarded(() => this.#begin(builder, wanted))
      if (!('after' in work)) return work.snapshot
      const rows: Columns[] = []
      for (;;) {
        const page = guarded(() => readPage(builder, work))
        for (const row of page) rows.push(row)
        if (page.length < PAGE_ROWS) break
        work.after = (page.at(-1) as Columns)[0]
        await new Promise((resolve) => setImmediate(resolve))
      }
      return this.#finish(wanted, work, rows)
    } finally {
      guarded(() => builder.exec('COMMIT'))
    }
  }

  /** What is to be read, in the transaction that will read it; or the listing, where nothing is. */
  #begin(database: Connection, { key, name, device }: Wanted): { readonly snapshot: Snapshot | null } | Work {
    const state = database.get<State>(STATE, key.account, key.folder, device)
    if (!state) return { snapshot: null }
    const nowMs = this.#now()
    const old = this.#entries.get(name)
    // Another session may have made it while this one waited for its turn.
    if (old && isCurrent(old, state, nowMs)) return old
    if (state.maildrop === null) {
      return { snapshot: this.#keep(name, state, NO_MESSAGES, Number.POSITIVE_INFINITY) }
    }
    const start = old && onlyAddedTo(old, state, nowMs) ? old : null
    return {
      state,
      start,
      maildrop: state.maildrop,
      sinceMs: key.view === 'recent' ? nowMs - RECENT_MS : Number.MIN_SAFE_INTEGER,
      after: start?.snapshot.places[start.snapshot.listing.count - 1] ?? 0,
    }
  }

  #finish({ key, name }: Wanted, { state, start, maildrop }: Work, rows: readonly Columns[]): Snapshot {
    if (start && rows.length === 0) return this.#keep(name, state, start.snapshot, start.validUntilMs)
    let oldestMs = Number.POSITIVE_INFINITY
    if (key.view === 'recent') for (const row of rows) oldestMs = Math.min(oldestMs, row[6])
    const validUntilMs = Math.min(oldestMs + RECENT_MS, start?.validUntilMs ?? Number.POSITIVE_INFINITY)
    return this.#keep(name, state, snapshotOf(maildrop, start?.snapshot ?? null, rows), validUntilMs)
  }
}

function readPage(database: Connection, { state, maildrop, after, sinceMs }: Work): readonly Columns[] {
  return state.view === null
    ? database.columns<Columns>(PAGE, maildrop, after, sinceMs)
    : database.columns<Columns>(PAGE_WITHOUT_HIDDEN, maildrop, after, sinceMs, state.view)
}

function isCurrent({ state, validUntilMs }: Entry, now: State, nowMs: number): boolean {
  return (
    state.version === now.version &&
    state.maildrop === now.maildrop &&
    state.view === now.view &&
    state.view_version === now.view_version &&
    nowMs < validUntilMs
  )
}

function onlyAddedTo({ state, validUntilMs }: Entry, now: State, nowMs: number): boolean {
  return (
    state.removals === now.removals &&
    state.maildrop === now.maildrop &&
    state.view === now.view &&
    state.view_version === now.view_version &&
    nowMs < validUntilMs
  )
}

/** A listing of rows, behind those of `start` where there is one. */
function snapshotOf(maildrop: number, start: Snapshot | null, rows: readonly Columns[]): Snapshot {
  const from = start?.listing.count ?? 0
  const count = from + rows.length
  const sizes = new Float64Array(count)
  const bodyOffsets = new Float64Array(count)
  const stuffing = new Uint8Array(count)
  const copies = new Float64Array(count)
  const places = new Float64Array(count)
  const ids = start ? start.listing.ids.slice() : []
  if (start) {
    sizes.set(start.listing.sizes)
    bodyOffsets.set(start.listing.bodyOffsets)
    stuffing.set(start.listing.stuffing)
    copies.set(start.copies)
    places.set(start.places)
  }
  let totalOctets = start?.listing.totalOctets ?? 0
  for (let i = 0; i < rows.length; i++) {
    const [place, n, uid, size, bodyOffset, dots] = rows[i] as Columns
    const at = from + i
    ids.push(uid)
    sizes[at] = size
    bodyOffsets[at] = bodyOffset
    stuffing[at] = dots
    copies[at] = n
    places[at] = place
    totalOctets += size
  }
  return { maildrop, listing: { count, totalOctets, ids, sizes, bodyOffsets, stuffing }, copies, places }
}
