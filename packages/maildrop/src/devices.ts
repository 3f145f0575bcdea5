import type { MaildropStore } from './store.ts'
import type { AccountId } from './words.ts'

/**
 * When mail is removed for every view without a deletion in the classic view. What it removes can be undeleted.
 * - `all_devices`: every active device has hidden it. Active are the devices that picked mail up in the last 60 days,
 *   and new ones that have not yet. An account password that picked mail up in that time counts as a device that never
 *   hides, because its own deletions remove for all.
 * - `any_device`: one device has hidden it, as in classic POP3.
 * - `Nd`: it came N days ago (1 to 9,999), whoever has or has not read it.
 */
export type RemoveAfter = 'all_devices' | 'any_device' | `${number}d`

/** How long a device that does not come back is waited for. */
export const DEVICE_ACTIVE_MS: number = 60 * 86_400_000

/** A policy from its text form; null for anything else. */
export function parseRemoveAfter(text: string): RemoveAfter | null {
  if (text === 'all_devices' || text === 'any_device') return text
  return /^[1-9]\d{0,3}d$/.test(text) ? (text as RemoveAfter) : null
}

/** The days of an `Nd` policy; null for the others. */
export function removeAfterDays(policy: RemoveAfter): number | null {
  return policy.endsWith('d') ? Number(policy.slice(0, -1)) : null
}

/** A device as its owner sees it. */
export interface Device {
  /** Empty for the account password. */
  readonly name: string
  /** When its oldest credential was made; null where it has none (any more). */
  readonly sinceMs: number | null
  /** When it last opened a maildrop (not in the view `recent`); null = never. May lag behind by a second. */
  readonly lastPickUpMs: number | null
  /** Present messages it has hidden from itself. */
  readonly hiddenMessages: number
}

/** Whether a device still counts where all devices must have hidden a message. */
export function isActiveDevice(device: Device, nowMs: number): boolean {
  const lastMs = device.lastPickUpMs ?? (device.name === '' ? null : device.sinceMs)
  return lastMs !== null && nowMs - lastMs < DEVICE_ACTIVE_MS
}

/**
 * A store that knows its devices and removes what they are done with. Its `expire` applies the policies to every
 * folder but the quarantine and `recovered`, and says in `retired` how many messages it removed so.
 */
export interface DeviceStore extends MaildropStore {
  /**
   * The devices that have credentials or were here in the last 60 days, by name; the account password first, under the
   * empty name.
   */
  devices(account: AccountId): Promise<readonly Device[]>
  /** The account's own policy, and the one that applies; null = none, or nothing is removed. */
  removeAfter(
    account: AccountId,
  ): Promise<{ readonly own: RemoveAfter | null; readonly applied: RemoveAfter | null }>
  /** Gives an account a policy of its own; null takes it away again. False if there is no such account. */
  setRemoveAfter(account: AccountId, policy: RemoveAfter | null): Promise<boolean>
  /**
   * The fewest days any account's mail is kept for, for EXPIRE (RFC 2449 §6.7); null = no policy counts days.
   * `perAccount`: accounts differ.
   */
  promisedDays(): Promise<{ readonly days: number | null; readonly perAccount: boolean }>
}

/** Whether a store knows its devices. */
export function isDeviceStore(store: MaildropStore): store is DeviceStore {
  return 'setRemoveAfter' in store
}

/** What {@link DeviceStore.promisedDays} answers, from the accounts' own policies and the one of all others. */
export function fewestDays(
  own: readonly RemoveAfter[],
  others: RemoveAfter | null,
): { readonly days: number | null; readonly perAccount: boolean } {
  const promised = [...own, ...(others === null ? [] : [others])].map(removeAfterDays)
  const days = promised.flatMap((each) => each ?? [])
  const common = others === null ? null : removeAfterDays(others)
  return {
    days: days.length === 0 ? null : Math.min(...days),
    perAccount: promised.some((each) => each !== common),
  }
}
