import type { Octets } from '@restante/mail'
import type { MechanismName } from '@restante/pop3'

/** What proves who we are: a password, or an OAuth 2 access token. */
export type Login =
  | { readonly name: string; readonly password: string }
  | { readonly name: string; readonly token: string }

/** Most that is taken from a server, whatever it says. */
export interface ClientLimits {
  /** A status line, or a line of LIST, UIDL and CAPA (RFC 2449 §4 allows 512). */
  readonly lineOctets: Octets
  /** A challenge in an AUTH exchange. */
  readonly challengeOctets: Octets
  /** Lines of LIST and UIDL. */
  readonly messages: number
  /** One message of RETR or TOP. */
  readonly messageOctets: Octets
  /** One message taken whole into memory. */
  readonly wholeOctets: Octets
  /** Iterations of the password hash in SCRAM. */
  readonly scramIterations: number
}

/** How long is waited. */
export interface ClientTimeouts {
  /** From the first packet to the greeting, TLS included. */
  readonly connectMs: number
  /** For each whole status line, and each line of a listing. */
  readonly replyMs: number
  /** Silence within a message. */
  readonly silenceMs: number
  /** How long a message that has begun may stay unread by its reader before the connection is given up. */
  readonly stalledMs: number
}

/** Limits against a hostile server. */
export const DEFAULT_CLIENT_LIMITS: ClientLimits = {
  lineOctets: 4_096,
  challengeOctets: 65_536,
  messages: 1_000_000,
  messageOctets: 268_435_456,
  wholeOctets: 67_108_864,
  scramIterations: 1_000_000,
}

/** Times, milliseconds, that fit slow networks. */
export const DEFAULT_CLIENT_TIMEOUTS: ClientTimeouts = {
  connectMs: 30_000,
  replyMs: 120_000,
  silenceMs: 60_000,
  stalledMs: 300_000,
}

/** Which server, and who logs in there. */
export interface ConnectOptions {
  readonly host: string
  /** Default 995 for `implicit`, else 110. */
  readonly port?: number
  /**
   * `implicit` (default): TLS from the first octet (RFC 8314). `stls`: TLS before anything is told; where the server
   * has none, nothing is told. `none`: in the clear, for loopback and tunnels.
   */
  readonly tls?: 'implicit' | 'stls' | 'none'
  /** Certificates to trust in place of the system's, PEM. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[] | undefined
  /** The name the certificate must have. Default `host`. */
  readonly servername?: string
  /** `false` talks to anybody. Default true. */
  readonly rejectUnauthorized?: boolean
  readonly login: Login
  /**
   * How to log in. By default: a token goes by OAUTHBEARER or XOAUTH2; a password under TLS by PLAIN, LOGIN or USER,
   * in the clear by SCRAM-SHA-256 where the server has it. Servers keep SCRAM verifiers for some accounts only, and
   * offer it for all: ask for SCRAM-SHA-256-PLUS where you know that yours has one.
   */
  readonly mechanism?: MechanismName | 'USER'
  /** Ask for UTF-8 names and header fields (RFC 6856), where the server can. */
  readonly utf8?: boolean
  /** Ends the connection, at any time. */
  readonly signal?: AbortSignal
  readonly timeouts?: Partial<ClientTimeouts>
  readonly limits?: Partial<ClientLimits>
  /** Commands on their way at once where the server pipelines. Default 32; 1 = never. */
  readonly window?: number
}
