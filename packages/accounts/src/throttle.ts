import { isIP } from 'node:net'

/** How guessing is slowed down. Each tier: `free` failures cost nothing, then waits double from `firstMs` to `maxMs`. */
export interface ThrottleLimits {
  /** One address guessing at one account. */
  readonly pair: Tier
  /** One address guessing at all accounts together. An address that proved itself for an account lately is let through. */
  readonly address: Tier
  /** One failure is forgiven after each such span without another. */
  readonly forgiveMs: number
  /** Pairs and addresses remembered, each; the longest unused is forgotten first. */
  readonly entries: number
}

/** Failures and the waits they cost. */
export interface Tier {
  readonly free: number
  readonly firstMs: number
  readonly maxMs: number
}

/** 5 wrong passwords for an account are free, then 1 s to 15 min; 30 over all accounts, then 1 s to 1 min. */
export const THROTTLE_DEFAULTS: ThrottleLimits = {
  pair: { free: 5, firstMs: 1000, maxMs: 15 * 60_000 },
  address: { free: 30, firstMs: 1000, maxMs: 60_000 },
  forgiveMs: 10 * 60_000,
  entries: 20_000,
}

/** Who is being slowed down, as commands show it. */
export interface Throttled {
  /** The address, for IPv6 its /64. */
  readonly remote: string
  /** The account's address, or null for the tier over all accounts. */
  readonly address: string | null
  readonly failures: number
  readonly untilMs: number
}

/** A place for one attempt. Exactly one of its methods ends it. */
export interface Attempt {
  succeeded(): void
  /** @param tag names the secret, so that the same wrong one again is no further guess */
  failed(tag: string, epoch: string): void
  /** Nothing was decided: the attempt counts for nothing. */
  abandoned(): void
}

/** Counts wrong passwords per (address, account) and per address. Never per account: the owner stays let in from elsewhere. */
export interface Throttle {
  /** Whether an attempt may be made now; otherwise how long to wait. An attempt refused does not lengthen the wait. */
  admit(remote: string, address: string): { readonly attempt: Attempt } | { readonly retryAfterMs: number }
  /** Whether this very secret has been refused for this pair already, in the same epoch of its credentials. */
  isKnownWrong(remote: string, address: string, tag: string, epoch: string): boolean
  /** Those that must wait now. */
  list(): readonly Throttled[]
  /** Forgets what is held against an address, an account, or (without a filter) anyone; returns how many entries. */
  clear(filter?: { readonly remote?: string; readonly address?: string }): number
}

interface Entry {
  readonly remote: string
  readonly address: string | null
  failures: number
  /** Attempts under way, counted as failures until they end otherwise. */
  pending: number
  lastFailureMs: number
  blockedUntilMs: number
  lastSuccessMs: number
  wrong: string[]
}

/** Wrong secrets remembered for a pair: a household's forgotten clients, not a guesser's list. */
const WRONG_SECRETS_KEPT = 8
const PROVEN_MS = 24 * 3_600_000

/**
 * The form addresses are counted in: IPv4-mapped addresses as IPv4, other IPv6 addresses as their /64 (which one
 * customer has whole), anything else as it is.
 */
export function throttleAddress(remote: string): string {
  const plain = remote.toLowerCase().replace(/%.*$/, '')
  const mapped = /^(?:0*:)*:?ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)
  if (mapped) return mapped[1] as string
  if (isIP(plain) !== 6) return plain
  const [left = '', right] = plain.split('::')
  const leftGroups = left === '' ? [] : left.split(':')
  // An IPv4 tail counts as two groups; only the number matters, since the first four are all that is kept.
  const rightGroups = right
    ? right.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]))
    : []
  const missing = right === undefined ? 0 : 8 - leftGroups.length - rightGroups.length
  const groups = [...leftGroups, ...Array<string>(Math.max(0, missing)).fill('0'), ...rightGroups]
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}

/** Makes a throttle; `limits` null lets everything through. */
export function createThrottle(limits: ThrottleLimits | null, now: () => number): Throttle {
  const entries = new Map<string, Entry>()
  const free: Attempt = { succeeded() {}, failed() {}, abandoned() {} }
  if (limits === null)
    return {
      admit: () => ({ attempt: free }),
      isKnownWrong: () => false,
      list: () => [],
      clear: () => 0,
    }
  const { pair: pairTier, address: addressTier, forgiveMs } = limits

  const keyOf = (remote: string, address: string | null): string => `${remote} ${address ?? ''}`

  function find(remote: string, address: string | null, nowMs: number): Entry {
    const key = keyOf(remote, address)
    let entry = entries.get(key)
    if (entry) {
      entries.delete(key)
      const forgiven = Math.floor(Math.max(0, nowMs - entry.lastFailureMs) / forgiveMs)
      if (forgiven > 0 && entry.failures > 0) {
        entry.failures = Math.max(0, entry.failures - forgiven)
        entry.lastFailureMs += forgiven * forgiveMs
      }
      // A clock that was set back must not lock anyone out for longer than a wait can be.
      const tier = address === null ? addressTier : pairTier
      entry.blockedUntilMs = Math.min(entry.blockedUntilMs, nowMs + tier.maxMs)
    } else {
      entry = {
        remote,
        address,
        failures: 0,
        pending: 0,
        lastFailureMs: nowMs,
        blockedUntilMs: 0,
        lastSuccessMs: Number.NEGATIVE_INFINITY,
        wrong: [],
      }
      // Pairs and addresses share the map, so that one bound holds for both.
      if (entries.size >= 2 * (limits as ThrottleLimits).entries)
        entries.delete(entries.keys().next().value as string)
    }
    entries.set(key, entry)
    return entry
  }

  function punish(entry: Entry, tier: Tier, nowMs: number): void {
    entry.failures++
    entry.lastFailureMs = nowMs
    const over = entry.failures - tier.free
    if (over > 0)
      entry.blockedUntilMs = nowMs + Math.min(tier.maxMs, tier.firstMs * 2 ** Math.min(over - 1, 40))
  }

  return {
    admit(remoteAddress, address) {
      const remote = throttleAddress(remoteAddress)
      const nowMs = now()
      const pair = find(remote, address, nowMs)
      const whole = find(remote, null, nowMs)
      if (pair.blockedUntilMs > nowMs) return { retryAfterMs: pair.blockedUntilMs - nowMs }
      const proven = nowMs - pair.lastSuccessMs < PROVEN_MS
      if (!proven && whole.blockedUntilMs > nowMs) return { retryAfterMs: whole.blockedUntilMs - nowMs }
      // Guesses side by side count as wrong until they are proved right; one at a time always may.
      if (pair.pending > 0 && pair.failures + pair.pending >= pairTier.free)
        return { retryAfterMs: pairTier.firstMs }
      pair.pending++
      return {
        attempt: {
          succeeded() {
            pair.pending--
            pair.failures = 0
            pair.blockedUntilMs = 0
            pair.lastSuccessMs = now()
          },
          failed(tag, epoch) {
            pair.pending--
            const failedMs = now()
            punish(pair, pairTier, failedMs)
            punish(whole, addressTier, failedMs)
            pair.wrong = [`${epoch} ${tag}`, ...pair.wrong].slice(0, WRONG_SECRETS_KEPT)
          },
          abandoned() {
            pair.pending--
          },
        },
      }
    },
    isKnownWrong(remote, address, tag, epoch) {
      const entry = entries.get(keyOf(throttleAddress(remote), address))
      return entry?.wrong.includes(`${epoch} ${tag}`) ?? false
    },
    list() {
      const nowMs = now()
      return [...entries.values()]
        .filter((entry) => entry.blockedUntilMs > nowMs)
        .map(({ remote, address, failures, blockedUntilMs }) => ({
          remote,
          address,
          failures,
          untilMs: blockedUntilMs,
        }))
    },
    clear(filter = {}) {
      const remote = filter.remote === undefined ? null : throttleAddress(filter.remote)
      let cleared = 0
      for (const [key, entry] of entries) {
        if (remote !== null && entry.remote !== remote) continue
        if (filter.address !== undefined && entry.address !== filter.address) continue
        entries.delete(key)
        cleared++
      }
      return cleared
    },
  }
}
