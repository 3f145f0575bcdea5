import {
  formatUniqueId,
  type ListedMessage,
  type Listing,
  makeListing,
  type Octets,
  type StoredForm,
  type UniqueId,
} from '@restante/mail'
import type { Hold, Splice } from './delivery.ts'
import type { RemoveAfter } from './devices.ts'
import type { Account, Credential, Usage } from './directory.ts'
import type { CopyName, StoredCopy } from './reading.ts'
import type { StoredRecord } from './record.ts'
import { StoreError } from './store-error.ts'
import type { AccountId, Folder, View } from './words.ts'

/** Milliseconds of a day. */
export const DAY_MS = 86_400_000
/** How long removed copies can come back. */
export const UNDELETE_MS: number = 7 * DAY_MS
/** How far the `recent` view looks back. */
export const RECENT_MS: number = 30 * DAY_MS
/** How long records are kept. */
export const RECORDS_MS: number = 30 * DAY_MS

/** What a memory store may be told. */
export interface MemoryStoreOptions {
  /** Milliseconds since 1970; `Date.now` otherwise. */
  readonly now?: () => number
  /** Fills an array with random octets; the platform's secure generator otherwise. */
  readonly random?: (octets: Uint8Array) => void
  /** All the octets of bodies it may hold, staged ones included; no limit otherwise. */
  readonly capacityOctets?: Octets
  /** Octets that must stay free: deliveries are refused below it, deletions never. 0 otherwise. */
  readonly floorOctets?: Octets
  /** The policy of accounts without one of their own; without it nothing is removed by policy. */
  readonly removeAfter?: RemoveAfter
}

/** Octets shared by copies; given back with the last of them. */
export interface MemoryBody {
  readonly octets: Uint8Array
  readonly form: StoredForm
  copies: number
}

/** A record and the account it is about. */
export interface MemoryRecord {
  /** Grows with every record. */
  readonly serial: number
  readonly account: AccountId
  stored: StoredRecord
}

/** A copy, present or removed but not yet for good. */
export interface MemoryCopy extends StoredCopy {
  readonly sequence: number
  /** When it came into its folder. */
  readonly cameAtMs: number
  readonly prefix: Uint8Array
  readonly splice: Splice | null
  readonly body: MemoryBody
  readonly record: MemoryRecord | null
  /** Device views that do not show it any more. */
  readonly hiddenFrom: Set<View>
  removedAtMs: number | null
  /** Released, moved, restored, expired or erased: this one is no more. */
  gone: boolean
}

/** A listing with the copies it stands for. */
export interface Snapshot {
  readonly listing: Listing
  readonly copies: readonly MemoryCopy[]
}

interface MemoryFolder {
  copies: MemoryCopy[]
  readonly snapshots: Map<View, Snapshot>
}

/** An account with all it owns. */
export interface MemoryAccount {
  row: Account
  credentials: Credential[]
  usage: Usage
  readonly folders: Map<Folder, MemoryFolder>
  /** In order of removal. */
  removed: MemoryCopy[]
  removeAfter: RemoveAfter | null
  /** When each device last opened a maildrop; the account password under the empty name. */
  readonly pickUps: Map<string, number>
}

/** What a copy is made of when it comes from another one. */
export type CopyDraft = Omit<
  MemoryCopy,
  'id' | 'sequence' | 'cameAtMs' | 'hiddenFrom' | 'removedAtMs' | 'gone'
>

/** All a memory store knows of mail, and the steps that change it; each is one synchronous step, so atomic. */
export class MemoryState {
  readonly now: () => number
  /** The policy of accounts without one of their own. */
  readonly removeAfter: RemoveAfter | null
  readonly accounts: Map<AccountId, MemoryAccount> = new Map()
  readonly records: Map<UniqueId, MemoryRecord[]> = new Map()
  usedOctets: Octets = 0
  recordSerial = 0
  closed = false
  readonly #random: (octets: Uint8Array) => void
  readonly #capacityOctets: Octets
  readonly #floorOctets: Octets
  readonly #byId: Map<UniqueId, MemoryCopy[]> = new Map()
  readonly #tail: Uint8Array = new Uint8Array(10)
  #lastIdMs = -1
  #sequence = 0

  constructor(options: MemoryStoreOptions) {
    this.now = options.now ?? Date.now
    this.removeAfter = options.removeAfter ?? null
    this.#random =
      options.random ?? ((octets) => void crypto.getRandomValues(octets as Uint8Array<ArrayBuffer>))
    this.#capacityOctets = options.capacityOctets ?? Number.POSITIVE_INFINITY
    this.#floorOctets = options.floorOctets ?? 0
  }

  /** @throws {StoreError} `closed` */
  mustBeOpen(): void {
    if (this.closed) throw new StoreError('closed', 'the memory store is closed')
  }

  hasRoomFor(sizeOctets: Octets): boolean {
    return this.usedOctets + sizeOctets + this.#floorOctets <= this.#capacityOctets
  }

  /** An id greater than all before it, even within a millisecond or when the clock steps back. */
  makeId(): UniqueId {
    const nowMs = this.now()
    if (nowMs > this.#lastIdMs) {
      this.#lastIdMs = nowMs
      this.#random(this.#tail)
      // Room to count up within this millisecond.
      this.#tail[0] = (this.#tail[0] as number) & 0x7f
    } else {
      for (let i = 9; i >= 0; i--) {
        this.#tail[i] = ((this.#tail[i] as number) + 1) & 0xff
        if (this.#tail[i] !== 0) break
      }
    }
    return formatUniqueId(this.#lastIdMs, this.#tail)
  }

  account(id: AccountId): MemoryAccount | null {
    return this.accounts.get(id) ?? null
  }

  accountByAddress(address: string): MemoryAccount | null {
    for (const account of this.accounts.values()) if (account.row.address === address) return account
    return null
  }

  /** Whether a folder has, or can still get back, a copy of that id. */
  hasId(account: AccountId, folder: Folder, id: UniqueId): boolean {
    return (this.#byId.get(id) ?? []).some((copy) => copy.account === account && copy.folder === folder)
  }

  /** The one copy of that name among the present (or the removed) ones. */
  copyNamed(name: CopyName, removed = false): MemoryCopy | null {
    const id = typeof name === 'string' ? name : name.id
    const candidates = (this.#byId.get(id) ?? []).filter(
      (copy) =>
        (copy.removedAtMs !== null) === removed &&
        (typeof name === 'string' || (copy.account === name.account && copy.folder === name.folder)),
    )
    return candidates.length === 1 ? (candidates[0] as MemoryCopy) : null
  }

  /** Copies present (or removed) whose id starts so; every one of exactly that id instead, where there are some. */
  copiesStarting(prefix: string, removed = false): readonly MemoryCopy[] {
    const present = (copies: readonly MemoryCopy[]) =>
      copies.filter((copy) => (copy.removedAtMs !== null) === removed)
    const exact = present(this.#byId.get(prefix) ?? [])
    if (exact.length > 0 || prefix.length < 6) return exact
    const found: MemoryCopy[] = []
    for (const [id, copies] of this.#byId) if (id.startsWith(prefix)) found.push(...present(copies))
    return found
  }

  /** In order of arrival. */
  copiesOf(id: AccountId, folder?: Folder): readonly MemoryCopy[] {
    const account = this.account(id)
    if (account === null) return []
    if (folder !== undefined) return account.folders.get(folder)?.copies ?? []
    return [...account.folders.values()]
      .flatMap((each) => each.copies)
      .sort((a, b) => a.sequence - b.sequence)
  }

  add(draft: CopyDraft, id: UniqueId = this.makeId()): MemoryCopy {
    const account = this.account(draft.account) as MemoryAccount
    const copy: MemoryCopy = {
      ...draft,
      id,
      sequence: ++this.#sequence,
      cameAtMs: this.now(),
      hiddenFrom: new Set(),
      removedAtMs: null,
      gone: false,
    }
    let folder = account.folders.get(copy.folder)
    if (folder === undefined) {
      folder = { copies: [], snapshots: new Map() }
      account.folders.set(copy.folder, folder)
    }
    folder.copies.push(copy)
    folder.snapshots.clear()
    const same = this.#byId.get(id)
    if (same === undefined) this.#byId.set(id, [copy])
    else same.push(copy)
    copy.body.copies++
    account.usage = {
      octets: account.usage.octets + copy.sizeOctets,
      messages: account.usage.messages + 1,
    }
    return copy
  }

  /** Puts copies of one account where undelete finds them; those removed or gone already are left alone. */
  remove(copies: readonly MemoryCopy[]): void {
    const nowMs = this.now()
    const present = copies.filter((copy) => !copy.gone && copy.removedAtMs === null)
    this.#takeOut(present)
    for (const copy of present) {
      copy.removedAtMs = nowMs
      this.account(copy.account)?.removed.push(copy)
    }
  }

  /** Takes copies away for good, present or removed. */
  purge(copies: readonly MemoryCopy[]): void {
    const left = copies.filter((copy) => !copy.gone)
    this.#takeOut(left.filter((copy) => copy.removedAtMs === null))
    const owners = new Set<AccountId>()
    for (const copy of left) {
      copy.gone = true
      owners.add(copy.account)
      const same = (this.#byId.get(copy.id) ?? []).filter((each) => each !== copy)
      if (same.length === 0) this.#byId.delete(copy.id)
      else this.#byId.set(copy.id, same)
      this.dropBody(copy.body, 1)
    }
    for (const owner of owners) {
      const account = this.account(owner)
      if (account !== null) account.removed = account.removed.filter((copy) => !copy.gone)
    }
  }

  /** Puts a copy's octets under a new id in a folder; the old copy is no more. */
  replace(old: MemoryCopy, folder: Folder, hold: Hold | null): MemoryCopy {
    const { account, arrivedAtMs, sizeOctets, bodyOffset, needsStuffing, prefix, splice, body, record } = old
    const copy = this.add({
      account,
      folder,
      arrivedAtMs,
      sizeOctets,
      bodyOffset,
      needsStuffing,
      hold,
      prefix,
      splice,
      body,
      record,
    })
    this.purge([old])
    if (record !== null) {
      record.stored = { ...record.stored, currentId: copy.id }
      this.indexRecord(copy.id, record)
    }
    return copy
  }

  hide(copies: readonly MemoryCopy[], view: View): void {
    for (const copy of copies) {
      copy.hiddenFrom.add(view)
      this.account(copy.account)?.folders.get(copy.folder)?.snapshots.delete(view)
    }
  }

  /** Shows a device all it has hidden. */
  unhide(account: MemoryAccount, view: View): void {
    for (const folder of account.folders.values()) {
      folder.snapshots.delete(view)
      for (const copy of folder.copies) copy.hiddenFrom.delete(view)
    }
  }

  snapshot(account: MemoryAccount, folder: Folder, view: View): Snapshot {
    const kept = account.folders.get(folder)
    if (kept === undefined) return snapshotOf([])
    const known = kept.snapshots.get(view)
    if (known !== undefined && view !== 'recent') return known
    const sinceMs = this.now() - RECENT_MS
    const copies = kept.copies.filter(
      (copy) => !copy.hiddenFrom.has(view) && (view !== 'recent' || copy.arrivedAtMs > sinceMs),
    )
    if (known !== undefined && sameCopies(known.copies, copies)) return known
    const made = snapshotOf(copies)
    kept.snapshots.set(view, made)
    return made
  }

  indexRecord(id: UniqueId, record: MemoryRecord): void {
    const same = this.records.get(id)
    if (same === undefined) this.records.set(id, [record])
    else if (!same.includes(record)) same.push(record)
  }

  /** Takes away the records a test says yes to; how many they were. */
  dropRecords(due: (record: MemoryRecord) => boolean): number {
    const dropped = new Set<MemoryRecord>()
    for (const [id, records] of this.records) {
      const left = records.filter((record) => !due(record))
      for (const record of records) if (!left.includes(record)) dropped.add(record)
      if (left.length === 0) this.records.delete(id)
      else if (left.length < records.length) this.records.set(id, left)
    }
    return dropped.size
  }

  /** Lets go of a body, for a copy or (`copies` 0) for its staging. */
  dropBody(body: MemoryBody, copies: number): void {
    body.copies -= copies
    if (body.copies === 0) this.usedOctets -= body.octets.length
  }

  #takeOut(copies: readonly MemoryCopy[]): void {
    const touched = new Map<MemoryFolder, Set<MemoryCopy>>()
    for (const copy of copies) {
      const account = this.account(copy.account)
      const folder = account?.folders.get(copy.folder)
      if (!account || !folder) continue
      const taken = touched.get(folder)
      if (taken === undefined) touched.set(folder, new Set([copy]))
      else taken.add(copy)
      account.usage = {
        octets: account.usage.octets - copy.sizeOctets,
        messages: account.usage.messages - 1,
      }
    }
    for (const [folder, taken] of touched) {
      folder.copies = folder.copies.filter((copy) => !taken.has(copy))
      folder.snapshots.clear()
    }
  }
}

const EMPTY: Snapshot = { listing: makeListing([]), copies: [] }

function snapshotOf(copies: readonly MemoryCopy[]): Snapshot {
  return copies.length === 0
    ? EMPTY
    : { listing: makeListing(copies satisfies readonly ListedMessage[]), copies: [...copies] }
}

function sameCopies(a: readonly MemoryCopy[], b: readonly MemoryCopy[]): boolean {
  return a.length === b.length && a.every((copy, i) => copy === b[i])
}
