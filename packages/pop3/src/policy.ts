import type { Octets } from '@restante/mail'
import type { LineLimits } from './line-reader.ts'
import type { MechanismName, SaslTools } from './sasl/exchange.ts'

/** What a session enforces on its own. */
export interface SessionLimits extends LineLimits {
  /** Bad commands before login until the session ends. */
  readonly badCommandsBeforeLogin: number
  /** Bad commands in a row after login until the session ends. */
  readonly badCommandsInARow: number
  /** Failed logins until the session ends. */
  readonly authTries: number
  /** Octets sent before the session asks `drain`. */
  readonly outputOctets: Octets
}

/** Limits fit for the open Internet. */
export const DEFAULT_SESSION_LIMITS: SessionLimits = {
  commandOctets: 1_024,
  authOctets: 12_288,
  discardOctets: 1_048_576,
  badCommandsBeforeLogin: 25,
  badCommandsInARow: 50,
  authTries: 5,
  outputOctets: 65_536,
}

/** What all sessions of a server share. */
export interface SessionPolicy {
  readonly limits: SessionLimits
  /** What IMPLEMENTATION says; no version in it, strangers read it (RFC 2449 §6.9). */
  readonly implementation: string
  /** Mechanisms some account can use, in the order CAPA shows them; USER/PASS comes with PLAIN. */
  readonly mechanisms: readonly MechanismName[]
  /** Hashing and randomness; without them SCRAM is not offered. */
  readonly tools?: SaslTools
  /** EXPIRE: days a message stays, or never; absent = not announced (RFC 2449 §6.7). */
  readonly expire?: { readonly days: number | 'never'; readonly perUser?: boolean }
  /** LOGIN-DELAY; absent = not announced (RFC 2449 §6.6). Enforced by the backend. */
  readonly loginDelay?: { readonly seconds: number; readonly perUser?: boolean }
  /** `strict`: RETR and TOP of a message with UTF-8 header fields need UTF8 first (RFC 6856 §2). */
  readonly utf8?: 'lenient' | 'strict'
}
