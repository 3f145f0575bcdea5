import { createPublicKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto'
import { askIssuer } from './issuer-answer.ts'
import { IssuerError, isObject } from './token.ts'

/** Signatures that are understood (RFC 7518 §3.1). */
export type SignatureAlgorithm = 'RS256' | 'ES256'

/** One public key of an issuer. */
export interface SigningKey {
  readonly kid: string | null
  readonly algorithm: SignatureAlgorithm
  readonly key: KeyObject
}

/** The keys an issuer signs with, fetched when they are needed. */
export interface KeySet {
  /**
   * The keys a token may have been signed with: those of its `kid`, or without one all that fit.
   * @throws {IssuerError} where they cannot be had
   */
  find(algorithm: SignatureAlgorithm, kid: string | null): Promise<readonly SigningKey[]>
}

/** Where keys come from, and how often. */
export interface KeySetOptions {
  readonly url: string
  readonly timeoutMs: number
  readonly now: () => number
  /** Keys older than this are fetched again. Default 1 h. */
  readonly freshMs?: number
  /** Where that fails, they are trusted on until they are this old. Default 24 h. */
  readonly staleMs?: number
  /** An unknown `kid` fetches anew, but not more often than this. Default 30 s. */
  readonly refetchMs?: number
}

/** After a fetch that failed. */
const RETRY_MS = 5_000
const KEYS_MOST = 100
const RSA_BITS_LEAST = 2048
/** Keys tried for a token that does not say which one it is. */
const TRIED_MOST = 8

/** Makes a key set; nothing is fetched before the first token. */
export function createKeySet(options: KeySetOptions): KeySet {
  const { now, freshMs = 3_600_000, staleMs = 86_400_000, refetchMs = 30_000 } = options
  let keys: readonly SigningKey[] = []
  let fetchedMs = Number.NEGATIVE_INFINITY
  let triedMs = Number.NEGATIVE_INFINITY
  let failure: IssuerError | null = null
  let fetching: Promise<void> | null = null

  async function fetchKeys(): Promise<void> {
    triedMs = now()
    try {
      keys = readKeys(await askIssuer({ url: options.url, timeoutMs: options.timeoutMs }), options.url)
      fetchedMs = now()
      failure = null
    } catch (error) {
      failure = error as IssuerError
    }
  }

  /** Fetches, unless that was tried a moment ago. A clock that was set back does not stop it. */
  async function refresh(): Promise<void> {
    const sinceMs = now() - triedMs
    const waitMs = failure === null ? refetchMs : Math.min(refetchMs, RETRY_MS)
    if (fetching === null && sinceMs >= 0 && sinceMs < waitMs) return
    fetching ??= fetchKeys().finally(() => {
      fetching = null
    })
    await fetching
  }

  return {
    async find(algorithm, kid) {
      const fitting = (): readonly SigningKey[] =>
        keys
          .filter((each) => each.algorithm === algorithm && (kid === null || each.kid === kid))
          .slice(0, TRIED_MOST)
      if (now() - fetchedMs >= staleMs) keys = []
      if (fitting().length === 0) await refresh()
      // Nobody waits for keys he does not need.
      else if (now() - fetchedMs >= freshMs) void refresh()
      const found = fitting()
      // It may well be a key that could not be fetched.
      if (found.length === 0 && failure !== null) throw failure
      return found
    },
  }
}

/** The usable keys of a JWK set (RFC 7517 §5); others, which are for something else, are passed over. */
function readKeys(answer: unknown, url: string): readonly SigningKey[] {
  const list = isObject(answer) ? answer['keys'] : undefined
  if (!Array.isArray(list)) throw new IssuerError(`${url} is no set of keys`)
  return list.slice(0, KEYS_MOST).flatMap((each: unknown) => readKey(each) ?? [])
}

function readKey(jwk: unknown): SigningKey | null {
  if (!isObject(jwk)) return null
  const { kty, crv, use, alg, kid } = jwk
  const algorithm = kty === 'RSA' ? 'RS256' : kty === 'EC' && crv === 'P-256' ? 'ES256' : null
  if (algorithm === null || (alg !== undefined && alg !== algorithm)) return null
  if (use !== undefined && use !== 'sig') return null
  try {
    const key = createPublicKey({ key: jwk as JsonWebKeyInput['key'], format: 'jwk' })
    if (kty === 'RSA' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < RSA_BITS_LEAST) return null
    return { kid: typeof kid === 'string' ? kid : null, algorithm, key }
  } catch {
    return null
  }
}
