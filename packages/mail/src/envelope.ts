import type { Path } from './path.ts'

/** How a message was handed in (RFC 3848, "with" keywords; `local` = no connection, `restante deliver`). */
export type WithProtocol =
  | 'SMTP'
  | 'ESMTP'
  | 'ESMTPS'
  | 'ESMTPA'
  | 'ESMTPSA'
  | 'UTF8SMTP'
  | 'UTF8SMTPS'
  | 'UTF8SMTPA'
  | 'UTF8SMTPSA'
  | 'LMTP'
  | 'LMTPS'
  | 'UTF8LMTP'
  | 'UTF8LMTPS'
  | 'local'

/** What surrounds mail data on its way in (RFC 5321 §2.3.1). */
export interface Envelope {
  /** Null for `MAIL FROM:<>`. */
  readonly reversePath: Path | null
  readonly recipients: readonly Path[]
  /** The peer's address; behind a trusted proxy, the one the proxy told. Empty for `local`. */
  readonly clientIp: string
  /** The peer's own name in HELO/EHLO/LHLO; empty for `local`. */
  readonly helo: string
  readonly receivedAtMs: number
  readonly protocol: WithProtocol
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384`, or null without TLS. */
  readonly tls: string | null
  /** The account that authenticated, or null. */
  readonly authenticatedAs: string | null
  /** Session and transaction id, the same in reply, log and trace. */
  readonly sessionId: string
}
