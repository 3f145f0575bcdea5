import type { Octets, Thresholds } from '@restante/mail'
import type { AccountId } from './words.ts'

/** An owner of maildrops. */
export interface Account {
  readonly id: AccountId
  /** Canonical `local@domain` (lower case, NFC). */
  readonly address: string
  readonly createdAtMs: number
  /** Grows with every change of its credentials, so that cached logins die with the old ones. */
  readonly generation: number
  /** Null = no limit. */
  readonly quotaOctets: Octets | null
  readonly quotaMessages: number | null
  /** Its own thresholds, over the domain's and the global ones; absent keys are not overridden. */
  readonly thresholds: Partial<Thresholds>
}

/** What may be changed of an account; absent keys stay. */
export interface AccountChange {
  readonly quotaOctets?: Octets | null
  readonly quotaMessages?: number | null
  /** Takes the place of all the account had. */
  readonly thresholds?: Partial<Thresholds>
}

/** Something an owner proves who he is with. */
export interface Credential {
  /** Empty for the account password, else the device's name (1-64 characters). */
  readonly device: string
  /** `argon2id`, `scram-sha-256`, or a scheme taken over from another server. */
  readonly scheme: string
  /** The verifier in the scheme's own text form; never the secret. */
  readonly verifier: string
  readonly createdAtMs: number
}

/** A domain mail is taken for. */
export interface Domain {
  /** Canonical: lower case, NFC. */
  readonly name: string
  /** Where mail for unknown names goes, after real accounts and aliases; an address, or null. */
  readonly catchAll: string | null
}

/** Another name for one or more addresses. */
export interface Alias {
  readonly address: string
  /** Addresses, ours or foreign; 1 to 100. */
  readonly targets: readonly string[]
}

/** How much an account keeps, quarantine included, removed mail not. */
export interface Usage {
  readonly octets: Octets
  readonly messages: number
}

/**
 * Domains, accounts, aliases and credentials: the only place where they live. Addresses and names come in canonical.
 * Changes are durable when they resolve and seen by every process at its next look.
 */
export interface Directory {
  domains(): Promise<readonly Domain[]>
  domain(name: string): Promise<Domain | null>
  /** Adds or changes a domain. */
  putDomain(domain: Domain): Promise<void>
  removeDomain(name: string): Promise<boolean>

  /** In order of address. */
  accounts(): Promise<readonly Account[]>
  account(id: AccountId): Promise<Account | null>
  accountByAddress(address: string): Promise<Account | null>
  /** The domain is added with it where it is missing. Null if account or alias of that address exists already. */
  addAccount(
    address: string,
    credentials?: readonly Omit<Credential, 'createdAtMs'>[],
  ): Promise<Account | null>
  changeAccount(id: AccountId, change: AccountChange): Promise<Account | null>
  /**
   * Removes the account for good with its mail, removed mail, records, credentials and views, and with the feedback
   * and lessons it owns. Copies other accounts have of the same mail stay. False if there is none.
   */
  eraseAccount(id: AccountId): Promise<boolean>
  /** Nothing for an unknown account. */
  usage(id: AccountId): Promise<Usage>

  credentials(id: AccountId): Promise<readonly Credential[]>
  /**
   * Replaces every credential of that device (empty = the account password); raises `generation`. False if there is
   * no such account.
   */
  setCredentials(
    id: AccountId,
    device: string,
    credentials: readonly Omit<Credential, 'createdAtMs' | 'device'>[],
  ): Promise<boolean>
  /** Takes a device's credentials and its view (what it has hidden) away; raises `generation`. False if unknown. */
  removeDevice(id: AccountId, device: string): Promise<boolean>

  aliases(): Promise<readonly Alias[]>
  alias(address: string): Promise<Alias | null>
  /** Adds or changes an alias; false if an account has that address. */
  putAlias(alias: Alias): Promise<boolean>
  removeAlias(address: string): Promise<boolean>
}
