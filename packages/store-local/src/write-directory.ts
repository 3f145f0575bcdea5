import type { Account } from '@restante/maildrop'
import type { Connection } from './connection.ts'
import type { Operations } from './requests.ts'
import type { WriteContext } from './write-context.ts'

type DirectoryOperations = Pick<
  Operations,
  | 'putDomain'
  | 'removeDomain'
  | 'addAccount'
  | 'changeAccount'
  | 'eraseAccount'
  | 'setCredentials'
  | 'removeDevice'
  | 'putAlias'
  | 'removeAlias'
>

/** An account's row, as {@link accountFrom} reads it. */
export interface AccountColumns {
  readonly id: string
  readonly address: string
  readonly created_at_ms: number
  readonly generation: number
  readonly quota_octets: number | null
  readonly quota_messages: number | null
  readonly thresholds: string
}

/** Start of a statement that reads {@link AccountColumns}. */
export const ACCOUNT_COLUMNS =
  'SELECT id, address, created_at_ms, generation, quota_octets, quota_messages, thresholds FROM accounts'

/** An account from its row. */
export function accountFrom(row: AccountColumns): Account {
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

function accountBy(index: Connection, id: string): Account | null {
  const row = index.get<AccountColumns>(`${ACCOUNT_COLUMNS} WHERE id = ?`, id)
  return row ? accountFrom(row) : null
}

/** Changes of domains, accounts, credentials and aliases, bound to the writer's databases. */
export function directoryOperations(context: WriteContext): DirectoryOperations {
  const { index } = context
  const rowOf = (id: string): number | null =>
    index.get<{ n: number }>('SELECT n FROM accounts WHERE id = ?', id)?.n ?? null
  const raise = (account: number): void => {
    index.run('UPDATE accounts SET generation = generation + 1 WHERE n = ?', account)
  }

  return {
    putDomain({ name, catchAll }) {
      index.run(
        'INSERT INTO domains (name, catch_all) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET catch_all = excluded.catch_all',
        name,
        catchAll,
      )
      return null
    },

    removeDomain(name) {
      return index.run('DELETE FROM domains WHERE name = ?', name).changes > 0
    },

    addAccount({ id, address, domain, atMs, credentials }) {
      if (
        index.get('SELECT 1 FROM accounts WHERE address = ?', address) ||
        index.get('SELECT 1 FROM aliases WHERE address = ?', address)
      ) {
        return null
      }
      index.run(
        'INSERT INTO domains (name, catch_all) VALUES (?, NULL) ON CONFLICT (name) DO NOTHING',
        domain,
      )
      const account = index.run(
        "INSERT INTO accounts (id, address, created_at_ms, generation, thresholds) VALUES (?, ?, ?, 1, '{}')",
        id,
        address,
        atMs,
      ).lastRow
      for (const { device, scheme, verifier, createdAtMs } of credentials) {
        index.run(
          'INSERT INTO credentials (account, device, scheme, verifier, created_at_ms) VALUES (?, ?, ?, ?, ?)',
          account,
          device,
          scheme,
          verifier,
          createdAtMs,
        )
      }
      return accountBy(index, id)
    },

    changeAccount({ id, change }) {
      const { quotaOctets, quotaMessages, thresholds } = change
      if (quotaOctets !== undefined) {
        index.run('UPDATE accounts SET quota_octets = ? WHERE id = ?', quotaOctets, id)
      }
      if (quotaMessages !== undefined) {
        index.run('UPDATE accounts SET quota_messages = ? WHERE id = ?', quotaMessages, id)
      }
      if (thresholds !== undefined) {
        index.run('UPDATE accounts SET thresholds = ? WHERE id = ?', JSON.stringify(thresholds), id)
      }
      return accountBy(index, id)
    },

    eraseAccount({ id }) {
      const account = rowOf(id)
      if (account === null) return false
      index.run('DELETE FROM credentials WHERE account = ?', account)
      index.run('DELETE FROM renames WHERE account = ?', account)
      index.run('DELETE FROM pick_ups WHERE account = ?', account)
      index.run('DELETE FROM feedback WHERE owner = ?', `account:${id}`)
      index.run('UPDATE maildrops SET account = NULL, version = version + 1 WHERE account = ?', account)
      index.run('DELETE FROM accounts WHERE n = ?', account)
      return true
    },

    setCredentials({ id, device, credentials }) {
      const account = rowOf(id)
      if (account === null) return false
      index.run('DELETE FROM credentials WHERE account = ? AND device = ?', account, device)
      for (const { scheme, verifier, createdAtMs } of credentials) {
        index.run(
          'INSERT INTO credentials (account, device, scheme, verifier, created_at_ms) VALUES (?, ?, ?, ?, ?)',
          account,
          device,
          scheme,
          verifier,
          createdAtMs,
        )
      }
      raise(account)
      return true
    },

    removeDevice({ id, device }) {
      const account = rowOf(id)
      if (account === null) return false
      const credentials = index.run(
        'DELETE FROM credentials WHERE account = ? AND device = ?',
        account,
        device,
      )
      const views = index.all<{ n: number }>(
        'SELECT v.n FROM views v JOIN maildrops m ON m.n = v.maildrop WHERE m.account = ? AND v.device = ?',
        account,
        device,
      )
      for (const { n } of views) {
        index.run('DELETE FROM hidden WHERE view = ?', n)
        index.run('DELETE FROM views WHERE n = ?', n)
      }
      index.run('DELETE FROM pick_ups WHERE account = ? AND device = ?', account, device)
      if (credentials.changes === 0 && views.length === 0) return false
      raise(account)
      return true
    },

    putAlias({ address, targets }) {
      if (index.get('SELECT 1 FROM accounts WHERE address = ?', address)) return false
      index.run(
        'INSERT INTO aliases (address, targets) VALUES (?, ?) ON CONFLICT (address) DO UPDATE SET targets = excluded.targets',
        address,
        JSON.stringify(targets),
      )
      return true
    },

    removeAlias(address) {
      return index.run('DELETE FROM aliases WHERE address = ?', address).changes > 0
    },
  }
}
