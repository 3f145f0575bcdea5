import type { Account, Alias, Credential, Directory, Domain } from '@restante/maildrop'
import type { Connection } from './connection.ts'
import { guarded } from './failure.ts'
import type { PickUps } from './pick-ups.ts'
import type { UniqueIds } from './unique-ids.ts'
import { ACCOUNT_COLUMNS, type AccountColumns, accountFrom } from './write-directory.ts'
import type { Writer } from './writer.ts'

/** What the directory needs of the store. */
export interface DirectoryTools {
  readonly index: Connection
  readonly writer: Writer
  readonly ids: UniqueIds
  readonly pickUps: PickUps
  readonly now: () => number
  /** @throws {StoreError} `closed` */
  readonly mustBeOpen: () => void
  /** Purges what erased accounts left. */
  readonly purgeErased: () => Promise<void>
}

interface CredentialRow {
  readonly device: string
  readonly scheme: string
  readonly verifier: string
  readonly created_at_ms: number
}

const CREDENTIALS = `
SELECT c.device, c.scheme, c.verifier, c.created_at_ms
FROM credentials c JOIN accounts a ON a.n = c.account WHERE a.id = ? ORDER BY c.n`
const USAGE = `
SELECT coalesce(sum(m.octets), 0) AS octets, coalesce(sum(m.messages), 0) AS messages
FROM accounts a JOIN maildrops m ON m.account = a.n WHERE a.id = ?`

/** Domains, accounts, aliases and credentials of a local store: read in this thread, changed by the writer. */
export function localDirectory(tools: DirectoryTools): Directory {
  const { index, writer, ids, now } = tools
  const look = async <T>(work: () => T): Promise<T> => {
    tools.mustBeOpen()
    return guarded(work)
  }
  const account = (row: AccountColumns | undefined): Account | null => (row ? accountFrom(row) : null)
  const domain = ({ name, catch_all }: { name: string; catch_all: string | null }): Domain => ({
    name,
    catchAll: catch_all,
  })
  const alias = ({ address, targets }: { address: string; targets: string }): Alias => ({
    address,
    targets: JSON.parse(targets) as string[],
  })
  const dated = (
    device: string,
    each: Pick<Credential, 'scheme' | 'verifier'>,
    createdAtMs: number,
  ): Credential => ({
    device,
    scheme: each.scheme,
    verifier: each.verifier,
    createdAtMs,
  })

  return {
    domains: () =>
      look(() =>
        index
          .all<{ name: string; catch_all: string | null }>(
            'SELECT name, catch_all FROM domains ORDER BY name',
          )
          .map(domain),
      ),
    domain: (name) =>
      look(() => {
        const row = index.get<{ name: string; catch_all: string | null }>(
          'SELECT name, catch_all FROM domains WHERE name = ?',
          name,
        )
        return row ? domain(row) : null
      }),
    async putDomain({ name, catchAll }) {
      await writer.run('putDomain', { name, catchAll })
    },
    removeDomain: (name) => writer.run('removeDomain', name),

    accounts: () =>
      look(() => index.all<AccountColumns>(`${ACCOUNT_COLUMNS} ORDER BY address`).map(accountFrom)),
    account: (id) => look(() => account(index.get<AccountColumns>(`${ACCOUNT_COLUMNS} WHERE id = ?`, id))),
    accountByAddress: (address) =>
      look(() => account(index.get<AccountColumns>(`${ACCOUNT_COLUMNS} WHERE address = ?`, address))),
    addAccount: (address, credentials = []) => {
      const atMs = now()
      return writer.run('addAccount', {
        id: `a${ids.next()}`,
        address,
        domain: address.slice(address.lastIndexOf('@') + 1),
        atMs,
        credentials: credentials.map((each) => dated(each.device, each, atMs)),
      })
    },
    changeAccount: (id, change) => writer.run('changeAccount', { id, change: { ...change } }),
    async eraseAccount(id) {
      if (!(await look(() => index.get('SELECT 1 FROM accounts WHERE id = ?', id)))) return false
      // First what lies outside the index, so that an interrupted erasure is seen and can be repeated.
      await writer.run('forgetLessons', id)
      while ((await writer.run('forgetRecords', id)) > 0);
      const erased = await writer.run('eraseAccount', { id })
      tools.pickUps.forget(id, null)
      await tools.purgeErased()
      return erased
    },
    usage: (id) =>
      look(() => {
        const { octets, messages } = index.get<{ octets: number; messages: number }>(USAGE, id) ?? {
          octets: 0,
          messages: 0,
        }
        return { octets, messages }
      }),

    credentials: (id) =>
      look(() =>
        index.all<CredentialRow>(CREDENTIALS, id).map((row) => dated(row.device, row, row.created_at_ms)),
      ),
    setCredentials: (id, device, credentials) => {
      const atMs = now()
      return writer.run('setCredentials', {
        id,
        device,
        credentials: credentials.map((each) => dated(device, each, atMs)),
      })
    },
    async removeDevice(id, device) {
      tools.mustBeOpen()
      tools.pickUps.forget(id, device)
      return writer.run('removeDevice', { id, device })
    },

    aliases: () =>
      look(() =>
        index
          .all<{ address: string; targets: string }>('SELECT address, targets FROM aliases ORDER BY address')
          .map(alias),
      ),
    alias: (address) =>
      look(() => {
        const row = index.get<{ address: string; targets: string }>(
          'SELECT address, targets FROM aliases WHERE address = ?',
          address,
        )
        return row ? alias(row) : null
      }),
    putAlias: ({ address, targets }) => writer.run('putAlias', { address, targets: [...targets] }),
    removeAlias: (address) => writer.run('removeAlias', address),
  }
}
