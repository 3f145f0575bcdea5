/**
 * Whose doing a refusal or failure was: the peer's (syntax, order, silence), a decision of the host's policy, a
 * hook that failed to decide, or the engine's own.
 */
export type Fault = 'peer' | 'policy' | 'hook' | 'ours'

interface OfSession {
  /** Session id, the same on every event of one connection and in the envelope. */
  readonly session: string
  readonly remoteAddress: string
}

/** A connection was accepted (its greeting may still be refused). */
export interface ConnectionEvent extends OfSession {
  readonly event: 'connection'
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  /** The proxy in between, if a trusted one announced the peer. */
  readonly proxyAddress: string | null
  readonly tls: string | null
}

/** TLS was started by STARTTLS. */
export interface TlsEvent extends OfSession {
  readonly event: 'tls'
  readonly tls: string
  readonly servername: string | null
}

/** Somebody tried to authenticate. */
export interface LoginEvent extends OfSession {
  readonly event: 'login'
  readonly mechanism: 'PLAIN' | 'LOGIN' | 'XCLIENT'
  /** The name as the peer gave it; never the password. */
  readonly name: string
  /** Null unless it succeeded. */
  readonly account: string | null
  readonly outcome: 'ok' | 'refused' | 'unavailable'
}

/** A command or connection was answered with 4xx or 5xx. */
export interface RefusalEvent extends OfSession {
  readonly event: 'refusal'
  readonly stage: Stage
  readonly code: number
  readonly enhanced: string
  readonly reason: string
  readonly fault: Fault
  /** Addresses the refusal is about, where there are any. */
  readonly from?: string
  readonly to?: string
}

/** Where in a session something was refused. */
export type Stage = 'connect' | 'helo' | 'auth' | 'mail' | 'rcpt' | 'data' | 'command'

/** A transaction has ended, whichever way. */
export interface TransactionEvent extends OfSession {
  readonly event: 'transaction'
  /** `<session>.<number>`, as in the envelope. */
  readonly transaction: string
  readonly from: string
  readonly recipients: number
  /** Mail data as received, dots unstuffed. */
  readonly sizeOctets: number
  readonly durationMs: number
  /** Reply codes: one in SMTP, one per recipient in LMTP; empty where the peer got none. */
  readonly codes: readonly number[]
  readonly reason: string
  readonly fault: Fault | null
}

/** Something failed that is not a plain refusal: a hook, a handshake, a socket. */
export interface FaultEvent {
  readonly event: 'fault'
  readonly session: string | null
  readonly where:
    | 'connect'
    | 'helo'
    | 'mail'
    | 'rcpt'
    | 'data'
    | 'auth'
    | 'tls'
    | 'socket'
    | 'listener'
    | 'proxy'
  readonly fault: Fault
  readonly code: string
  readonly error: unknown
}

/** A connection is gone: its summary. */
export interface SessionEndEvent extends OfSession {
  readonly event: 'session-end'
  readonly helo: string
  readonly tls: string | null
  readonly authenticatedAs: string | null
  readonly durationMs: number
  readonly octetsIn: number
  readonly octetsOut: number
  readonly commands: number
  readonly errors: number
  readonly transactions: number
  /** `quit`, `dropped`, or the reason id of the 421 that ended it. */
  readonly reason: string
}

/** What the engine tells its host, one flat object each, without secrets or mail data. */
export type SmtpEvent =
  | ConnectionEvent
  | TlsEvent
  | LoginEvent
  | RefusalEvent
  | TransactionEvent
  | FaultEvent
  | SessionEndEvent
