import { setTimeout as sleep } from 'node:timers/promises'
import { Pop3Error } from './error.ts'
import { type FetchOptions, type FetchReport, fetchNew } from './fetch-new.ts'

/** How to watch a maildrop. */
export interface WatchOptions extends FetchOptions {
  /** From the end of one round to the next; never less than the server's LOGIN-DELAY. */
  readonly everyMs: number
  /** The first wait after a failure; doubles with each further one. Default 5,000. */
  readonly backoffMs?: number
  /** The longest wait after a failure. Default 15 minutes. */
  readonly backoffMostMs?: number
  /** For tests: how to wait. Rejects when the signal fires. */
  readonly wait?: (ms: number, signal: AbortSignal | undefined) => Promise<unknown>
  /** For tests: 0 to 1. */
  readonly random?: () => number
}

/** One round of a watch. */
export type WatchRound = (
  | { readonly report: FetchReport; readonly error: null }
  | { readonly report: null; readonly error: unknown }
) & {
  /** How long the watch now waits. */
  readonly nextInMs: number
}

const BACKOFF_MS = 5_000
const BACKOFF_MOST_MS = 900_000
/** Clients that lost the same server must not come back as one. */
const JITTER = 0.2

/**
 * Fetches what is new again and again, and tells about each round. A failure is a round too, and makes the pauses
 * longer; wrong credentials (`auth`) and servers that can never work (`unsupported`) end the watch with their error,
 * because asking again would only lock the account. Ends quietly when the signal fires.
 */
export async function* watch(options: WatchOptions): AsyncGenerator<WatchRound, void, undefined> {
  const { signal, everyMs, wait = defaultWait, random = Math.random } = options
  const { backoffMs = BACKOFF_MS, backoffMostMs = BACKOFF_MOST_MS } = options
  let loginDelayMs = 0
  let failures = 0
  while (!isAborted(signal)) {
    let round: WatchRound
    try {
      const report = await fetchNew(options)
      failures = 0
      loginDelayMs = report.loginDelaySeconds * 1_000
      round = { report, error: null, nextInMs: Math.max(everyMs, loginDelayMs) }
    } catch (error) {
      if (isAborted(signal)) return
      const code = error instanceof Pop3Error ? error.code : null
      if (code === 'auth' || code === 'unsupported') throw error
      const backoff = Math.min(backoffMostMs, backoffMs * 2 ** Math.min(failures, 30))
      failures++
      const leastMs = code === 'login-delay' ? Math.max(everyMs, loginDelayMs) : loginDelayMs
      const nextInMs = Math.max(leastMs, Math.round(backoff * (1 + JITTER * (2 * random() - 1))))
      round = { report: null, error, nextInMs }
    }
    yield round
    if (isAborted(signal)) return
    try {
      await wait(round.nextInMs, signal)
    } catch (error) {
      if (isAborted(signal)) return
      throw error
    }
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

function defaultWait(ms: number, signal: AbortSignal | undefined): Promise<unknown> {
  return sleep(ms, undefined, signal === undefined ? {} : { signal })
}
