import type { MaildropKey } from '@restante/maildrop'

/** Keeps the shortest time between two logins to one maildrop (LOGIN-DELAY, RFC 2449 §6.6); devices count apart. */
export interface LoginDelay {
  /** Whether the maildrop may be opened now. */
  allows(key: MaildropKey): boolean
  /** The maildrop was opened: the time runs from here. */
  opened(key: MaildropKey): void
}

/** Makes one. @param seconds 0 = always allowed, and nothing is remembered */
export function createLoginDelay(seconds: number, now: () => number): LoginDelay {
  const delayMs = seconds * 1000
  const lastMs = new Map<string, number>()
  const nameOf = ({ account, folder, view }: MaildropKey): string => `${account} ${folder} ${view}`

  /** Oldest first, so those that no longer matter are in front. */
  function forget(nowMs: number): void {
    for (const [name, atMs] of lastMs) {
      if (nowMs - atMs < delayMs && nowMs >= atMs) break
      lastMs.delete(name)
    }
  }

  return {
    allows(key) {
      if (delayMs === 0) return true
      forget(now())
      return !lastMs.has(nameOf(key))
    },
    opened(key) {
      if (delayMs === 0) return
      const nowMs = now()
      forget(nowMs)
      lastMs.delete(nameOf(key))
      lastMs.set(nameOf(key), nowMs)
    },
  }
}
