import type { Envelope, Path, Reply, WithProtocol } from '@restante/mail'
import type { SmtpEvent } from './events.ts'
import type { LineEndPolicy } from './line-ends.ts'
import type { MailParameters, RcptParameters } from './parameters.ts'

/** `smtp` takes mail from the world, `submission` from people who log in, `lmtp` from a trusted relay. */
export type Mode = 'smtp' | 'lmtp' | 'submission'

/** What is known about a session when a hook is asked. A live view: copy what must not change. */
export interface SessionEvidence {
  readonly id: string
  readonly mode: Mode
  /** The peer's address, IPv4-mapped prefixes removed; behind a trusted proxy, the one the proxy told. */
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  readonly proxyAddress: string | null
  /** Name of the client as a trusted proxy told by XCLIENT, else null. */
  readonly clientName: string | null
  /** The name after HELO, EHLO or LHLO; empty before. */
  readonly helo: string
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384`, or null. */
  readonly tls: string | null
  /** The name the peer asked for in its TLS handshake. */
  readonly servername: string | null
  readonly authenticatedAs: string | null
  readonly protocol: WithProtocol
  /** Errors counted so far. */
  readonly errors: number
}

/** What is known at MAIL. */
export interface MailEvidence {
  readonly session: SessionEvidence
  /** Null for `<>`. */
  readonly reversePath: Path | null
  readonly parameters: MailParameters
}

/** What is known at RCPT. */
export interface RcptEvidence extends MailEvidence {
  /** A bare `<Postmaster>` comes with the listener's host name as its domain. */
  readonly recipient: Path
  readonly recipientParameters: RcptParameters
  /** Recipients accepted so far in this transaction. */
  readonly accepted: readonly Path[]
}

/** Given to every hook beside the evidence. */
export interface HookContext {
  /** Fires when the answer is no longer wanted: deadline passed, peer gone, transaction given up. */
  readonly signal: AbortSignal
}

/** Wait before answering, and then accept, or give `reply`. */
export interface SlowDown {
  readonly slowDownMs: number
  readonly reply?: Reply
}

/**
 * Null or undefined accepts. A `Reply` of 4xx or 5xx refuses; one of 2xx accepts in its own words.
 * A throw, a rejection or a missed deadline is answered with 451 and a fault event.
 */
export type Answer = Reply | SlowDown | null | undefined
export type MaybePromise<T> = T | Promise<T>

/** Pure decisions of the host, one for each stage. */
export interface Policy {
  readonly connect?: (session: SessionEvidence, context: HookContext) => MaybePromise<Answer>
  readonly helo?: (session: SessionEvidence, context: HookContext) => MaybePromise<Answer>
  readonly mail?: (mail: MailEvidence, context: HookContext) => MaybePromise<Answer>
  /** Decides about every recipient; without it there is no server, so there is no open relay by omission. */
  readonly rcpt: (recipient: RcptEvidence, context: HookContext) => MaybePromise<Answer>
}

/** What a data hook is told beside the envelope. */
export interface DataContext extends HookContext {
  /** `<session>.<number>`, the same in `envelope.sessionId`, replies and events. */
  readonly transaction: string
  readonly session: SessionEvidence
  readonly parameters: MailParameters
  /** One per envelope recipient, same order. */
  readonly recipientParameters: readonly RcptParameters[]
}

/**
 * Takes the mail data. Called when DATA (or the first BDAT) is accepted, before its octets arrive. The reply
 * is sent only after both the promise has settled and the data has ended.
 *
 * `body` is unstuffed and has the line-end policy applied; reading it slowly slows the peer. It throws
 * {@link MailDataError} if the message is oversized, cut off or given up; just let it pass: the library
 * answers by itself then.
 *
 * In LMTP the replies go to the accepted recipients in order, duplicates included; a single reply goes to
 * all. In SMTP an array counts as accepted if any of it does, else as its mildest refusal.
 */
export type DataHook = (
  envelope: Envelope,
  body: AsyncIterable<Uint8Array>,
  context: DataContext,
) => Promise<Reply | readonly Reply[]>

/** One attempt to log in, with a plain secret. */
export interface Credentials extends HookContext {
  readonly mechanism: 'PLAIN' | 'LOGIN'
  readonly name: string
  readonly password: string
  readonly remote: string
  readonly session: SessionEvidence
}

/** Null: name or password is wrong (535). A `Reply` says otherwise (454 for an outage). */
export type AuthHook = (credentials: Credentials) => MaybePromise<{ readonly account: string } | Reply | null>

/** Every limit; each has a default fit for the open Internet. */
export interface Limits {
  /** Largest message, announced as SIZE; 35 MiB. */
  readonly messageOctets: number
  /** How far past that a peer may stream before it is cut off rather than heard out; 1 MiB. */
  readonly oversizeSlackOctets: number
  /** Recipients of one transaction; 1,000. More get 452. */
  readonly recipients: number
  /** Longest command line, CRLF excluded; 2,048. AUTH lines may have 12,288 (RFC 4954 §4). */
  readonly commandOctets: number
  /** Connections at once; 2,000. */
  readonly connections: number
  /** Connections at once from one address (IPv6: one /64); 50, null for any number. */
  readonly connectionsPerAddress: number | null
  /** New connections a minute from one address; 300, null for any number. */
  readonly connectionsPerAddressPerMinute: number | null
  /** Errors (as counted per session) from one address in ten minutes, then 421; 200, null for any number. */
  readonly errorsPerAddress: number | null
  /** Errors in one session before answers slow down; 10. A stored message sets the count to 0. */
  readonly errorsBeforeDelay: number
  /** Errors in one session that are still answered; the next is 421; 20. */
  readonly errorsBeforeClose: number
  /** How long each error reply waits once answers slow down; 1,000. */
  readonly errorDelayMs: number
  /** Failed logins in one session; the last is answered with 421; 4. */
  readonly loginFailures: number
  /** NOOP, RSET, VRFY and other commands without effect between two messages; more are errors; 100. */
  readonly junkCommands: number
  /** Pause before the greeting, in which a peer that speaks is refused; 0 for none. */
  readonly greetingPauseMs: number
  /** TLS handshake and PROXY header; 30 s. */
  readonly handshakeMs: number
  /** For each whole command, from the end of the one before; 5 min (RFC 5321 §4.5.3.2.7). */
  readonly commandMs: number
  /** Stretch of mail data in which the minimum rate must be kept; 3 min (RFC 5321 §4.5.3.2.5). */
  readonly dataWindowMs: number
  /** Minimum rate of mail data over each window; 64. */
  readonly dataOctetsPerSecond: number
  /** All mail data of one transaction; 1 h. */
  readonly dataMs: number
  /** One session; 12 h. */
  readonly sessionMs: number
  /** Connect, helo, mail, rcpt and auth hooks; 30 s. */
  readonly policyMs: number
  /** The data hook, from the end of mail data; 5 min (a client waits 10, RFC 5321 §4.5.3.2.6). */
  readonly dataHookMs: number
}

/** A certificate with its key. */
export interface TlsOptions {
  /** PEM. */
  readonly key: string | Buffer
  /** PEM, the chain included. */
  readonly cert: string | Buffer
}

/** What a listener is made of. */
export interface SmtpServerOptions {
  readonly mode: Mode
  /** Our name, in the greeting and for bare `<Postmaster>`. */
  readonly hostname: string
  /** After the name in the greeting; nothing by default, so strangers learn no product and version. */
  readonly banner?: string
  /** Without it there is no STARTTLS. */
  readonly tls?: TlsOptions
  /** TLS from the first octet. */
  readonly implicitTls?: boolean
  /** MAIL only inside TLS (530 before). */
  readonly requireTls?: boolean
  readonly limits?: Partial<Limits>
  /** Default `normalize`. */
  readonly lineEnds?: LineEndPolicy
  /** Advertise and read DSN parameters (RFC 3461); only for a host that acts on them. */
  readonly dsn?: boolean
  /** Advertise REQUIRETLS inside TLS (RFC 8689); only for a host that honours it when it passes mail on. */
  readonly requireTlsExtension?: boolean
  /** Addresses and CIDR networks whose connections begin with a PROXY header, version 1 or 2. */
  readonly trustedProxies?: readonly string[]
  /** Addresses and CIDR networks that may use XCLIENT. */
  readonly xclientFrom?: readonly string[]
  readonly auth?: AuthHook
  /** MAIL only after AUTH (530 before); default true for `submission`. */
  readonly requireAuth?: boolean
  /** Where AUTH is offered without TLS; default `never`. */
  readonly authWithoutTls?: 'never' | 'loopback' | 'always'
  readonly policy: Policy
  readonly data: DataHook
  readonly onEvent?: (event: SmtpEvent) => void
  /** For tests; milliseconds that never go back. */
  readonly nowMs?: () => number
}

/** Where to listen: an address and port, a path, or a socket that was opened before (systemd, a parent). */
export interface ListenOptions {
  readonly host?: string
  /** 0: any free one. */
  readonly port?: number
  /** A Unix socket. */
  readonly path?: string
  /** An inherited listening socket. */
  readonly fd?: number
  readonly backlog?: number
}

/** Limits fit for the open Internet. */
export const DEFAULT_LIMITS: Limits = {
  messageOctets: 35 * 1024 * 1024,
  oversizeSlackOctets: 1024 * 1024,
  recipients: 1_000,
  commandOctets: 2_048,
  connections: 2_000,
  connectionsPerAddress: 50,
  connectionsPerAddressPerMinute: 300,
  errorsPerAddress: 200,
  errorsBeforeDelay: 10,
  errorsBeforeClose: 20,
  errorDelayMs: 1_000,
  loginFailures: 4,
  junkCommands: 100,
  greetingPauseMs: 0,
  handshakeMs: 30_000,
  commandMs: 300_000,
  dataWindowMs: 180_000,
  dataOctetsPerSecond: 64,
  dataMs: 3_600_000,
  sessionMs: 43_200_000,
  policyMs: 30_000,
  dataHookMs: 300_000,
}
