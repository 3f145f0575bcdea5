import type { Account, Alias, Credential, Directory, Domain } from '@restante/maildrop'
import type { Connection } from './database.ts'
import { guarded } from './failure.ts'
import type { FolderLook } from './folder-look.ts'
import { reap } from './keeping.ts'
import { homeName, maildirIn } from './layout.ts'
import type { Locks } from './locks.ts'
import { makeMaildir } from './mail-files.ts'
import { PURGED } from './schema.ts'
import { accountRow, change, mustBeOpen, type StoreContext } from './store-context.ts'

/** What the directory needs of the store. */
export interface DirectoryTools {
  readonly context: StoreContext
  readonly look: FolderLook
  readonly locks: Locks
}

interface AccountColumns {
  readonly id: string
  readonly address: string
  readonly created_at_ms: number
  readonly generation: number
  readonly quota_octets: number | null
  readonly quota_messages: number | null
  readonly thresholds: string
}

const ACCOUNT =
  'SELECT id, address, created_at_ms, generation, quota_octets, quota_messages, thresholds FROM accounts'

function accountFrom(row: AccountColumns): Account {
  return {
    id: row.id,
    address: row.address,
    createdAtMs: row.created_at_ms,
    generation: row.generation,
    quotaOctets: row.quota_octets,
    quotaMessages: row.quota_messages,
    thresholds: JSON.parse(row.thresholds) as Account['thresholds'],
  }
}

function accountBy(database: Connection, column: 'id' | 'address', value: string): Account | null {
  const row = database.get<AccountColumns>(`${ACCOUNT} WHERE ${column} = ?`, value)
  return row ? accountFrom(row) : null
}

function domainFrom(row: { readonly name: string; readonly catch_all: string | null }): Domain {
  return { name: row.name, catchAll: row.catch_all }
}

function aliasFrom(row: { readonly address: string; readonly targets: string }): Alias {
  return { address: row.address, targets: JSON.parse(row.targets) as readonly string[] }
}

/** A home no other account has; the address says which, but for two that differ only in what names cannot hold. */
function freeHome(database: Connection, address: string): string {
  const name = homeName(address)
  for (let count = 1; ; count++) {
    const home = count === 1 ? name : `${name}~${count}`
    const taken = database.get(
      'SELECT 1 FROM accounts WHERE home = ?1 UNION ALL SELECT 1 FROM erased WHERE home = ?1 AND moved = 0',
      home,
    )
    if (taken === undefined) return home
  }
}

function putCredentials(
  database: Connection,
  account: number,
  credentials: readonly Omit<Credential, 'createdAtMs'>[],
  createdAtMs: number,
): void {
  for (const { device, scheme, verifier } of credentials) {
    database.run(
      'INSERT INTO credentials (account, device, scheme, verifier, created_at_ms) VALUES (?, ?, ?, ?, ?)',
      account,
      device,
      scheme,
      verifier,
      createdAtMs,
    )
  }
}

function raise(database: Connection, account: number): void {
  database.run('UPDATE accounts SET generation = generation + 1 WHERE n = ?', account)
}

/** Domains, accounts, aliases and credentials of a Maildir store. */
export function maildirDirectory({ context, look, locks }: DirectoryTools): Directory {
  /** Reads, once it is sure that the store is open. */
  const ask = <T>(read: (database: Connection) => T): T => {
    mustBeOpen(context)
    return guarded(() => read(context.database))
  }
  const put = <T>(work: (database: Connection) => T): Promise<T> => {
    mustBeOpen(context)
    return change(context, work)
  }

  return {
    domains: async () =>
      ask((database) =>
        database
          .all<{ name: string; catch_all: string | null }>('SELECT * FROM domains ORDER BY name')
          .map(domainFrom),
      ),
    domain: async (name) =>
      ask((database) => {
        const row = database.get<{ name: string; catch_all: string | null }>(
          'SELECT * FROM domains WHERE name = ?',
          name,
        )
        return row ? domainFrom(row) : null
      }),
    async putDomain({ name, catchAll }) {
      await put((database) =>
        database.run(
          'INSERT INTO domains VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET catch_all = excluded.catch_all',
          name,
          catchAll,
        ),
      )
    },
    removeDomain: async (name) =>
      put((database) => database.run('DELETE FROM domains WHERE name = ?', name).changes > 0),

    accounts: async () =>
      ask((database) => database.all<AccountColumns>(`${ACCOUNT} ORDER BY address`).map(accountFrom)),
    account: async (id) => ask((database) => accountBy(database, 'id', id)),
    accountByAddress: async (address) => ask((database) => accountBy(database, 'address', address)),

    addAccount: async (address, credentials = []) =>
      put((database) => {
        if (
          database.get('SELECT 1 FROM accounts WHERE address = ?', address) ||
          database.get('SELECT 1 FROM aliases WHERE address = ?', address)
        ) {
          return null
        }
        const at = address.lastIndexOf('@')
        if (at > 0) {
          database.run('INSERT INTO domains (name) VALUES (?) ON CONFLICT DO NOTHING', address.slice(at + 1))
        }
        const id = `a${context.ids.next()}`
        const home = freeHome(database, address)
        const nowMs = context.now()
        const account = database.run(
          "INSERT INTO accounts (id, address, home, created_at_ms, generation, thresholds) VALUES (?, ?, ?, ?, 1, '{}')",
          id,
          address,
          home,
          nowMs,
        ).lastRow
        putCredentials(database, account, credentials, nowMs)
        makeMaildir(maildirIn(context.layout.home(home), 'inbox'), false)
        return accountBy(database, 'id', id)
      }),

    changeAccount: async (id, { quotaOctets, quotaMessages, thresholds }) =>
      put((database) => {
        if (quotaOctets !== undefined) {
          database.run('UPDATE accounts SET quota_octets = ? WHERE id = ?', quotaOctets, id)
        }
        if (quotaMessages !== undefined) {
          database.run('UPDATE accounts SET quota_messages = ? WHERE id = ?', quotaMessages, id)
        }
        if (thresholds !== undefined) {
          database.run('UPDATE accounts SET thresholds = ? WHERE id = ?', JSON.stringify(thresholds), id)
        }
        return accountBy(database, 'id', id)
      }),

    async eraseAccount(id) {
      const isErased = await put((database) => {
        const account = accountRow(database, id)
        if (account === null) return false
        const { n, home } = account
        const realMs = Date.now()
        database.run('DELETE FROM journal WHERE copy IN (SELECT n FROM copies WHERE account = ?)', n)
        database.run(
          `UPDATE copies SET state = ${PURGED}, uid = NULL, changed_at_ms = ? WHERE account = ?`,
          realMs,
          n,
        )
        for (const table of ['credentials', 'hidden', 'records', 'renames', 'folders'] as const) {
          database.run(`DELETE FROM ${table} WHERE account = ?`, n)
        }
        for (const table of ['feedback', 'lessons'] as const) {
          database.run(`DELETE FROM ${table} WHERE owner = ?`, `account:${id}`)
        }
        database.run('INSERT INTO erased (account, home, moved, at_ms) VALUES (?, ?, 0, ?)', n, home, realMs)
        database.run('DELETE FROM accounts WHERE n = ?', n)
        return true
      })
      if (isErased) await reap(context, locks)
      return isErased
    },

    async usage(id) {
      const account = ask((database) => accountRow(database, id))
      if (account === null) return { octets: 0, messages: 0 }
      await look.account(account.n, account.home)
      return ask(
        (database) =>
          database.get<{ octets: number; messages: number }>(
            'SELECT coalesce(sum(octets), 0) AS octets, coalesce(sum(messages), 0) AS messages FROM folders WHERE account = ?',
            account.n,
          ) ?? { octets: 0, messages: 0 },
      )
    },

    credentials: async (id) =>
      ask((database) =>
        database
          .all<{ device: string; scheme: string; verifier: string; created_at_ms: number }>(
            `SELECT c.device, c.scheme, c.verifier, c.created_at_ms FROM credentials c
             JOIN accounts a ON a.n = c.account WHERE a.id = ? ORDER BY c.n`,
            id,
          )
          .map(({ device, scheme, verifier, created_at_ms }) => ({
            device,
            scheme,
            verifier,
            createdAtMs: created_at_ms,
          })),
      ),

    setCredentials: async (id, device, credentials) =>
      put((database) => {
        const account = accountRow(database, id)
        if (account === null) return false
        database.run('DELETE FROM credentials WHERE account = ? AND device = ?', account.n, device)
        putCredentials(
          database,
          account.n,
          credentials.map((each) => ({ ...each, device })),
          context.now(),
        )
        raise(database, account.n)
        return true
      }),

    removeDevice: async (id, device) =>
      put((database) => {
        const account = accountRow(database, id)
        if (account === null) return false
        const { n } = account
        const credentials = database.run(
          'DELETE FROM credentials WHERE account = ? AND device = ?',
          n,
          device,
        )
        const hidden = database.run('DELETE FROM hidden WHERE account = ? AND device = ?', n, device)
        if (credentials.changes === 0 && hidden.changes === 0) return false
        database.run('UPDATE folders SET version = version + 1 WHERE account = ?', n)
        raise(database, n)
        return true
      }),

    aliases: async () =>
      ask((database) =>
        database
          .all<{ address: string; targets: string }>('SELECT * FROM aliases ORDER BY address')
          .map(aliasFrom),
      ),
    alias: async (address) =>
      ask((database) => {
        const row = database.get<{ address: string; targets: string }>(
          'SELECT * FROM aliases WHERE address = ?',
          address,
        )
        return row ? aliasFrom(row) : null
      }),
    putAlias: async ({ address, targets }) =>
      put((database) => {
        if (database.get('SELECT 1 FROM accounts WHERE address = ?', address)) return false
        database.run(
          'INSERT INTO aliases VALUES (?, ?) ON CONFLICT (address) DO UPDATE SET targets = excluded.targets',
          address,
          JSON.stringify(targets),
        )
        return true
      }),
    removeAlias: async (address) =>
      put((database) => database.run('DELETE FROM aliases WHERE address = ?', address).changes > 0),
  }
}
