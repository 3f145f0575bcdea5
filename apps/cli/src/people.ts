import { accountCredentials, makeScramVerifier, SecretError } from '@restante/accounts'
import { canonicalAddress, parsePath } from '@restante/mail'
import type { Account, Directory } from '@restante/maildrop'
import { CommandError, EXIT, usage } from './exit.ts'

/** The canonical form of an address given on the command line. @throws {CommandError} exit 2 */
export function readAddress(text: string): string {
  const path = parsePath(text)
  if (path === null) throw usage(`“${text}” is not an address; it looks like anna@acme.example.`)
  return canonicalAddress(path)
}

/** The account of an address given on the command line. @throws {CommandError} exit 1 */
export async function requireAccount(directory: Directory, text: string): Promise<Account> {
  const account = await directory.accountByAddress(readAddress(text))
  if (account === null)
    throw new CommandError(EXIT.finding, `There is no account ${text}. See: restante account list`)
  return account
}

/** Adds an account with a password. @throws {CommandError} where it exists or the password cannot be one */
export async function createAccount(
  directory: Directory,
  address: string,
  password: string,
): Promise<Account> {
  const credentials = await passwordCredentials(password)
  const account = await directory.addAccount(
    address,
    credentials.map((made) => ({ ...made, device: '' })),
  )
  if (account === null)
    throw new CommandError(EXIT.finding, `${address} exists already, as an account or an alias.`)
  return account
}

/** What is kept for an account password. @throws {CommandError} exit 2 for a password that cannot be one */
export async function passwordCredentials(
  password: string,
  options: { readonly scram?: boolean } = {},
): Promise<readonly { readonly scheme: string; readonly verifier: string }[]> {
  try {
    return await accountCredentials(password, options)
  } catch (error) {
    if (error instanceof SecretError) throw usage(`This password cannot be used: ${error.code}.`)
    throw error
  }
}

/** RFC 7677 §4 asks for at least this many rounds. */
const DEV_SCRAM_ROUNDS = 4096
const DEV_STRONG_ACCOUNTS = 20

/**
 * Makes sure each `ADDRESS:PASSWORD` of a developer's instance exists with that password. The first few are hashed as in
 * earnest; a long list gets cheap verifiers only, so that ten thousand test accounts do not take minutes.
 */
export async function ensureDevAccounts(
  directory: Directory,
  entries: readonly { readonly address: string; readonly password: string }[],
): Promise<void> {
  const strong = entries.length <= DEV_STRONG_ACCOUNTS
  const ensure = async ({ address, password }: { address: string; password: string }): Promise<void> => {
    const credentials = strong
      ? await passwordCredentials(password, { scram: true })
      : [{ scheme: 'scram-sha-256', verifier: await makeScramVerifier(password, DEV_SCRAM_ROUNDS) }]
    const existing = await directory.accountByAddress(address)
    if (existing) await directory.setCredentials(existing.id, '', credentials)
    else
      await directory.addAccount(
        address,
        credentials.map((made) => ({ ...made, device: '' })),
      )
  }
  for (let at = 0; at < entries.length; at += 32) await Promise.all(entries.slice(at, at + 32).map(ensure))
}

/** Splits `ADDRESS:PASSWORD` at its first colon; the rest is the password to the letter. @throws {CommandError} exit 2 */
export function readAccountEntry(text: string): { readonly address: string; readonly password: string } {
  const colon = text.indexOf(':')
  if (colon < 1 || colon === text.length - 1)
    throw usage(`An account is written ADDRESS:PASSWORD, not “${text}”.`)
  return { address: readAddress(text.slice(0, colon)), password: text.slice(colon + 1) }
}
