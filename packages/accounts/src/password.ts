import { argon2, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { utf8Octets } from '@restante/mail'
import { type HashGate, type HashTurn, processHashGate } from './hash-gate.ts'

/** The longest secret that is looked at, in octets. */
export const SECRET_MAX_OCTETS = 4096

/** A secret as a person typed it (then its UTF-8 octets count) or as octets from the wire. Never trimmed. */
export type Secret = string | Uint8Array

/** A secret that cannot be one: `empty`, `too-long`, `nul` (an octet 0) or `not-utf8` (a broken string). */
export class SecretError extends Error {
  override readonly name = 'SecretError'
  readonly code: 'empty' | 'too-long' | 'nul' | 'not-utf8'
  constructor(code: SecretError['code']) {
    super(`not usable as a password: ${code}`)
    this.code = code
  }
}

/** How a secret is hashed. */
export interface HashOptions extends HashTurn {
  /** Default {@link processHashGate}. */
  readonly gate?: HashGate
}

/** argon2id as OWASP's first choice has it: 19 MiB, 2 passes, 1 lane. */
const ARGON2 = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const
const NONCE_OCTETS = 16
const PHC =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,128})\$([A-Za-z0-9+/]{11,128})$/

/** What a foreign argon2id verifier may cost us: 256 MiB, 16 passes. */
const ARGON2_MAX = { memory: 262_144, passes: 16, parallelism: 16 } as const

/** The octets of a secret, or why it cannot be one. */
export function readSecret(secret: Secret): Uint8Array | SecretError['code'] {
  if (typeof secret === 'string' && !secret.isWellFormed()) return 'not-utf8'
  if (secret.length > SECRET_MAX_OCTETS) return 'too-long'
  const octets = typeof secret === 'string' ? utf8Octets(secret) : secret
  if (octets.length === 0) return 'empty'
  if (octets.length > SECRET_MAX_OCTETS) return 'too-long'
  return octets.includes(0) ? 'nul' : octets
}

/** The octets of a secret that is about to be kept. @throws {SecretError} */
export function requireSecret(secret: Secret): Uint8Array {
  const octets = readSecret(secret)
  if (typeof octets === 'string') throw new SecretError(octets)
  return octets
}

interface Argon2Parameters {
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
  readonly tagLength: number
}

function runArgon2(
  message: Uint8Array,
  nonce: Uint8Array,
  parameters: Argon2Parameters,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    argon2('argon2id', { message, nonce, ...parameters }, (error, tag) => {
      if (error) reject(error)
      else resolve(tag)
    })
  })
}

/** PBKDF2-HMAC-SHA-256 of 32 octets, on the thread pool. */
export function runPbkdf2(secret: Uint8Array, salt: Uint8Array, iterations: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    pbkdf2(secret, salt, iterations, 32, 'sha256', (error, key) => {
      if (error) reject(error)
      else resolve(key)
    })
  })
}

/** Base64 as PHC strings write it: without padding. */
function phcBase64(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('base64').replace(/=+$/, '')
}

/**
 * Hashes a password for keeping: a PHC string of argon2id (19 MiB, 2 passes, 1 lane, RFC 9106), scheme `argon2id`.
 * Takes about 45 ms of one core, off the event loop.
 * @throws {SecretError}
 * @throws {BusyError}
 */
export async function hashPassword(secret: Secret, options: HashOptions = {}): Promise<string> {
  const message = requireSecret(secret)
  const nonce = randomBytes(NONCE_OCTETS)
  const tag = await (options.gate ?? processHashGate).run(() => runArgon2(message, nonce, ARGON2), options)
  const { memory, passes, parallelism } = ARGON2
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${phcBase64(nonce)}$${phcBase64(tag)}`
}

/**
 * Whether a secret is the one an argon2id PHC string was made from. Constant time once hashed. A verifier that is
 * not one, or that would cost more than 256 MiB or 16 passes, fits nothing.
 * @throws {BusyError}
 */
export async function verifyPassword(
  verifier: string,
  secret: Secret,
  options: HashOptions = {},
): Promise<boolean> {
  const message = readSecret(secret)
  const parts = PHC.exec(verifier)
  if (typeof message === 'string' || !parts) return false
  const [, memory, passes, parallelism, nonceText, tagText] = parts
  const nonce = Buffer.from(nonceText as string, 'base64')
  const wanted = Buffer.from(tagText as string, 'base64')
  const parameters: Argon2Parameters = {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: wanted.length,
  }
  const affordable =
    parameters.memory <= ARGON2_MAX.memory &&
    parameters.memory >= 8 * parameters.parallelism &&
    parameters.passes >= 1 &&
    parameters.passes <= ARGON2_MAX.passes &&
    parameters.parallelism >= 1 &&
    parameters.parallelism <= ARGON2_MAX.parallelism
  if (!affordable) return false
  const tag = await (options.gate ?? processHashGate).run(
    () => runArgon2(message, nonce, parameters),
    options,
  )
  return timingSafeEqual(tag, wanted)
}

/**
 * Costs exactly what {@link verifyPassword} costs for a verifier of ours, and fits nothing: for accounts that do
 * not exist.
 * @throws {BusyError}
 */
export async function verifyNothing(secret: Secret, options: HashOptions = {}): Promise<false> {
  const message = readSecret(secret)
  if (typeof message === 'string') return false
  const nonce = new Uint8Array(NONCE_OCTETS)
  await (options.gate ?? processHashGate).run(() => runArgon2(message, nonce, ARGON2), options)
  return false
}
