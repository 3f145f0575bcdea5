import type { Credential, Directory } from '@restante/maildrop'
import { isGeneratedDevicePassword, makeFastVerifier } from './device-password.ts'
import { type HashOptions, hashPassword, type Secret } from './password.ts'
import { makeScramVerifier, SCRAM_ACCOUNT_ITERATIONS, SCRAM_DEVICE_ITERATIONS } from './scram.ts'

/** The schemes made here; others come from other servers. */
export const SCHEMES: {
  readonly argon2id: 'argon2id'
  readonly scram: 'scram-sha-256'
  readonly fast: 'hmac-sha-256'
} = { argon2id: 'argon2id', scram: 'scram-sha-256', fast: 'hmac-sha-256' }

/** What `Directory.setCredentials` takes. */
export type NewCredential = Omit<Credential, 'createdAtMs' | 'device'>

/**
 * What is kept for an account password: argon2id, and a SCRAM verifier only where wanted (`auth.scram: true`), since
 * its 32,768 rounds are far cheaper to search than argon2id.
 * @throws {SecretError}
 * @throws {BusyError}
 */
export async function accountCredentials(
  secret: Secret,
  options: HashOptions & { readonly scram?: boolean } = {},
): Promise<readonly NewCredential[]> {
  const made: NewCredential[] = [{ scheme: SCHEMES.argon2id, verifier: await hashPassword(secret, options) }]
  if (options.scram)
    made.push({
      scheme: SCHEMES.scram,
      verifier: await makeScramVerifier(secret, SCRAM_ACCOUNT_ITERATIONS, options),
    })
  return made
}

/**
 * What is kept for a device password: for a generated one a fast hash and a SCRAM verifier; for any other the same
 * as for an account password, without SCRAM.
 * @throws {SecretError}
 * @throws {BusyError}
 */
export async function deviceCredentials(
  secret: Secret,
  options: HashOptions = {},
): Promise<readonly NewCredential[]> {
  if (typeof secret !== 'string' || !isGeneratedDevicePassword(secret))
    return accountCredentials(secret, options)
  return [
    { scheme: SCHEMES.fast, verifier: makeFastVerifier(secret) },
    {
      scheme: SCHEMES.scram,
      verifier: await makeScramVerifier(secret, SCRAM_DEVICE_ITERATIONS, options),
    },
  ]
}

/**
 * Whether any account could log in by SCRAM, so that CAPA and EHLO offer only what somebody can use. Looks at accounts
 * until the first that can: ask at start and on reload, not for each session.
 * @throws {StoreError} as the directory does
 */
export async function hasScramCredentials(
  directory: Pick<Directory, 'accounts' | 'credentials'>,
): Promise<boolean> {
  for (const { id } of await directory.accounts())
    if ((await directory.credentials(id)).some((each) => each.scheme === SCHEMES.scram)) return true
  return false
}
