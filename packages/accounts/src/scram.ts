import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { utf8Octets, utf8Text } from '@restante/mail'
import { processHashGate } from './hash-gate.ts'
import { type HashOptions, readSecret, requireSecret, runPbkdf2, type Secret } from './password.ts'

/** What a server needs for SCRAM-SHA-256 (RFC 5802, RFC 7677); not enough to log in with elsewhere by itself. */
export interface ScramVerifier {
  readonly iterations: number
  readonly salt: Uint8Array
  /** 32 octets. */
  readonly storedKey: Uint8Array
  /** 32 octets. */
  readonly serverKey: Uint8Array
}

/** Iterations for generated device passwords, whose 108 random bits need no stretching: the least RFC 7677 allows. */
export const SCRAM_DEVICE_ITERATIONS = 4096
/** Iterations for passwords people choose. The client pays them at each login. */
export const SCRAM_ACCOUNT_ITERATIONS = 32_768

const SALT_OCTETS = 16
const TEXT =
  /^SCRAM-SHA-256\$([1-9]\d{3,6}):([A-Za-z0-9+/]{4,88}={0,2})\$([A-Za-z0-9+/]{43}=):([A-Za-z0-9+/]{43}=)$/

function hmac(key: Uint8Array, text: string | Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(text).digest()
}

function base64(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('base64')
}

/** A secret's octets as SCRAM sees them: NFKC (SASLprep without its tables, RFC 4013); other octets unchanged. */
function prepare(octets: Uint8Array): Uint8Array {
  const text = utf8Text(octets)
  return text === null ? octets : utf8Octets(text.normalize('NFKC'))
}

async function derive(
  octets: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  options: HashOptions,
): Promise<ScramVerifier> {
  const salted = await (options.gate ?? processHashGate).run(
    () => runPbkdf2(prepare(octets), salt, iterations),
    options,
  )
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest()
  return { iterations, salt, storedKey, serverKey: hmac(salted, 'Server Key') }
}

/**
 * Makes the verifier text for scheme `scram-sha-256`: `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`, parts in
 * base64 (the form PostgreSQL uses).
 * @param iterations 4096 to 9,999,999
 * @throws {SecretError}
 * @throws {BusyError}
 */
export async function makeScramVerifier(
  secret: Secret,
  iterations: number,
  options: HashOptions = {},
): Promise<string> {
  const made = await derive(requireSecret(secret), randomBytes(SALT_OCTETS), iterations, options)
  return `SCRAM-SHA-256$${iterations}:${base64(made.salt)}$${base64(made.storedKey)}:${base64(made.serverKey)}`
}

/** Reads a verifier text; null if it is not one. */
export function parseScramVerifier(text: string): ScramVerifier | null {
  const parts = TEXT.exec(text)
  if (!parts) return null
  const [, iterations, salt, storedKey, serverKey] = parts as unknown as string[]
  return {
    iterations: Number(iterations),
    salt: Buffer.from(salt as string, 'base64'),
    storedKey: Buffer.from(storedKey as string, 'base64'),
    serverKey: Buffer.from(serverKey as string, 'base64'),
  }
}

/**
 * Whether a plain secret is the one a SCRAM verifier text was made from, for accounts that have nothing else.
 * @throws {BusyError}
 */
export async function verifyByScram(
  verifier: string,
  secret: Secret,
  options: HashOptions = {},
): Promise<boolean> {
  const octets = readSecret(secret)
  const kept = parseScramVerifier(verifier)
  if (typeof octets === 'string' || !kept) return false
  const made = await derive(octets, kept.salt, kept.iterations, options)
  return timingSafeEqual(made.storedKey, kept.storedKey)
}

/**
 * A verifier for a name that has none: always the same for the same name and key, so that asking twice does not tell
 * it from a real one, and fitted by no secret.
 * @param key at least 32 random octets; the same in every process that answers for the installation
 */
export function fakeScramVerifier(name: string, iterations: number, key: Uint8Array): ScramVerifier {
  return {
    iterations,
    salt: hmac(key, `salt ${name}`).subarray(0, SALT_OCTETS),
    storedKey: hmac(key, `stored ${name}`),
    serverKey: hmac(key, `server ${name}`),
  }
}
