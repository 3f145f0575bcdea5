import type { Listing, Octets } from '@restante/mail'
import type { Credentials, Failure, ScramCredentials, ScramMechanism } from '@restante/pop3'

/** What TLS protects a session with. */
export interface TlsInfo {
  /** `TLSv1.3`, `TLSv1.2`; `proxy` where a trusted proxy took the TLS off. */
  readonly protocol: string
  readonly cipher: string
  /** The host name the client asked for, or null. */
  readonly serverName: string | null
}

/** Where a login comes from. */
export interface LoginContext {
  readonly sessionId: string
  /** The client's own address, also behind a trusted proxy. */
  readonly remoteAddress: string
  readonly remotePort: number
  readonly tls: TlsInfo | null
}

/** One attempt to log in. */
export type LoginRequest = Credentials & LoginContext

/**
 * What came of it: a maildrop key (opaque to the server, handed to `store.open`), null for wrong credentials,
 * or another failure with its response code.
 */
export type LoginResult<Key> =
  | {
      readonly maildrop: Key
      /** How events and logs name the login; the login name where absent. */
      readonly account?: string
    }
  | null
  | {
      readonly failed: Failure
      /** OAUTHBEARER and XOAUTH2: the JSON the client is shown (RFC 7628 §3.2.2). */
      readonly challenge?: string
    }

/** Something with a signal that fires when the session goes while this call is being waited for. */
export interface Abortable {
  readonly signal: AbortSignal
}

/** Checks credentials. A throw answers [SYS/TEMP] and makes an `error` event. */
export type Authenticate<Key> = (
  request: LoginRequest,
  context: Abortable,
) => LoginResult<Key> | Promise<LoginResult<Key>>

/** A verifier, and perhaps who decides by it. */
export interface ScramLogin<Key> extends ScramCredentials {
  /** Decides, in place of `authenticate`, once it is known whether the proof fits. Nobody unproven is let in. */
  settle?(proven: boolean): LoginResult<Key> | Promise<LoginResult<Key>>
}

/** Verifiers for SCRAM. */
export interface ScramSource<Key> {
  /** The verifier of a name, or null: the client is then shown an invented one. */
  credentials(
    name: string,
    context: LoginContext & Abortable & { readonly mechanism: ScramMechanism },
  ): ScramAnswer<Key> | Promise<ScramAnswer<Key>>
  /** Key of invented salts: the same on all nodes, secret, at least 16 octets. Random per server if absent. */
  readonly inventedSaltKey?: Uint8Array
  /** Iterations shown for unknown names; must be what real verifiers have. Default 4096. */
  readonly inventedIterations?: number
}

/** A verifier, none for an unknown name, or why there can be no answer. */
export type ScramAnswer<Key> = ScramLogin<Key> | null | { readonly failed: Failure }

/** Why a commit did nothing. */
export type CommitFailure = 'lost-lock' | 'unavailable' | 'read-only'

/** A maildrop held exclusively by one session, frozen as it was when opened. */
export interface OpenMaildrop extends AsyncDisposable {
  readonly listing: Listing
  /** DELE answers -ERR [SYS/PERM]. */
  readonly readOnly?: boolean
  /**
   * Up to maxOctets of message `index` (0-based) from `position`; an empty array at the end. Synchronous where
   * it can be. The array belongs to the caller.
   */
  readAt(index: number, position: Octets, maxOctets: Octets): Uint8Array | Promise<Uint8Array>
  /** All or nothing, idempotent. */
  commit(
    deletedIndexes: readonly number[],
  ): Promise<{ readonly ok: true } | { readonly failed: CommitFailure; readonly detail?: string }>
  /** Gives the lock back. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Why a maildrop could not be opened. */
export type OpenFailure = 'in-use' | 'no-such-maildrop' | 'unavailable'

/** Where maildrops come from. */
export interface MaildropStore<Key> {
  /** Opens exclusively, at once: a held lock is `in-use`, never a wait. */
  open(
    key: Key,
    context: Abortable & { readonly sessionId: string },
  ): Promise<{ readonly maildrop: OpenMaildrop } | { readonly failed: OpenFailure; readonly detail?: string }>
}
