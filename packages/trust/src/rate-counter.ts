import { canonicalIp, networkOf } from './ip-address.ts'

/** So many in so long. */
export interface RateLimit {
  readonly max: number
  readonly windowMs: number
}

/** Whether one more is within the limit. */
export interface RateAnswer {
  readonly allowed: boolean
  /** Events in the window that ends now, this one included, by the sliding estimate. */
  readonly count: number
  /** When refused: how long until one more would be allowed, if nothing more comes. */
  readonly retryAfterMs: number
}

/** Counts events by key over a sliding window. Holds no clock: the caller says what time it is. */
export interface RateCounter {
  /** Counts `events` (default 1) for a key. What is refused is not counted, so that waiting helps. */
  count(key: string, nowMs: number, events?: number): RateAnswer
  /** Keys held. */
  readonly size: number
}

interface Window {
  startMs: number
  now: number
  before: number
}

/**
 * Makes a counter. The window before counts in part, by how much of it the sliding window still covers; at most `keysMax` keys
 * are held (default 50,000), the least recently used forgotten first.
 */
export function createRateCounter(limit: RateLimit, keysMax = 50_000): RateCounter {
  const { max, windowMs } = limit
  const windows = new Map<string, Window>()
  return {
    get size() {
      return windows.size
    },
    count(key, nowMs, events = 1) {
      const startMs = Math.floor(nowMs / windowMs) * windowMs
      const held = windows.get(key)
      windows.delete(key)
      const window = slide(held, startMs, windowMs)
      windows.set(key, window)
      if (windows.size > keysMax) {
        const [oldest] = windows.keys()
        if (oldest !== undefined) windows.delete(oldest)
      }
      const estimate = (atMs: number): number => {
        const { now, before } = slide(window, Math.floor(atMs / windowMs) * windowMs, windowMs)
        return now + before * (1 - (atMs % windowMs) / windowMs)
      }
      const count = estimate(nowMs) + events
      if (count <= max) {
        window.now += events
        return { allowed: true, count, retryAfterMs: 0 }
      }
      return { allowed: false, count, retryAfterMs: untilAllowed(estimate, nowMs, max - events, windowMs) }
    },
  }
}

function slide(held: Window | undefined, startMs: number, windowMs: number): Window {
  if (held === undefined || startMs - held.startMs >= 2 * windowMs) return { startMs, now: 0, before: 0 }
  // A clock that went back stays in the window it is in.
  if (startMs <= held.startMs) return held
  return { startMs, now: 0, before: held.now }
}

/** First time, to a hundredth of the window, at which the estimate is low enough; two windows empty everything. */
function untilAllowed(
  estimate: (atMs: number) => number,
  nowMs: number,
  enough: number,
  windowMs: number,
): number {
  const stepMs = Math.max(1, Math.ceil(windowMs / 100))
  for (let waitMs = stepMs; waitMs < 2 * windowMs; waitMs += stepMs)
    if (estimate(nowMs + waitMs) <= enough) return waitMs
  return 2 * windowMs
}

/** Limits for one address, and for its network: /24 of IPv4, /64 of IPv6. */
export interface ClientRates {
  /** What is no address is allowed. Refused by either, counted by neither. */
  count(ip: string, nowMs: number): RateAnswer & { readonly by: 'address' | 'network' | null }
}

/** Counts clients by address and by network, for connections, mails, recipients: a counter for each. */
export function createClientRates(
  limits: { readonly address: RateLimit; readonly network: RateLimit },
  keysMax?: number,
): ClientRates {
  const addresses = createRateCounter(limits.address, keysMax)
  const networks = createRateCounter(limits.network, keysMax)
  return {
    count(ip, nowMs) {
      const address = canonicalIp(ip)
      const network = networkOf(ip)
      if (address === null || network === null) return { allowed: true, count: 0, retryAfterMs: 0, by: null }
      // Ask both with nothing first: one's refusal must not use up the other's allowance.
      const room = networks.count(network, nowMs, 0)
      if (room.count + 1 > limits.network.max) return { ...networks.count(network, nowMs), by: 'network' }
      const own = addresses.count(address, nowMs)
      if (!own.allowed) return { ...own, by: 'address' }
      networks.count(network, nowMs)
      return { ...own, by: null }
    },
  }
}
