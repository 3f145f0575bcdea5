import type { Envelope, Octets, UniqueId } from '@restante/mail'
import type { MessageRecord } from './record.ts'
import type { AccountId, Folder } from './words.ts'

/** The longest prefix a copy may have. */
export const PREFIX_MAX_OCTETS: Octets = 8192

/** Octets of a body replaced for one copy only (the subject prefix of a tagged message). */
export interface Splice {
  /** Offset in the body, inside its header. */
  readonly offset: Octets
  /** Octets of the body left out there. */
  readonly length: Octets
  /** Octets put in their place; no line end, and the line they are in must not start with a dot after it. */
  readonly replacement: Uint8Array
}

/** What kind of held mail a copy is; decides who may release it and how long it is kept. */
export type HoldClass = 'spam' | 'bulk' | 'phishing' | 'malware' | 'policy'

/** Why and how long a copy is kept in the quarantine. */
export interface Hold {
  readonly class: HoldClass
  /** One sentence in words. */
  readonly reason: string
  /** When it is removed for good; null = never. */
  readonly expiresAtMs: number | null
}

/** One recipient's copy of a staged body. */
export interface CopyOrder {
  readonly account: AccountId
  readonly folder: Folder
  /**
   * Our header lines, whole lines in stored form, at most {@link PREFIX_MAX_OCTETS}, no line starting with a dot.
   * Empty for verbatim copies. The store keeps its own copy.
   */
  readonly prefix: Uint8Array
  readonly splice?: Splice
  /** Required exactly when `folder` is the quarantine. */
  readonly hold?: Hold
  /** A unique-id kept from another server; otherwise the store makes one. */
  readonly id?: UniqueId
  /** When it arrived, if not at `envelope.receivedAtMs` (imports, releases). */
  readonly arrivedAtMs?: number
  /** What search, explain and statistics know of it later. */
  readonly record?: MessageRecord
}

/**
 * What became of one copy.
 * - `over-quota`: the account was at or over its quota before this copy.
 * - `duplicate-id`: a copy of that folder has the id already, or had it and can still be undeleted.
 */
export type CopyOutcome =
  | { readonly stored: { readonly id: UniqueId; readonly sizeOctets: Octets } }
  | { readonly failed: 'no-such-account' | 'over-quota' | 'duplicate-id' }

/**
 * A body that lies ready: its octets are taken, but nothing points at them and nothing was promised.
 * Exactly one of `commit` and `discard` ends it; disposing it discards what was not committed.
 */
export interface Staged extends AsyncDisposable {
  /** The body in stored form (CRLF, final CRLF, unstuffed). */
  readonly sizeOctets: Octets
  readonly bodyOffset: Octets
  readonly needsStuffing: boolean
  /** The body's octets in stored form, from the start each time. */
  read(): AsyncIterable<Uint8Array>
  /** The whole body in one array, to be read only, and only until commit or discard; null above `maxOctets`. */
  readWhole(maxOctets: Octets): Promise<Uint8Array | null>
  /**
   * Makes body and every copy durable, all of them in one step: after it resolves they survive any crash,
   * before it none of them is visible to anyone. One outcome per copy, in order. With no copy stored the body is
   * discarded. A quota may be overdrawn by at most one message. Called a second time, or after `discard`, it rejects.
   * @throws {StoreError} `disk-full` or `io`: no copy is stored.
   */
  commit(envelope: Envelope, copies: readonly CopyOrder[]): Promise<readonly CopyOutcome[]>
  discard(): Promise<void>
}

/** Taking mail in. */
export interface Delivery {
  /**
   * Takes a body, in any line-end form, and keeps it in stored form. Memory is bounded: large bodies stream to disk.
   * @param octets chunks; each may be reused by the caller after the next one was asked for
   * @throws {StoreError} `disk-full` below the free-space floor, `io`; and whatever `octets` throws, unchanged
   */
  stage(octets: AsyncIterable<Uint8Array> | Uint8Array): Promise<Staged>
  /** Whether mail of about this size can be taken now; asked before DATA. */
  hasRoomFor(sizeOctets: Octets): boolean
}
