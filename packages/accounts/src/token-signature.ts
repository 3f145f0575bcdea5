import { verify as verifySignature } from 'node:crypto'
import { createKeySet, type KeySetOptions, type SignatureAlgorithm, type SigningKey } from './key-set.ts'
import {
  findFault,
  isObject,
  TOKEN_MAX_LENGTH,
  type TokenOutcome,
  type TokenRules,
  type TokenVerifier,
} from './token.ts'

/** How tokens that are JWTs are checked: by signature, without asking about each. */
export type SignatureOptions = TokenRules & KeySetOptions & { readonly audience: string }

const ALGORITHMS: readonly unknown[] = ['RS256', 'ES256'] satisfies SignatureAlgorithm[]
const TYPES: readonly unknown[] = [undefined, 'jwt', 'at+jwt', 'application/jwt', 'application/at+jwt']

/** Checks JWTs (RFC 7519, RFC 9068) signed with RS256 or ES256 by a key of the issuer's set. */
export function createSignatureCheck(options: SignatureOptions): TokenVerifier {
  const keys = createKeySet(options)
  return {
    async verify(token): Promise<TokenOutcome> {
      const jws = readJws(token)
      if (jws === null) return { refused: 'malformed' }
      const { alg, kid, typ, crit } = jws.header
      if (!ALGORITHMS.includes(alg) || crit !== undefined) return { refused: 'unsupported' }
      if (!TYPES.includes(typeof typ === 'string' ? typ.toLowerCase() : typ))
        return { refused: 'unsupported' }
      if (kid !== undefined && typeof kid !== 'string') return { refused: 'malformed' }
      const found = await keys.find(alg as SignatureAlgorithm, kid ?? null)
      if (found.length === 0) return { refused: 'unknown-key' }
      if (!found.some((key) => fits(key, jws))) return { refused: 'bad-signature' }
      const fault = findFault(jws.claims, options, options.now(), true)
      return fault === null ? { claims: jws.claims } : { refused: fault }
    },
  }
}

interface Jws {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** The compact form of RFC 7515 §7.1 with a JSON payload. */
function readJws(token: string): Jws | null {
  if (token.length > TOKEN_MAX_LENGTH) return null
  const parts = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(token)
  if (parts === null) return null
  const header = readJson(parts[1] as string)
  const claims = readJson(parts[2] as string)
  if (header === null || claims === null) return null
  const signed = Buffer.from(`${parts[1]}.${parts[2]}`, 'latin1')
  return { header, claims, signed, signature: Buffer.from(parts[3] as string, 'base64url') }
}

function readJson(part: string): Readonly<Record<string, unknown>> | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part, 'base64url'))
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

function fits({ algorithm, key }: SigningKey, { signed, signature }: Jws): boolean {
  return algorithm === 'ES256'
    ? verifySignature('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)
    : verifySignature('sha256', signed, key, signature)
}
