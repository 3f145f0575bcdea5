import type { Listing, Octets } from '@restante/mail'
import type { SessionSituation } from './situation.ts'

/** Why a login, an opening or a commit failed; each has its response code (RFC 2449 §8, RFC 3206). */
export type Failure = 'auth' | 'sys-temp' | 'sys-perm' | 'in-use' | 'login-delay'

/** The SCRAM mechanisms by their registered names. */
export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'

/** What a client says to prove who it is. */
export type Credentials =
  | {
      readonly mechanism: 'USER' | 'PLAIN' | 'LOGIN'
      readonly name: string
      readonly password: string
    }
  | {
      readonly mechanism: ScramMechanism
      readonly name: string
      /** Whether the proof fits the credentials given for this name. Never let in where it is false. */
      readonly scram: { readonly proven: boolean }
    }
  | {
      readonly mechanism: 'OAUTHBEARER' | 'XOAUTH2'
      readonly name: string
      readonly token: string
    }

/** What is kept to check a SCRAM proof (RFC 5802 §3); none of it is the password. */
export interface ScramCredentials {
  readonly salt: Uint8Array
  readonly iterations: number
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

/** Something the session needs from outside before it goes on; answered by `answer`, except `close`. */
export type Ask =
  | { readonly ask: 'authenticate'; readonly credentials: Credentials }
  | { readonly ask: 'scram'; readonly mechanism: ScramMechanism; readonly name: string }
  | { readonly ask: 'open' }
  | {
      readonly ask: 'read'
      readonly command: 'RETR' | 'TOP'
      /** 0-based: message-number minus one. */
      readonly index: number
      readonly position: Octets
      readonly maxOctets: Octets
    }
  | {
      readonly ask: 'commit'
      /** 0-based, ascending; may be empty. Afterwards the maildrop is given back, before the answer. */
      readonly deleted: readonly number[]
    }
  /** Answer when what was sent so far has mostly left: keeps memory bounded under pipelining. */
  | { readonly ask: 'drain' }
  /** Send what is pending, drop every octet received since, do the handshake, then answer. */
  | { readonly ask: 'startTls' }
  | { readonly ask: 'xclient'; readonly attributes: ReadonlyMap<string, string> }
  /** The session is over; `abrupt` = the last reply could not be completed, so it must not look complete. */
  | { readonly ask: 'close'; readonly reason: CloseReason; readonly abrupt?: true }

/** Why the session itself ended the connection. */
export type CloseReason =
  | 'quit'
  | 'too-many-errors'
  | 'too-many-logins'
  | 'line-too-long'
  | 'http'
  | 'tls-hello'
  | 'read-failed'

/** What to do next: octets to send (not to be changed), or an {@link Ask}, which is always the last step. */
export type Step = { readonly send: Uint8Array } | Ask

/** What a maildrop brings into the session when it is opened. */
export interface Opened {
  readonly listing: Listing
  /** DELE answers -ERR [SYS/PERM]. */
  readonly readOnly?: boolean
}

/** Answers, each to the {@link Ask} that is pending. */
export type Answer =
  | { readonly ok: true }
  /** To `xclient`: the connection as it is now. */
  | { readonly ok: true; readonly situation: SessionSituation }
  | { readonly opened: Opened }
  | { readonly scram: ScramCredentials }
  | { readonly octets: Uint8Array }
  | {
      readonly failed: Failure
      /** What OAUTHBEARER and XOAUTH2 tell the client (RFC 7628 §3.2.2), a JSON text. */
      readonly challenge?: string
    }
