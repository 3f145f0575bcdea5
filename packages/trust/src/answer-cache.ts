import type { Answer } from './answer.ts'

/** How long answers are kept, and how many. */
export interface CacheLimits {
  /** Default 10,000. */
  readonly entries: number
  /** Octets of names and records together, by estimate. Default 16 MiB. */
  readonly octets: number
  /** Records live at most so long. Default a day. */
  readonly recordsMaxMs: number
  /** "There is none" lives at most so long. Default 15 minutes. */
  readonly negativeMaxMs: number
  /** "There is none", from a server that does not say for how long. Default 30 s. */
  readonly negativeDefaultMs: number
  /** SERVFAIL and time-outs (RFC 9520 §3.2 wants at least a second). Default 5 s. */
  readonly failureMs: number
}

/** Limits where nobody says otherwise. */
export const CACHE_DEFAULTS: CacheLimits = {
  entries: 10_000,
  octets: 16 << 20,
  recordsMaxMs: 86_400_000,
  negativeMaxMs: 900_000,
  negativeDefaultMs: 30_000,
  failureMs: 5_000,
}

interface Entry {
  readonly answer: Answer
  readonly endsAtMs: number
  readonly octets: number
}

/** Answers by question, the least recently used thrown out first. */
export interface AnswerCache {
  /** The answer while it lives, its TTL what is left of it. */
  get(question: string): Answer | null
  put(question: string, answer: Answer, ttlSeconds: number | null): void
  clear(): void
  readonly entries: number
  readonly octets: number
}

/** A cache with TTLs and two bounds. */
export function createAnswerCache(limits: CacheLimits, now: () => number): AnswerCache {
  const kept = new Map<string, Entry>()
  let octets = 0
  const drop = (question: string, entry: Entry): void => {
    kept.delete(question)
    octets -= entry.octets
  }
  return {
    get entries() {
      return kept.size
    },
    get octets() {
      return octets
    },
    get(question) {
      const entry = kept.get(question)
      if (entry === undefined) return null
      const leftMs = entry.endsAtMs - now()
      if (leftMs <= 0) {
        drop(question, entry)
        return null
      }
      kept.delete(question)
      kept.set(question, entry)
      return entry.answer.kind === 'records'
        ? { ...entry.answer, ttlSeconds: Math.ceil(leftMs / 1000) }
        : entry.answer
    },
    put(question, answer, ttlSeconds) {
      const before = kept.get(question)
      if (before !== undefined) drop(question, before)
      const lifeMs = lifetimeMs(answer, ttlSeconds, limits)
      if (lifeMs <= 0) return
      const entry = { answer, endsAtMs: now() + lifeMs, octets: sizeOctets(question, answer) }
      if (entry.octets > limits.octets) return
      kept.set(question, entry)
      octets += entry.octets
      for (const [oldest, old] of kept) {
        if (kept.size <= limits.entries && octets <= limits.octets) break
        drop(oldest, old)
      }
    },
    clear() {
      kept.clear()
      octets = 0
    },
  }
}

function lifetimeMs(answer: Answer, ttlSeconds: number | null, limits: CacheLimits): number {
  switch (answer.kind) {
    case 'records':
      return Math.min((ttlSeconds ?? 0) * 1000, limits.recordsMaxMs)
    case 'nodata':
    case 'nxdomain':
      return ttlSeconds === null
        ? limits.negativeDefaultMs
        : Math.min(ttlSeconds * 1000, limits.negativeMaxMs)
    case 'servfail':
    case 'timeout':
      return limits.failureMs
    case 'unavailable':
      return 0
  }
}

/** About what an entry costs: its text, and 200 octets for the objects around it. */
function sizeOctets(question: string, answer: Answer): number {
  let size = 200 + question.length
  if (answer.kind === 'records')
    for (const record of answer.records)
      size += 60 + (typeof record === 'string' ? record.length : record.exchange.length)
  return size
}
