import { type Device, type DeviceStore, fewestDays, isActiveDevice, removeAfterDays } from './devices.ts'
import { DAY_MS, type MemoryAccount, type MemoryCopy, type MemoryState } from './memory-state.ts'
import { deviceView, QUARANTINE, RECOVERED } from './words.ts'

/** What a memory store knows of devices. */
export type MemoryDevices = Pick<DeviceStore, 'devices' | 'removeAfter' | 'setRemoveAfter' | 'promisedDays'>

/** Devices and policies of a memory store. */
export function memoryDevices(state: MemoryState): MemoryDevices {
  return {
    async devices(id) {
      state.mustBeOpen()
      const account = state.account(id)
      return account === null ? [] : devicesOf(account, state.now())
    },
    async removeAfter(id) {
      state.mustBeOpen()
      const own = state.account(id)?.removeAfter ?? null
      return { own, applied: own ?? state.removeAfter }
    },
    async setRemoveAfter(id, policy) {
      state.mustBeOpen()
      const account = state.account(id)
      if (account !== null) account.removeAfter = policy
      return account !== null
    },
    async promisedDays() {
      state.mustBeOpen()
      const own = [...state.accounts.values()].flatMap(({ removeAfter }) => removeAfter ?? [])
      return fewestDays(own, state.removeAfter)
    },
  }
}

/** Removes what the accounts' policies say may go; how many copies that were. */
export function retireCopies(state: MemoryState, nowMs: number): number {
  let retired = 0
  for (const account of state.accounts.values()) {
    const due = copiesDue(state, account, nowMs)
    state.remove(due)
    retired += due.length
  }
  return retired
}

function copiesDue(state: MemoryState, account: MemoryAccount, nowMs: number): readonly MemoryCopy[] {
  const policy = account.removeAfter ?? state.removeAfter
  if (policy === null) return []
  const copies = state
    .copiesOf(account.row.id)
    .filter(({ folder }) => folder !== QUARANTINE && folder !== RECOVERED)
  const days = removeAfterDays(policy)
  if (days !== null) return copies.filter(({ cameAtMs }) => cameAtMs + days * DAY_MS <= nowMs)
  if (policy === 'any_device') return copies.filter(({ hiddenFrom }) => hiddenFrom.size > 0)
  const active = devicesOf(account, nowMs).filter((device) => isActiveDevice(device, nowMs))
  if (active.length === 0 || active.some(({ name }) => name === '')) return []
  return copies.filter(({ hiddenFrom }) => active.every(({ name }) => hiddenFrom.has(deviceView(name))))
}

function devicesOf(account: MemoryAccount, nowMs: number): readonly Device[] {
  const since = new Map<string, number>()
  for (const { device, createdAtMs } of account.credentials) {
    since.set(device, Math.min(since.get(device) ?? createdAtMs, createdAtMs))
  }
  const copies = [...account.folders.values()].flatMap((folder) => folder.copies)
  return [...new Set(['', ...since.keys(), ...account.pickUps.keys()])]
    .sort()
    .map((name) => ({
      name,
      sinceMs: since.get(name) ?? null,
      lastPickUpMs: account.pickUps.get(name) ?? null,
      hiddenMessages: copies.filter(({ hiddenFrom }) => hiddenFrom.has(deviceView(name))).length,
    }))
    .filter((device) => device.name === '' || device.sinceMs !== null || isActiveDevice(device, nowMs))
}
