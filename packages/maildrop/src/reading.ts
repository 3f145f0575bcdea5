import type { Listing, Octets, UniqueId } from '@restante/mail'
import type { Hold } from './delivery.ts'
import type { AccountId, Folder, MaildropKey } from './words.ts'

/** Why a maildrop did not open. */
export type OpenFailure = 'in-use' | 'no-such-maildrop'

/** Why a commit of deletions did not happen; then none of them did. */
export type CommitFailure = 'lost-lock' | 'read-only' | 'unavailable'

/**
 * A maildrop under its exclusive lock, frozen as it was when opened: mail that arrives later, and deletions made
 * elsewhere, do not change it; every listed body stays readable until it is disposed.
 */
export interface OpenMaildrop extends AsyncDisposable {
  readonly key: MaildropKey
  /**
   * In order of arrival in this folder: what comes by release, move or undelete comes last, whatever its
   * `arrivedAtMs`. The same object, over opens too, for as long as nothing changed, so that derived octets may be
   * cached by it.
   */
  readonly listing: Listing
  /** True in the view `recent`: a session refuses DELE at once, as `commit` would at the end. Absent = false. */
  readonly readOnly?: boolean
  /** Fencing token: grows with every lock on this maildrop. */
  readonly token: number
  /**
   * Up to `maxOctets` of message `index` (0-based) from `position`: prefix and body as one run of octets; empty at
   * the end. Answers without a promise where no waiting is needed. The array is the caller's to keep, not to write.
   * @throws {StoreError} `io`, `corrupt`
   */
  readAt(index: number, position: Octets, maxOctets: Octets): Uint8Array | Promise<Uint8Array>
  /**
   * Deletes (or, in a device's view, hides) the messages, all or none; durable when it resolves. Idempotent: what is
   * gone already counts as deleted. In the quarantine it discards the held copies, whatever the view. After the
   * lock was given back it answers `lost-lock`.
   */
  commit(
    deletedIndexes: readonly number[],
  ): Promise<{ readonly ok: true } | { readonly failed: CommitFailure; readonly detail?: string }>
  /** Gives the lock back. Deletes nothing. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * One copy beyond doubt. Ids made by a store name one copy in all of it, but ids kept from other servers need to
 * differ only within one folder of one account.
 */
export interface CopyKey {
  readonly account: AccountId
  readonly folder: Folder
  readonly id: UniqueId
}

/** A copy by its id, or by its key. An id alone that several copies have names none of them. */
export type CopyName = UniqueId | CopyKey

/** One stored copy, as lists and commands show it. */
export interface StoredCopy extends CopyKey {
  readonly arrivedAtMs: number
  readonly sizeOctets: Octets
  readonly bodyOffset: Octets
  readonly needsStuffing: boolean
  readonly hold: Hold | null
}

/** Reading what is stored. */
export interface Reading {
  /**
   * Opens a maildrop exclusively, at once: a second open of the same key answers `in-use`. Another view of the same
   * folder is another maildrop. Every folder name of an existing account opens, empty where nothing was put in;
   * an unknown account or a text that names no folder answers `no-such-maildrop`. The lock belongs to this process and never expires while it lives; it is gone when
   * the process is.
   */
  open(
    key: MaildropKey,
    options?: { readonly sessionId?: string },
  ): Promise<{ readonly maildrop: OpenMaildrop } | { readonly failed: OpenFailure }>
  /** Copies of a folder (or of all folders) of an account in order of arrival, without a lock. */
  copies(account: AccountId, folder?: Folder): AsyncIterable<StoredCopy>
  /**
   * The copy whose id starts with `idPrefix`, if exactly one does; a copy whose whole id it is comes first. Null for
   * fewer than 6 characters that are not a whole id. Upper and lower case differ.
   */
  find(idPrefix: string): Promise<StoredCopy | 'ambiguous' | null>
  /**
   * The octets of a copy, prefix and body; null if it is gone.
   * @throws {StoreError} `io`, `corrupt`, also while iterating
   */
  read(copy: CopyName): Promise<AsyncIterable<Uint8Array> | null>
}

/** Who did something to a message, for feedback and audit. */
export interface Actor {
  /** Account id, or null for the administrator's command line. */
  readonly account: AccountId | null
  /** `pop3`, `web`, `command`, `digest`, `expiry`. */
  readonly by: string
}

/** Changing where copies are. Each step is atomic and durable when it resolves. */
export interface Keeping {
  /**
   * Releases a held copy into the inbox: exactly one copy remains, octet for octet the same, with a new unique-id
   * and its original arrival time; it is never judged again. In the same step the release is recorded as feedback
   * (owner the account, label `ham`, source `release`, about the new id).
   */
  release(
    copy: CopyName,
    actor: Actor,
  ): Promise<{ readonly released: UniqueId } | { readonly failed: 'no-such-message' | 'not-held' }>
  /** Moves a copy to another folder under a new unique-id; not into or out of the quarantine. */
  move(
    copy: CopyName,
    folder: Folder,
    actor: Actor,
  ): Promise<{ readonly moved: UniqueId } | { readonly failed: 'no-such-message' | 'held' }>
  /** Removes a copy for every view; it can come back for 7 days. False if there is none. */
  discard(copy: CopyName, actor: Actor): Promise<boolean>
  /**
   * Brings a copy removed less than 7 days ago back to its folder (a held one with its hold) and with its arrival
   * time, under a new unique-id so that every client sees it. Once: then the old id names nothing.
   */
  undelete(
    copy: CopyName,
    actor: Actor,
  ): Promise<{ readonly restored: UniqueId } | { readonly failed: 'no-such-message' | 'too-late' }>
  /**
   * Removes for good what is due: holds past their expiry, removed copies past 7 days, records past their time.
   * Octets are given back by compaction. `retired`: present messages removed by policy (see `DeviceStore`), not yet
   * for good; absent in stores without policies.
   */
  expire(nowMs: number): Promise<{
    readonly holds: number
    readonly removed: number
    readonly records: number
    readonly retired?: number
  }>
}
