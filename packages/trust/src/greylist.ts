import { canonicalAddress, type Path } from '@restante/mail'
import { networkOf } from './ip-address.ts'

/** When strangers are asked to come again. */
export interface GreylistPolicy {
  /** A second try counts from here on. Default 5 minutes. */
  readonly delayMs: number
  /** Until here; later it is a first try again. Default 2 days. */
  readonly retryWithinMs: number
  /** Who came again is let in for so long after his last mail. Default 36 days. */
  readonly rememberMs: number
  /** A network that came again so many times, with any mail, is let in at once. Default 5. */
  readonly networkPasses: number
  /** Only those with something against them wait (default); false: all strangers do. */
  readonly onlySuspicious: boolean
}

/** Defaults of {@link GreylistPolicy}. */
export const GREYLIST_DEFAULTS: GreylistPolicy = {
  delayMs: 300_000,
  retryWithinMs: 172_800_000,
  rememberMs: 3_110_400_000,
  networkPasses: 5,
  onlySuspicious: true,
}

/** A RCPT under judgement. */
export interface GreylistAttempt {
  readonly clientIp: string
  readonly reversePath: Path | null
  readonly recipient: Path
  readonly atMs: number
  /** Logged in, or from a network of ours. */
  readonly trusted: boolean
  /** What speaks against the client, in words: `no reverse name`, `on a list`; empty: nothing. */
  readonly suspicions: readonly string[]
  /** SPF passed for the reverse-path, so its domain is who it says. */
  readonly spfPassed: boolean
}

/** What is remembered of one triplet, or of one network. */
export interface GreylistRecord {
  readonly firstMs: number
  readonly lastMs: number
  /** Times it came again and was let in. */
  readonly passes: number
}

/** What the recipient (or the site) has had from a sender. */
export interface SenderHistory {
  /** Messages that were delivered and stayed. */
  readonly accepted: number
  /** Released from quarantine. */
  readonly released: number
  /** Reported as spam. */
  readonly reported: number
}

/** Where greylisting keeps its counts. Records may be dropped once `lastMs` is older than `rememberMs`. */
export interface GreylistPort {
  read(key: string): Promise<GreylistRecord | null>
  write(key: string, record: GreylistRecord): Promise<void>
  /** By the reverse-path's canonical address, for the recipient's canonical address. */
  history(sender: string, recipient: string): Promise<SenderHistory>
}

/** All a decision is made from. */
export interface GreylistEvidence {
  readonly triplet: GreylistRecord | null
  readonly network: GreylistRecord | null
  readonly history: SenderHistory | null
}

/** What to do with a RCPT. */
export type GreylistDecision =
  | { readonly action: 'accept'; readonly reason: GreylistReason; readonly passed: boolean }
  /** 451 4.7.1; `retryAfterMs` is for the text. */
  | { readonly action: 'defer'; readonly reason: 'first' | 'early'; readonly retryAfterMs: number }

/** Why a RCPT was let in. `failed`: the counts could not be had. */
export type GreylistReason =
  | 'trusted'
  | 'known-sender'
  | 'known-network'
  | 'came-again'
  | 'unsuspicious'
  | 'local'
  | 'failed'

/** Decides from what is known; pure. */
export function judgeGreylist(
  attempt: GreylistAttempt,
  { triplet, network, history }: GreylistEvidence,
  policy: GreylistPolicy,
): GreylistDecision {
  const accept = (reason: GreylistReason, passed = false): GreylistDecision => ({
    action: 'accept',
    reason,
    passed,
  })
  if (attempt.trusted) return accept('trusted')
  // Without SPF, anybody could say he is a sender we know.
  const known = history !== null && history.accepted + history.released > 0 && history.reported === 0
  if (known && attempt.spfPassed) return accept('known-sender')
  const passes = (record: GreylistRecord | null): number =>
    record === null || attempt.atMs - record.lastMs > policy.rememberMs ? 0 : record.passes
  if (passes(triplet) > 0) return accept('came-again', true)
  if (policy.onlySuspicious && attempt.suspicions.length === 0) return accept('unsuspicious')
  if (passes(network) >= policy.networkPasses) return accept('known-network')
  const ageMs = triplet === null ? -1 : attempt.atMs - triplet.firstMs
  if (ageMs < 0 || ageMs > policy.retryWithinMs)
    return { action: 'defer', reason: 'first', retryAfterMs: policy.delayMs }
  if (ageMs < policy.delayMs)
    return { action: 'defer', reason: 'early', retryAfterMs: policy.delayMs - ageMs }
  return accept('came-again', true)
}

/** Keys of an attempt: its triplet, its network. Null for what has no address (local delivery). */
export function greylistKeys(
  attempt: GreylistAttempt,
): { readonly triplet: string; readonly network: string } | null {
  const network = networkOf(attempt.clientIp)
  if (network === null) return null
  // Mailing lists and shops number their senders: bounce-12345@ and bounce-12346@ are one.
  const sender =
    attempt.reversePath === null ? '<>' : canonicalAddress(attempt.reversePath).replace(/\d+/g, '#')
  return { triplet: `${network} ${sender} ${canonicalAddress(attempt.recipient)}`, network }
}

/** Judges one RCPT and writes down what came of it. Counts that cannot be had let the mail in. Never throws. */
export async function greylist(
  attempt: GreylistAttempt,
  port: GreylistPort,
  settings: Partial<GreylistPolicy> = {},
): Promise<GreylistDecision> {
  const policy = { ...GREYLIST_DEFAULTS, ...settings }
  const keys = greylistKeys(attempt)
  if (keys === null) return { action: 'accept', reason: 'local', passed: false }
  try {
    const [triplet, network, history] = await Promise.all([
      port.read(keys.triplet),
      port.read(keys.network),
      attempt.reversePath === null
        ? null
        : port.history(canonicalAddress(attempt.reversePath), canonicalAddress(attempt.recipient)),
    ])
    const decision = judgeGreylist(attempt, { triplet, network, history }, policy)
    const { atMs } = attempt
    if (decision.action === 'defer') {
      const firstMs = decision.reason === 'first' ? atMs : (triplet?.firstMs ?? atMs)
      await port.write(keys.triplet, { firstMs, lastMs: atMs, passes: 0 })
    } else if (decision.passed) {
      const firstPass = (triplet?.passes ?? 0) === 0
      await port.write(keys.triplet, {
        firstMs: triplet?.firstMs ?? atMs,
        lastMs: atMs,
        passes: (triplet?.passes ?? 0) + 1,
      })
      // The network earns a pass for each stranger it brought twice, not for each mail of one.
      await port.write(keys.network, {
        firstMs: network?.firstMs ?? atMs,
        lastMs: atMs,
        passes: (network?.passes ?? 0) + (firstPass ? 1 : 0),
      })
    }
    return decision
  } catch {
    return { action: 'accept', reason: 'failed', passed: false }
  }
}
