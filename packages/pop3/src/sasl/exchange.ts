import type { Credentials, Failure, ScramCredentials, ScramMechanism } from '../step.ts'

/** The SASL mechanisms this core speaks, by their registered names. */
export type MechanismName =
  | 'PLAIN'
  | 'LOGIN'
  | 'SCRAM-SHA-256'
  | 'SCRAM-SHA-256-PLUS'
  | 'OAUTHBEARER'
  | 'XOAUTH2'

/** Hashing and randomness from outside: the core has none of its own. */
export interface SaslTools {
  hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array
  sha256(octets: Uint8Array): Uint8Array
  /** A fresh text of at least 18 printable ASCII characters without a comma. */
  nonce(): string
  /** Constant-time comparison of arrays of one length. */
  equal(a: Uint8Array, b: Uint8Array): boolean
}

/** What an exchange wants next. */
export type SaslMove =
  | { readonly challenge: Uint8Array }
  | { readonly authenticate: Credentials }
  | { readonly scram: string; readonly mechanism: ScramMechanism }
  | { readonly refuse: 'bad-exchange' | 'auth-failed' }
  /** All said; the login stands or falls by what `authenticate` was answered. */
  | { readonly over: true }

/** One AUTH command under way. Each call gets what the last {@link SaslMove} asked for. */
export interface SaslExchange {
  /** The client's next message; null where AUTH came without an initial response. */
  respond(message: Uint8Array | null): SaslMove
  /** The backend accepted. */
  accepted(): SaslMove
  /** The backend refused; `challenge` is what an OAuth client should be told. */
  refused(failure: Failure, challenge: string | undefined): SaslMove
  /** The verifier for the name asked for. */
  scram(credentials: ScramCredentials): SaslMove
}

/** What an exchange may know of its connection. */
export interface SaslSurroundings {
  readonly tools: SaslTools | undefined
  /** Whether the -PLUS form was on offer, so that a client claiming otherwise was lied to. */
  readonly offersPlus: boolean
  readonly channelBinding: ((type: string) => Uint8Array | null) | undefined
}

/** Whether a mechanism puts a reusable secret on the wire, so that TLS must protect it. */
export function isPlain(mechanism: MechanismName): boolean {
  return !mechanism.startsWith('SCRAM')
}

/** saslname with `=2C` and `=3D` undone (RFC 5801 §4), or undefined where it is malformed. */
export function decodeSaslName(text: string): string | undefined {
  if (/=(?!2C|3D)/.test(text)) return undefined
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=')
}
