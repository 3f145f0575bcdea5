import { Worker } from 'node:worker_threads'
import type {
  Answer,
  Authentication,
  MailQuestion,
  RecordType,
  Resolver,
  SpfEvidence,
  SpfQuestion,
} from '@restante/trust'

/** Why nothing is known of a message's authentication: it goes on without, and marked. */
export interface AuthenticationFailure {
  readonly failed: 'timeout' | 'crash' | 'busy'
  readonly detail: string
}

/** Who brought a message: what SPF asks about. */
export type SpfAsked = Pick<SpfQuestion, 'clientIp' | 'helo' | 'reversePath'>

/** A message to authenticate. */
export interface AuthenticationAsked extends SpfAsked {
  /** The whole message, or its chunks from the start; each stays as it is until the answer. */
  readonly octets: Uint8Array | AsyncIterable<Uint8Array>
  /** SPF's answer, where it is known already. */
  readonly spf?: SpfEvidence
}

/** Judges SPF, DKIM, DMARC and ARC off the event loop; DNS is asked by the process's own resolver. Never rejects. */
export interface AuthenticationPool {
  authenticate(asked: AuthenticationAsked): Promise<Authentication | AuthenticationFailure>
  checkSpf(asked: SpfAsked): Promise<SpfEvidence | AuthenticationFailure>
  close(): Promise<void>
}

/** How {@link createAuthenticationPool} works. */
export interface AuthenticationPoolOptions {
  readonly resolver: Resolver
  /** Our own name; the authserv-id. */
  readonly hostname: string
  /** For one question; what is open then is `temperror`. A worker that is silent for twice as long is replaced. */
  readonly deadlineMs: number
  /** Messages at a time; more wait, within their deadline. Default 16. */
  readonly inFlightMax?: number
  /** Messages that wait; more are `busy`. Default 256. */
  readonly waitingMax?: number
  readonly onCrash?: (detail: string) => void
  /** The program of the worker, speaking {@link ToAuthenticator} and {@link FromAuthenticator}; ours where it is not given. */
  readonly program?: URL
}

/** A question as it goes to the worker. */
export type WorkerQuestion = Omit<MailQuestion, 'resolver' | 'octets' | 'signal' | 'limits'>

/** To the worker. */
export type ToAuthenticator =
  | { readonly type: 'spf'; readonly id: number; readonly question: WorkerQuestion }
  | {
      readonly type: 'mail'
      readonly id: number
      readonly question: WorkerQuestion
      /** Null: to be pulled. */
      readonly octets: Uint8Array | null
    }
  /** A pulled chunk; null: the end. `failed`: the rest cannot be read. */
  | {
      readonly type: 'chunk'
      readonly id: number
      readonly octets: Uint8Array | null
      readonly failed: boolean
    }
  | { readonly type: 'answer'; readonly id: number; readonly dnsId: number; readonly answer: Answer }

/** From the worker. */
export type FromAuthenticator =
  | { readonly type: 'pull'; readonly id: number }
  | {
      readonly type: 'ask'
      readonly id: number
      readonly dnsId: number
      readonly name: string
      readonly record: RecordType
    }
  | { readonly type: 'done'; readonly id: number; readonly result: Authentication | SpfEvidence }
  | { readonly type: 'failed'; readonly id: number; readonly detail: string }

interface Job {
  readonly id: number
  readonly kind: 'spf' | 'mail'
  readonly question: WorkerQuestion
  readonly whole: Uint8Array | null
  readonly chunks: AsyncIterator<Uint8Array> | null
  /** Ends its DNS questions. */
  readonly over: AbortController
  readonly settle: (result: Authentication | SpfEvidence | AuthenticationFailure) => void
  readonly givenUp: NodeJS.Timeout
}

const RESTART_MAX_MS = 30_000

/** Starts the pool: one worker, many messages at a time, for most of the time is waiting for DNS. */
export function createAuthenticationPool(options: AuthenticationPoolOptions): AuthenticationPool {
  const { resolver, hostname, deadlineMs, inFlightMax = 16, waitingMax = 256 } = options
  const program =
    options.program ??
    new URL(
      import.meta.url.endsWith('.ts') ? './authentication-worker.ts' : './authentication-worker.js',
      import.meta.url,
    )
  const running = new Map<number, Job>()
  const waiting: Job[] = []
  let worker: Worker | null = null
  let deaths = 0
  let nextId = 1
  let closed = false

  const start = (): void => {
    const own = new Worker(program, { resourceLimits: { maxOldGenerationSizeMb: 256 } })
    own.unref()
    worker = own
    own.on('message', (message: FromAuthenticator) => {
      const job = running.get(message.id)
      if (worker !== own || job === undefined) return
      if (message.type === 'pull') void pull(own, job)
      else if (message.type === 'ask') void ask(own, job, message)
      else {
        deaths = 0
        finish(job, message.type === 'done' ? message.result : { failed: 'crash', detail: message.detail })
      }
    })
    const died = (detail: string): void => {
      if (worker !== own || closed) return
      worker = null
      options.onCrash?.(detail)
      if (deaths === 0) start()
      else setTimeout(revive, Math.min(RESTART_MAX_MS, 250 * 2 ** (deaths - 1))).unref()
      deaths++
      for (const job of [...running.values()]) finish(job, { failed: 'crash', detail })
    }
    own.on('error', (error) => died(error instanceof Error ? error.message : String(error)))
    own.on('exit', (code) => died(`worker ended with ${code}`))
  }

  const revive = (): void => {
    if (closed) return
    start()
    give()
  }

  const pull = async (own: Worker, { id, chunks }: Job): Promise<void> => {
    let chunk: Uint8Array | null = null
    let failed = false
    try {
      const next = await chunks?.next()
      if (next !== undefined && !next.done) chunk = new Uint8Array(next.value)
    } catch {
      failed = true
    }
    if (running.has(id))
      own.postMessage({ type: 'chunk', id, octets: chunk, failed } satisfies ToAuthenticator)
  }

  const ask = async (
    own: Worker,
    job: Job,
    { dnsId, name, record }: Extract<FromAuthenticator, { type: 'ask' }>,
  ): Promise<void> => {
    const answer = await resolver.resolve(name, record, { signal: job.over.signal })
    if (running.has(job.id))
      own.postMessage({ type: 'answer', id: job.id, dnsId, answer } satisfies ToAuthenticator)
  }

  const finish = (job: Job, result: Authentication | SpfEvidence | AuthenticationFailure): void => {
    if (!running.delete(job.id)) return
    end(job, result)
    give()
  }

  const end = (job: Job, result: Authentication | SpfEvidence | AuthenticationFailure): void => {
    clearTimeout(job.givenUp)
    job.over.abort()
    void job.chunks?.return?.().catch(() => {})
    job.settle(result)
  }

  const give = (): void => {
    while (worker !== null && running.size < inFlightMax) {
      const job = waiting.shift()
      if (job === undefined) return
      running.set(job.id, job)
      const { id, kind, question } = job
      if (kind === 'spf') worker.postMessage({ type: 'spf', id, question } satisfies ToAuthenticator)
      else {
        // One copy, of these octets only: a view may be a small part of a large buffer.
        const octets = job.whole === null ? null : new Uint8Array(job.whole)
        const message: ToAuthenticator = { type: 'mail', id, question, octets }
        worker.postMessage(message, octets === null ? [] : [octets.buffer])
      }
    }
  }

  const giveUp = (id: number): void => {
    const failure = { failed: 'timeout', detail: `no answer within ${2 * deadlineMs} ms` } as const
    const index = waiting.findIndex((job) => job.id === id)
    const [late] = index < 0 ? [] : waiting.splice(index, 1)
    if (late !== undefined) {
      end(late, failure)
      return
    }
    const job = running.get(id)
    if (job === undefined) return
    // It keeps deadlines of its own, so this one computes without end.
    const stuck = worker
    worker = null
    options.onCrash?.(failure.detail)
    for (const each of [...running.values()]) {
      running.delete(each.id)
      end(each, each === job ? failure : { failed: 'crash', detail: failure.detail })
    }
    void stuck?.terminate()
    start()
    give()
  }

  const take = (
    kind: Job['kind'],
    asked: SpfAsked,
    octets: AuthenticationAsked['octets'],
    spf?: SpfEvidence,
  ): Promise<Authentication | SpfEvidence | AuthenticationFailure> => {
    if (closed || waiting.length >= waitingMax) {
      const detail = closed ? 'closing' : `${waiting.length} messages are waiting`
      return Promise.resolve({ failed: 'busy', detail })
    }
    const { promise, resolve } = Promise.withResolvers<Authentication | SpfEvidence | AuthenticationFailure>()
    const id = nextId++
    const { clientIp, helo, reversePath } = asked
    const whole = octets instanceof Uint8Array ? octets : null
    waiting.push({
      id,
      kind,
      question: { clientIp, helo, reversePath, hostname, deadlineMs, ...(spf === undefined ? {} : { spf }) },
      whole,
      chunks: octets instanceof Uint8Array ? null : octets[Symbol.asyncIterator](),
      over: new AbortController(),
      settle: resolve,
      givenUp: setTimeout(giveUp, 2 * deadlineMs, id).unref(),
    })
    give()
    return promise
  }

  start()
  return {
    authenticate: (asked) =>
      take('mail', asked, asked.octets, asked.spf) as Promise<Authentication | AuthenticationFailure>,
    checkSpf: (asked) =>
      take('spf', asked, new Uint8Array(0)) as Promise<SpfEvidence | AuthenticationFailure>,
    async close() {
      closed = true
      const jobs = [...waiting.splice(0), ...running.values()]
      running.clear()
      for (const job of jobs) end(job, { failed: 'busy', detail: 'closing' })
      await worker?.terminate()
    },
  }
}
