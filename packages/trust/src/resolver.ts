import { getServers } from 'node:dns'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { type Answer, isSettled, type QuestionOptions, type Resolver } from './answer.ts'
import { CACHE_DEFAULTS, type CacheLimits, createAnswerCache } from './answer-cache.ts'
import { canonicalName, type RecordType } from './dns-message.ts'
import { queryServer, type ServerAddress, type ServerAnswer } from './dns-query.ts'

/** How to ask DNS. */
export interface ResolverOptions {
  /**
   * `system` (default): the machine's servers; `off`: ask nobody; else addresses, `HOST`, `HOST:PORT` or
   * `[IPV6]:PORT`, the first asked first. They must be resolvers (recursive), not a zone's own servers.
   */
  readonly servers?: 'off' | 'system' | readonly string[]
  /** For one question, all servers and tries together. Default 5,000. */
  readonly timeoutMs?: number
  /** For one try at one server; doubled in the second round. Default 1,500. */
  readonly attemptMs?: number
  /** Questions on the wire at a time; more wait their turn. Default 200. */
  readonly inFlightMax?: number
  /** Questions waiting for their turn; more are answered `servfail` at once. Default 2,000. */
  readonly waitingMax?: number
  readonly cache?: Partial<CacheLimits>
  /** For the ages of what is kept. Default `Date.now`. */
  readonly now?: () => number
}

/** What a resolver has done since it was made. */
export interface ResolverCounts {
  readonly asked: number
  readonly fromCache: number
  /** Joined a question already on the wire. */
  readonly joined: number
  readonly sent: number
  readonly failed: number
  readonly cacheEntries: number
  readonly cacheOctets: number
}

/** A resolver with a cache of its own. It holds no socket while nothing is asked, so it needs no closing. */
export interface CachingResolver extends Resolver {
  counts(): ResolverCounts
  /** Forgets all answers. */
  clear(): void
}

/** A server list names something that is not `HOST`, `HOST:PORT` or `[IPV6]:PORT`. */
export class ServerAddressError extends Error {
  readonly code = 'SERVER_ADDRESS'
  override readonly name = 'ServerAddressError'
}

/** A question on the wire, shared by all who ask the same. */
interface Pending {
  readonly promise: Promise<Answer>
  readonly abandon: AbortController
  waiters: number
}

/** Makes a resolver. Throws ServerAddressError for a server it cannot read. */
export function createResolver(options: ResolverOptions = {}): CachingResolver {
  const servers = options.servers ?? 'system'
  const addresses =
    servers === 'off' ? [] : (servers === 'system' ? getServers() : servers).map(parseServerAddress)
  const timeoutMs = options.timeoutMs ?? 5_000
  const attemptMs = options.attemptMs ?? 1_500
  const cache = createAnswerCache({ ...CACHE_DEFAULTS, ...options.cache }, options.now ?? Date.now)
  const turns = createTurns(options.inFlightMax ?? 200, options.waitingMax ?? 2_000)
  const pending = new Map<string, Pending>()
  const counts = { asked: 0, fromCache: 0, joined: 0, sent: 0, failed: 0 }
  const unavailable: Answer<never> = {
    kind: 'unavailable',
    why: servers === 'off' ? 'DNS is off' : 'this machine has no name servers',
  }

  async function askServers(name: string, type: RecordType, signal: AbortSignal): Promise<ServerAnswer> {
    let last: ServerAnswer = { answer: { kind: 'timeout', why: 'no answer in time' }, ttlSeconds: null }
    for (const round of [1, 2]) {
      for (const server of addresses) {
        if (signal.aborted) return last
        counts.sent++
        const attempt = AbortSignal.any([signal, AbortSignal.timeout(attemptMs * round)])
        last = await queryServer(server, name, type, attempt)
        if (isSettled(last.answer)) return last
      }
      // A server that says SERVFAIL has tried for us already; only silence is worth a second round.
      if (last.answer.kind === 'servfail') return last
    }
    return last
  }

  function start(question: string, name: string, type: RecordType): Pending {
    const abandon = new AbortController()
    const signal = AbortSignal.any([abandon.signal, AbortSignal.timeout(timeoutMs)])
    const run = async (): Promise<Answer> => {
      try {
        const turn = await turns.take(signal)
        if (turn === 'full') return { kind: 'servfail', why: 'too many questions are waiting' }
        if (turn === 'aborted') return { kind: 'timeout', why: 'no turn in time' }
        try {
          const { answer, ttlSeconds } = await askServers(name, type, signal)
          if (!isSettled(answer)) counts.failed++
          // What its last asker abandoned was cut short: it says nothing about the name.
          if (!abandon.signal.aborted) cache.put(question, answer, ttlSeconds)
          return answer
        } finally {
          turns.give()
        }
      } finally {
        if (pending.get(question) === entry) pending.delete(question)
      }
    }
    const entry: Pending = { promise: Promise.resolve().then(run), abandon, waiters: 0 }
    pending.set(question, entry)
    return entry
  }

  async function resolve<T extends RecordType>(
    name: string,
    type: T,
    { signal, timeoutMs: askedMs }: QuestionOptions = {},
  ): Promise<Answer<T>> {
    counts.asked++
    if (addresses.length === 0) return unavailable
    const asked = toQueryName(name)
    if (asked === null) return { kind: 'nxdomain' }
    if (signal?.aborted) return { kind: 'timeout', why: 'the asker gave up' }
    const question = `${type} ${asked}`
    const known = cache.get(question)
    if (known !== null) {
      counts.fromCache++
      return known as Answer<T>
    }
    let entry = pending.get(question)
    if (entry === undefined) entry = start(question, asked, type)
    else counts.joined++
    return (await waitFor(question, entry, signal, askedMs)) as Answer<T>
  }

  function waitFor(
    question: string,
    entry: Pending,
    signal?: AbortSignal,
    askedMs?: number,
  ): Promise<Answer> {
    entry.waiters++
    if (signal === undefined && askedMs === undefined) return entry.promise
    return new Promise((settle) => {
      let timer: NodeJS.Timeout | undefined
      const leave = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', giveUp)
      }
      const giveUp = (): void => {
        leave()
        if (--entry.waiters === 0) {
          if (pending.get(question) === entry) pending.delete(question)
          entry.abandon.abort()
        }
        settle({ kind: 'timeout', why: 'the asker gave up' })
      }
      if (askedMs !== undefined && askedMs < timeoutMs) timer = setTimeout(giveUp, Math.max(0, askedMs))
      signal?.addEventListener('abort', giveUp, { once: true })
      void entry.promise.then((answer) => {
        leave()
        settle(answer)
      })
    })
  }

  return {
    available: addresses.length > 0,
    resolve,
    clear: () => cache.clear(),
    counts: () => ({ ...counts, cacheEntries: cache.entries, cacheOctets: cache.octets }),
  }
}

/** The name to put on the wire: A-labels, canonical; null if there can be no such name. */
export function toQueryName(name: string): string | null {
  return canonicalName(/[^\u0000-\u007f]/.test(name) ? domainToASCII(name) : name)
}

/** Reads `HOST`, `HOST:PORT`, `IPV6` or `[IPV6]:PORT`; HOST is an address or `localhost`. Throws ServerAddressError. */
export function parseServerAddress(text: string): ServerAddress {
  if (isIP(text) !== 0) return { host: text, port: 53 }
  const [, six, other, portText] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = other === 'localhost' ? '127.0.0.1' : (six ?? other ?? '')
  const port = portText === undefined ? 53 : Number(portText)
  if (isIP(host) === 0 || (six !== undefined && isIP(six) !== 6) || port < 1 || port > 65_535)
    throw new ServerAddressError(
      `${text} is no name server: wanted an IP address, with :PORT where it is not 53`,
    )
  return { host, port }
}

type Turn = 'taken' | 'full' | 'aborted'

/** So many at a time, so many waiting. */
function createTurns(
  max: number,
  waitingMax: number,
): {
  take(signal: AbortSignal): Promise<Turn> | Turn
  give(): void
} {
  let taken = 0
  const waiting = new Set<() => void>()
  return {
    take(signal) {
      if (taken < max) {
        taken++
        return 'taken'
      }
      if (waiting.size >= waitingMax) return 'full'
      if (signal.aborted) return 'aborted'
      return new Promise((settle) => {
        const abort = (): void => {
          waiting.delete(next)
          settle('aborted')
        }
        const next = (): void => {
          signal.removeEventListener('abort', abort)
          settle('taken')
        }
        signal.addEventListener('abort', abort, { once: true })
        waiting.add(next)
      })
    },
    give() {
      const [next] = waiting
      if (next === undefined) {
        taken--
        return
      }
      waiting.delete(next)
      next()
    },
  }
}
