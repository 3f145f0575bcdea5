import type { Alias, Credential, Directory, Domain } from './directory.ts'
import type { MemoryLearning } from './memory-learning.ts'
import type { MemoryAccount, MemoryState } from './memory-state.ts'
import type { AccountId } from './words.ts'
import { deviceView } from './words.ts'

/** The directory of a memory store, and what seeding it needs. */
export interface MemoryDirectory extends Directory {
  /** Makes an account at once; null if account or alias of that address exists already. */
  add(address: string, credentials: readonly Omit<Credential, 'createdAtMs'>[]): MemoryAccount | null
}

/** Domains, accounts, aliases and credentials, in memory. */
export function memoryDirectory(state: MemoryState, learning: MemoryLearning): MemoryDirectory {
  const domains = new Map<string, Domain>()
  const aliases = new Map<string, Alias>()

  const add: MemoryDirectory['add'] = (address, credentials) => {
    if (aliases.has(address) || state.accountByAddress(address) !== null) return null
    const createdAtMs = state.now()
    const at = address.lastIndexOf('@')
    const domain = address.slice(at + 1)
    if (at > 0 && !domains.has(domain)) domains.set(domain, { name: domain, catchAll: null })
    const id: AccountId = `a${state.makeId()}`
    const account: MemoryAccount = {
      row: {
        id,
        address,
        createdAtMs,
        generation: 1,
        quotaOctets: null,
        quotaMessages: null,
        thresholds: {},
      },
      credentials: credentials.map((each) => ({ ...each, createdAtMs })),
      usage: { octets: 0, messages: 0 },
      folders: new Map(),
      removed: [],
      removeAfter: null,
      pickUps: new Map(),
    }
    state.accounts.set(id, account)
    return account
  }

  const putCredentials = (account: MemoryAccount, device: string, fresh: readonly Credential[]) => {
    account.credentials = [...account.credentials.filter((each) => each.device !== device), ...fresh]
    account.row = { ...account.row, generation: account.row.generation + 1 }
  }

  const directory: MemoryDirectory = {
    add,
    domains: async () => sortBy([...domains.values()], (domain) => domain.name),
    domain: async (name) => domains.get(name) ?? null,
    async putDomain(domain) {
      domains.set(domain.name, { name: domain.name, catchAll: domain.catchAll })
    },
    removeDomain: async (name) => domains.delete(name),

    accounts: async () =>
      sortBy(
        [...state.accounts.values()].map((account) => account.row),
        (row) => row.address,
      ),
    account: async (id) => state.account(id)?.row ?? null,
    accountByAddress: async (address) => state.accountByAddress(address)?.row ?? null,
    addAccount: async (address, credentials = []) => add(address, credentials)?.row ?? null,
    async changeAccount(id, change) {
      const account = state.account(id)
      if (account === null) return null
      const { quotaOctets, quotaMessages, thresholds } = account.row
      account.row = {
        ...account.row,
        quotaOctets: change.quotaOctets === undefined ? quotaOctets : change.quotaOctets,
        quotaMessages: change.quotaMessages === undefined ? quotaMessages : change.quotaMessages,
        thresholds: change.thresholds === undefined ? thresholds : { ...change.thresholds },
      }
      return account.row
    },
    async eraseAccount(id) {
      const account = state.account(id)
      if (account === null) return false
      state.purge([...state.copiesOf(id), ...account.removed])
      state.accounts.delete(id)
      state.dropRecords((record) => record.account === id)
      learning.erase(id)
      return true
    },
    usage: async (id) => state.account(id)?.usage ?? { octets: 0, messages: 0 },

    credentials: async (id) => state.account(id)?.credentials ?? [],
    async setCredentials(id, device, credentials) {
      const account = state.account(id)
      if (account === null) return false
      const createdAtMs = state.now()
      putCredentials(
        account,
        device,
        credentials.map((each) => ({ ...each, device, createdAtMs })),
      )
      return true
    },
    async removeDevice(id, device) {
      const account = state.account(id)
      if (account?.credentials.some((each) => each.device === device) !== true) return false
      putCredentials(account, device, [])
      state.unhide(account, deviceView(device))
      account.pickUps.delete(device)
      return true
    },

    aliases: async () => sortBy([...aliases.values()], (alias) => alias.address),
    alias: async (address) => aliases.get(address) ?? null,
    async putAlias(alias) {
      if (state.accountByAddress(alias.address) !== null) return false
      aliases.set(alias.address, { address: alias.address, targets: [...alias.targets] })
      return true
    },
    removeAlias: async (address) => aliases.delete(address),
  }
  return refuseWhenClosed(state, directory)
}

function sortBy<T>(rows: T[], key: (row: T) => string): T[] {
  return rows.sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** The same directory, every method of it rejecting once the store is closed. */
function refuseWhenClosed(state: MemoryState, directory: MemoryDirectory): MemoryDirectory {
  const guard =
    <A extends readonly unknown[], R>(method: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      state.mustBeOpen()
      return method(...given)
    }
  return {
    add: directory.add,
    domains: guard(directory.domains),
    domain: guard(directory.domain),
    putDomain: guard(directory.putDomain),
    removeDomain: guard(directory.removeDomain),
    accounts: guard(directory.accounts),
    account: guard(directory.account),
    accountByAddress: guard(directory.accountByAddress),
    addAccount: guard(directory.addAccount),
    changeAccount: guard(directory.changeAccount),
    eraseAccount: guard(directory.eraseAccount),
    usage: guard(directory.usage),
    credentials: guard(directory.credentials),
    setCredentials: guard(directory.setCredentials),
    removeDevice: guard(directory.removeDevice),
    aliases: guard(directory.aliases),
    alias: guard(directory.alias),
    putAlias: guard(directory.putAlias),
    removeAlias: guard(directory.removeAlias),
  }
}
