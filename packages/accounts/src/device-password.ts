import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { readSecret, requireSecret, type Secret } from './password.ts'

/** Lower-case letters that are not taken for digits or each other. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz'
const GROUPS = 6
const GROUP_LETTERS = 4
const FORM = /^[abcdefghjkmnpqrstuvwxyz]{4}(?:-[abcdefghjkmnpqrstuvwxyz]{4}){5}$/

/**
 * Makes a device password such as `kbtq-xmwz-hdne-…`: 24 letters of 23, 108 bits, no digits, capitals or look-alikes.
 * @param random a source of random octets, `node:crypto` by default
 */
export function generateDevicePassword(random: (octets: number) => Uint8Array = randomBytes): string {
  // Octets past the last whole multiple of 23 would make some letters likelier: drawn again.
  const fair = 256 - (256 % LETTERS.length)
  let letters = ''
  while (letters.length < GROUPS * GROUP_LETTERS) {
    for (const octet of random(32)) {
      if (octet < fair && letters.length < GROUPS * GROUP_LETTERS) letters += LETTERS[octet % LETTERS.length]
    }
  }
  return (letters.match(/.{4}/g) as string[]).join('-')
}

/** Whether a text has the form {@link generateDevicePassword} gives. */
export function isGeneratedDevicePassword(text: string): boolean {
  return FORM.test(text)
}

const SALT_OCTETS = 16
const TEXT = /^([0-9a-f]{32})\$([0-9a-f]{64})$/

function tag(salt: Uint8Array, octets: Uint8Array): Buffer {
  return createHmac('sha256', salt).update(octets).digest()
}

/**
 * Makes the verifier text for scheme `hmac-sha-256`: one salted keyed hash. Only for generated secrets: their 108
 * bits cannot be searched, so that a slow hash would cost us at each login and an attacker nothing.
 * @throws {SecretError}
 * @throws {RangeError} for a secret of another form
 */
export function makeFastVerifier(secret: Secret): string {
  const octets = requireSecret(secret)
  if (typeof secret !== 'string' || !isGeneratedDevicePassword(secret))
    throw new RangeError('only generated device passwords may be kept under a fast hash')
  const salt = randomBytes(SALT_OCTETS)
  return `${salt.toString('hex')}$${tag(salt, octets).toString('hex')}`
}

/** Whether a secret is the one an `hmac-sha-256` verifier text was made from. Constant time. */
export function verifyFast(verifier: string, secret: Secret): boolean {
  const octets = readSecret(secret)
  const parts = TEXT.exec(verifier)
  if (typeof octets === 'string' || !parts) return false
  const wanted = Buffer.from(parts[2] as string, 'hex')
  return timingSafeEqual(tag(Buffer.from(parts[1] as string, 'hex'), octets), wanted)
}
