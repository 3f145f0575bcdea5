import type { Listing, UniqueId } from '@restante/mail'
import type { Folder, View } from '@restante/maildrop'
import type { Connection } from './database.ts'
import { LIVE } from './schema.ts'

/** How far the `recent` view looks back. */
const RECENT_MS = 30 * 24 * 3600 * 1000
/** Memory for kept listings. */
const CACHE_OCTETS = 64 * 1024 * 1024
/** What a listed message takes, about. */
const ROW_OCTETS = 120

/** A listing with what the store knows the messages by. */
export interface Snapshot {
  readonly listing: Listing
  /** Rows of the copies, for reading. */
  readonly copies: readonly number[]
  /** Places of the copies, for removing: a copy that was moved or restored has another. */
  readonly places: readonly number[]
}

interface Entry {
  readonly version: number
  readonly snapshot: Snapshot
  /** From when on the `recent` view shows less, and until when it showed more. */
  readonly validFromMs: number
  readonly validUntilMs: number
}

type Columns = [
  n: number,
  place: number,
  uid: UniqueId,
  size: number,
  offset: number,
  stuffing: number,
  at: number,
]

const ROWS = `
SELECT n, place, uid, size, body_offset, stuffing, arrived_at_ms FROM copies
WHERE account = ? AND folder = ? AND state = ${LIVE} AND arrived_at_ms > ? ORDER BY place`

/** Listings by the version of their folder, which every change of any process raises. */
export class Listings {
  readonly #database: Connection
  readonly #now: () => number
  readonly #entries = new Map<string, Entry>()
  #octets = 0

  constructor(database: Connection, now: () => number) {
    this.#database = database
    this.#now = now
  }

  /** What a view shows now; the same object for as long as nothing changed. */
  snapshot(account: number, folder: Folder, view: View): Snapshot {
    const version =
      this.#database.get<{ version: number }>(
        'SELECT version FROM folders WHERE account = ? AND folder = ?',
        account,
        folder,
      )?.version ?? 0
    const name = JSON.stringify([account, folder, view])
    const nowMs = this.#now()
    const known = this.#entries.get(name)
    if (known) {
      this.#drop(name, known)
      if (known.version === version && nowMs >= known.validFromMs && nowMs < known.validUntilMs) {
        return this.#keep(name, known)
      }
    }
    return this.#keep(name, this.#build(account, folder, view, version, nowMs))
  }

  #build(account: number, folder: Folder, view: View, version: number, nowMs: number): Entry {
    const isRecent = view === 'recent'
    const since = isRecent ? nowMs - RECENT_MS : Number.MIN_SAFE_INTEGER
    let rows = this.#database.columns<Columns>(ROWS, account, folder, since)
    if (view.startsWith('device:')) {
      const hidden = new Set(
        this.#database
          .columns<[number]>(
            'SELECT copy FROM hidden WHERE account = ? AND device = ?',
            account,
            view.slice('device:'.length),
          )
          .map(([copy]) => copy),
      )
      if (hidden.size > 0) rows = rows.filter(([n]) => !hidden.has(n))
    }
    const count = rows.length
    const ids = new Array<UniqueId>(count)
    const [copies, places] = [new Array<number>(count), new Array<number>(count)]
    const [sizes, bodyOffsets, stuffing] = [
      new Float64Array(count),
      new Float64Array(count),
      new Uint8Array(count),
    ]
    let totalOctets = 0
    let oldestMs = Number.POSITIVE_INFINITY
    for (const [i, row] of rows.entries()) {
      copies[i] = row[0]
      places[i] = row[1]
      ids[i] = row[2]
      sizes[i] = row[3]
      bodyOffsets[i] = row[4]
      stuffing[i] = row[5]
      totalOctets += row[3]
      oldestMs = Math.min(oldestMs, row[6])
    }
    return {
      version,
      snapshot: { listing: { count, totalOctets, ids, sizes, bodyOffsets, stuffing }, copies, places },
      validFromMs: isRecent ? nowMs : Number.NEGATIVE_INFINITY,
      validUntilMs: isRecent ? oldestMs + RECENT_MS : Number.POSITIVE_INFINITY,
    }
  }

  #keep(name: string, entry: Entry): Snapshot {
    this.#entries.set(name, entry)
    this.#octets += octetsOf(entry)
    for (const [oldest, each] of this.#entries) {
      if (this.#octets <= CACHE_OCTETS || oldest === name) break
      this.#drop(oldest, each)
    }
    return entry.snapshot
  }

  #drop(name: string, entry: Entry): void {
    this.#entries.delete(name)
    this.#octets -= octetsOf(entry)
  }
}

function octetsOf({ snapshot }: Entry): number {
  return 200 + snapshot.listing.count * ROW_OCTETS
}
