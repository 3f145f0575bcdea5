/** What is true of one connection; `secure` and `channelBinding` change by STLS. */
export interface SessionSituation {
  /** Octets travel under TLS. */
  readonly secure: boolean
  /** STLS can be offered. */
  readonly canStartTls: boolean
  /** Passwords may cross even without TLS. */
  readonly plainLogin: boolean
  /** The peer may use XCLIENT. */
  readonly xclient: boolean
  /** TLS channel binding octets by type (`tls-exporter`, `tls-server-end-point`), or null. */
  readonly channelBinding?: (type: string) => Uint8Array | null
}
