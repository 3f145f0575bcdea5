import {
  type Device,
  type DeviceStore,
  fewestDays,
  isActiveDevice,
  QUARANTINE,
  RECOVERED,
  type RemoveAfter,
  removeAfterDays,
} from '@restante/maildrop'
import type { Connection } from './connection.ts'
import { guarded } from './failure.ts'
import type { PickUps } from './pick-ups.ts'
import type { Writer } from './writer.ts'

/** What devices and their policies need of the store. */
export interface DeviceTools {
  readonly index: Connection
  readonly writer: Writer
  readonly pickUps: PickUps
  readonly now: () => number
  /** The policy of accounts without one of their own. */
  readonly removeAfter: RemoveAfter | null
  /** @throws {StoreError} `closed` */
  readonly mustBeOpen: () => void
}

interface AccountRow {
  readonly n: number
  readonly id: string
  readonly remove_after: RemoveAfter | null
}

const DAY_MS = 86_400_000
/** Accounts looked at between two looks at other work. */
const PAGE_ROWS = 200

const SINCE = `
SELECT device AS name, min(created_at_ms) AS ms FROM credentials WHERE account = ? GROUP BY device`
const HIDDEN = `
SELECT v.device AS name, count(*) AS ms FROM views v JOIN maildrops m ON m.n = v.maildrop
JOIN hidden h ON h.view = v.n WHERE m.account = ? GROUP BY v.device`

/** Devices and policies of a local store. */
export function localDevices(
  tools: DeviceTools,
): Pick<DeviceStore, 'devices' | 'removeAfter' | 'setRemoveAfter' | 'promisedDays'> {
  const { index, writer } = tools
  const accountRow = (id: string): AccountRow | undefined =>
    guarded(() => index.get<AccountRow>('SELECT n, id, remove_after FROM accounts WHERE id = ?', id))
  return {
    async devices(id) {
      tools.mustBeOpen()
      const account = accountRow(id)
      return account ? devicesOf(tools, account, tools.now()) : []
    },
    async removeAfter(id) {
      tools.mustBeOpen()
      const own = accountRow(id)?.remove_after ?? null
      return { own, applied: own ?? tools.removeAfter }
    },
    setRemoveAfter: (id, policy) => writer.run('setRemoveAfter', { id, policy }),
    async promisedDays() {
      tools.mustBeOpen()
      const own = guarded(() =>
        index.all<{ policy: RemoveAfter }>(
          'SELECT DISTINCT remove_after AS policy FROM accounts WHERE remove_after IS NOT NULL',
        ),
      )
      return fewestDays(
        own.map(({ policy }) => policy),
        tools.removeAfter,
      )
    },
  }
}

/** Removes what the accounts' policies say may go; how many copies that were. */
export async function retireCopies(tools: DeviceTools, nowMs: number): Promise<number> {
  const { index } = tools
  await tools.pickUps.makeDurable()
  let retired = 0
  for (let after = 0; ; ) {
    const accounts = guarded(() =>
      index.all<AccountRow>(
        `SELECT n, id, remove_after FROM accounts
         WHERE n > ? AND (remove_after IS NOT NULL OR ?) ORDER BY n LIMIT ${PAGE_ROWS}`,
        after,
        tools.removeAfter === null ? 0 : 1,
      ),
    )
    for (const account of accounts) retired += await retireOf(tools, account, nowMs)
    if (accounts.length < PAGE_ROWS) return retired
    after = (accounts.at(-1) as AccountRow).n
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function retireOf(tools: DeviceTools, account: AccountRow, nowMs: number): Promise<number> {
  const policy = account.remove_after ?? tools.removeAfter
  if (policy === null) return 0
  const maildrops = guarded(() =>
    tools.index.all<{ n: number; folder: string }>(
      'SELECT n, folder FROM maildrops WHERE account = ? AND messages > 0',
      account.n,
    ),
  ).filter(({ folder }) => folder !== QUARANTINE && folder !== RECOVERED)
  const days = removeAfterDays(policy)
  let devices: readonly string[] | null = null
  if (policy === 'all_devices') {
    const active = devicesOf(tools, account, nowMs).filter((device) => isActiveDevice(device, nowMs))
    if (active.length === 0 || active.some(({ name }) => name === '')) return 0
    devices = active.map(({ name }) => name)
  }
  let retired = 0
  for (const { n } of maildrops) {
    if (days === null && !hidesAnything(tools.index, n)) continue
    if (days !== null && !isAnyDue(tools.index, n, nowMs - days * DAY_MS)) continue
    for (;;) {
      const done =
        days === null
          ? await tools.writer.run('retireHidden', { maildrop: n, devices, atMs: nowMs })
          : await tools.writer.run('retireOld', {
              maildrop: n,
              beforeMs: nowMs - days * DAY_MS,
              atMs: nowMs,
            })
      if (done === 0) break
      retired += done
    }
  }
  return retired
}

/** Looks here first, so that the writer is only asked where there is something to do. */
function hidesAnything(index: Connection, maildrop: number): boolean {
  return guarded(
    () =>
      index.get(
        'SELECT 1 FROM views v JOIN hidden h ON h.view = v.n WHERE v.maildrop = ? LIMIT 1',
        maildrop,
      ) !== undefined,
  )
}

/** The first in order is the one that came first. */
function isAnyDue(index: Connection, maildrop: number, beforeMs: number): boolean {
  const first = guarded(() =>
    index.get<{ ms: number }>(
      `SELECT c.changed_at_ms AS ms FROM listed l JOIN copies c ON c.n = l.n
       WHERE l.maildrop = ? ORDER BY l.place LIMIT 1`,
      maildrop,
    ),
  )
  return first !== undefined && first.ms <= beforeMs
}

function devicesOf({ index, pickUps }: DeviceTools, account: AccountRow, nowMs: number): readonly Device[] {
  const column = (sql: string): ReadonlyMap<string, number> =>
    new Map(
      guarded(() => index.all<{ name: string; ms: number }>(sql, account.n)).map(({ name, ms }) => [
        name,
        ms,
      ]),
    )
  const since = column(SINCE)
  const hidden = column(HIDDEN)
  const last = pickUps.of(account)
  return [...new Set(['', ...since.keys(), ...last.keys()])]
    .sort()
    .map((name) => ({
      name,
      sinceMs: since.get(name) ?? null,
      lastPickUpMs: last.get(name) ?? null,
      hiddenMessages: hidden.get(name) ?? 0,
    }))
    .filter((device) => device.name === '' || device.sinceMs !== null || isActiveDevice(device, nowMs))
}
