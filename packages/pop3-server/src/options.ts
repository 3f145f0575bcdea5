import type { MechanismName, SessionLimits } from '@restante/pop3'
import type { Authenticate, MaildropStore, ScramSource } from './backend.ts'
import type { Pop3Event } from './events.ts'
import type { TlsSettings } from './tls.ts'

/** Limits of one server, enforced whatever the backend does. */
export interface ServerLimits extends SessionLimits {
  /** Connections at once; more are refused with -ERR [SYS/TEMP]. */
  readonly connections: number
  /** Connections at once from one client address. */
  readonly connectionsPerAddress: number
  /** From connection to greeting: PROXY header and TLS handshake. */
  readonly handshakeMs: number
  /** From greeting to login. */
  readonly unauthenticatedMs: number
  /** Silence after login; RFC 1939 §3 asks for at least ten minutes. */
  readonly idleMs: number
  /** How long a reader may take for one piece of at most 256 KB. */
  readonly stalledMs: number
  /** First wait before a failed login is answered; doubles each time up to `errorDelayMostMs`. 0 = none. */
  readonly errorDelayMs: number
  readonly errorDelayMostMs: number
  /** How long the peer's side may stay open after ours ended. */
  readonly lingerMs: number
}

/** Limits fit for the open Internet. */
export const DEFAULT_LIMITS: ServerLimits = {
  commandOctets: 1_024,
  authOctets: 12_288,
  discardOctets: 1_048_576,
  badCommandsBeforeLogin: 25,
  badCommandsInARow: 50,
  authTries: 5,
  outputOctets: 65_536,
  connections: 20_000,
  connectionsPerAddress: 200,
  handshakeMs: 30_000,
  unauthenticatedMs: 180_000,
  idleMs: 600_000,
  stalledMs: 300_000,
  errorDelayMs: 500,
  errorDelayMostMs: 4_000,
  lingerMs: 5_000,
}

/** What {@link createPop3Server} needs. `Key` is whatever `authenticate` gives and `store.open` takes. */
export interface Pop3ServerOptions<Key> {
  readonly store: MaildropStore<Key>
  readonly authenticate: Authenticate<Key>
  /** Turns on SCRAM-SHA-256 and, under TLS, SCRAM-SHA-256-PLUS. */
  readonly scram?: ScramSource<Key>
  /** Mechanisms besides SCRAM. Default PLAIN and LOGIN; list OAUTHBEARER and XOAUTH2 where tokens can be checked. */
  readonly mechanisms?: readonly Exclude<MechanismName, 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'>[]
  /** Certificates; without them there is neither STLS nor implicit TLS. */
  readonly tls?: TlsSettings
  /** Whether passwords may cross without TLS. Default `never`. */
  readonly allowPlainLogin?: 'never' | 'loopback' | 'always'
  readonly limits?: Partial<ServerLimits>
  /** Networks (`10.0.0.0/8`, `::1`) whose connections start with a PROXY header, version 1 or 2. */
  readonly proxyFrom?: readonly string[]
  /** Networks whose connections may use XCLIENT. */
  readonly xclientFrom?: readonly string[]
  readonly implementation?: string
  readonly expire?: { readonly days: number | 'never'; readonly perUser?: boolean }
  readonly loginDelay?: { readonly seconds: number; readonly perUser?: boolean }
  readonly utf8?: 'lenient' | 'strict'
  /** Called at once for every event, besides `server.events()`. Must not throw. */
  readonly onEvent?: (event: Pop3Event) => void
  /** Milliseconds that never go back; the process's monotonic clock by default. */
  readonly now?: () => number
}
