import { createHmac, randomBytes } from 'node:crypto'
import { askIssuer } from './issuer-answer.ts'
import {
  endOf,
  findFault,
  IssuerError,
  isObject,
  TOKEN_MAX_LENGTH,
  type TokenClaims,
  type TokenOutcome,
  type TokenRules,
  type TokenVerifier,
} from './token.ts'

/** How tokens are checked by asking who made them. */
export interface IntrospectionOptions extends TokenRules {
  /** The introspection endpoint (RFC 7662). */
  readonly url: string
  /** Our name and secret there, sent as HTTP Basic (RFC 6749 §2.3.1). */
  readonly clientId: string
  readonly clientSecret: string
  readonly timeoutMs: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** How long an active token is not asked about again, at most until it expires: a revocation shows this late. Default 60 s. */
  readonly cacheTtlMs?: number
  /** Default 10,000. */
  readonly cacheEntries?: number
  /** Questions under way at once; more are an outage at once. Default 64. */
  readonly questions?: number
}

interface Known {
  readonly claims: TokenClaims
  readonly untilMs: number
}

/** Checks tokens by asking the issuer about each; equal tokens side by side are one question. */
export function createIntrospection(options: IntrospectionOptions): TokenVerifier {
  const { now, cacheTtlMs = 60_000, cacheEntries = 10_000, questions = 64 } = options
  // Tokens are secrets: what is remembered is named by a hash nobody else can make.
  const key = randomBytes(32)
  const known = new Map<string, Known>()
  const asked = new Map<string, Promise<TokenClaims | null>>()
  const encode = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1)
  const basic = Buffer.from(`${encode(options.clientId)}:${encode(options.clientSecret)}`).toString('base64')

  /** The claims of an active token, null for any other. */
  async function ask(token: string): Promise<TokenClaims | null> {
    const answer = await askIssuer({
      url: options.url,
      timeoutMs: options.timeoutMs,
      headers: { authorization: `Basic ${basic}` },
      form: new URLSearchParams({ token, token_type_hint: 'access_token' }),
    })
    if (!isObject(answer) || typeof answer['active'] !== 'boolean')
      throw new IssuerError(`${options.url} did not say whether the token is active`)
    return answer['active'] ? answer : null
  }

  function remember(name: string, claims: TokenClaims): void {
    const untilMs = Math.min(now() + cacheTtlMs, endOf(claims) ?? Number.POSITIVE_INFINITY)
    if (untilMs <= now()) return
    known.delete(name)
    if (known.size >= cacheEntries) known.delete(known.keys().next().value as string)
    known.set(name, { claims, untilMs })
  }

  async function claimsOf(token: string): Promise<TokenClaims | null> {
    const name = createHmac('sha256', key).update(token).digest('base64')
    const kept = known.get(name)
    if (kept !== undefined) {
      if (now() < kept.untilMs) return kept.claims
      known.delete(name)
    }
    let answer = asked.get(name)
    if (answer === undefined) {
      if (asked.size >= questions) throw new IssuerError('too many questions are under way')
      answer = ask(token).finally(() => asked.delete(name))
      asked.set(name, answer)
    }
    const claims = await answer
    if (claims !== null) remember(name, claims)
    return claims
  }

  return {
    async verify(token): Promise<TokenOutcome> {
      if (token === '' || token.length > TOKEN_MAX_LENGTH) return { refused: 'malformed' }
      const claims = await claimsOf(token)
      if (claims === null) return { refused: 'inactive' }
      const fault = findFault(claims, options, now(), false)
      return fault === null ? { claims } : { refused: fault }
    },
  }
}
