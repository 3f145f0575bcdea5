/** What an issuer says about a token, by claim name (RFC 7519 §4, RFC 7662 §2.2). */
export type TokenClaims = Readonly<Record<string, unknown>>

/** Why a token is not taken. */
export type TokenRefusal =
  | 'malformed'
  | 'unsupported'
  | 'unknown-key'
  | 'bad-signature'
  | 'inactive'
  | 'expired'
  | 'not-yet-valid'
  | 'wrong-issuer'
  | 'wrong-audience'
  | 'insufficient-scope'

/** What came of checking a token. */
export type TokenOutcome = { readonly claims: TokenClaims } | { readonly refused: TokenRefusal }

/** Checks access tokens. */
export interface TokenVerifier {
  /** @throws {IssuerError} where the issuer gave no usable answer: nothing was decided */
  verify(token: string): Promise<TokenOutcome>
}

/** The issuer could not be asked, or its answer makes no sense. Nothing was decided; answer [SYS/TEMP] or 454. */
export class IssuerError extends Error {
  override readonly name = 'IssuerError'
  readonly code = 'issuer-unavailable'
}

/** What the claims of every token must say. */
export interface TokenRules {
  /** The `iss` claim, to the letter. */
  readonly issuer: string
  /** One of the `aud` claim; null takes any. */
  readonly audience: string | null
  /** One of the `scope` (or `scp`) claim; null asks for none. */
  readonly scope: string | null
  /** How far the clocks may be apart, in milliseconds. */
  readonly clockSkewMs: number
}

/** The longest token that is looked at, in characters. */
export const TOKEN_MAX_LENGTH = 16_384

/**
 * What speaks against claims at `nowMs`, or null.
 * @param strict a JWT: `iss` and `exp` must be there (RFC 9068 §2.2). An issuer asked about its own token may leave them out.
 */
export function findFault(
  claims: TokenClaims,
  rules: TokenRules,
  nowMs: number,
  strict: boolean,
): TokenRefusal | null {
  const { iss, aud, exp, nbf } = claims
  if (iss !== rules.issuer && (strict || iss !== undefined)) return 'wrong-issuer'
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (rules.audience !== null && !audiences.includes(rules.audience)) return 'wrong-audience'
  if (!isTime(exp) && (strict || exp !== undefined)) return 'malformed'
  if (!isTime(nbf) && nbf !== undefined) return 'malformed'
  if (isTime(exp) && nowMs >= exp * 1000 + rules.clockSkewMs) return 'expired'
  if (isTime(nbf) && nowMs < nbf * 1000 - rules.clockSkewMs) return 'not-yet-valid'
  if (rules.scope !== null && !scopesOf(claims).includes(rules.scope)) return 'insufficient-scope'
  return null
}

/** `exp` in milliseconds, or null where the claims set no end. */
export function endOf(claims: TokenClaims): number | null {
  return isTime(claims['exp']) ? claims['exp'] * 1000 : null
}

/** Whether a parsed JSON text is an object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && Math.abs(value) < 1e12
}

function scopesOf(claims: TokenClaims): readonly unknown[] {
  const said = claims['scope'] ?? claims['scp']
  if (Array.isArray(said)) return said
  return typeof said === 'string' ? said.split(' ') : []
}
