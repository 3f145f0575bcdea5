import { parentPort } from 'node:worker_threads'
import {
  type Answer,
  authenticateMail,
  checkSpf,
  prepareAuthentication,
  type QuestionOptions,
  type RecordType,
  type Resolver,
} from '@restante/trust'
import type { FromAuthenticator, ToAuthenticator } from './authentication-pool.ts'

const port = parentPort
if (port === null) throw new Error('authentication-worker runs only as a worker thread')

/** What one message waits for. */
interface Job {
  readonly answers: Map<number, (answer: Answer) => void>
  chunk: ((message: Extract<ToAuthenticator, { type: 'chunk' }>) => void) | null
}

const jobs = new Map<number, Job>()
let nextDnsId = 1

const say = (message: FromAuthenticator): void => port.postMessage(message)

port.on('message', (message: ToAuthenticator) => {
  switch (message.type) {
    case 'spf': {
      const { id, question } = message
      begin(id, (job) => checkSpf({ ...question, resolver: resolverOf(id, job) }))
      return
    }
    case 'mail': {
      const { id, question, octets } = message
      begin(id, (job) =>
        authenticateMail({
          ...question,
          resolver: resolverOf(id, job),
          octets: octets ?? chunksOf(id, job),
        }),
      )
      return
    }
    case 'chunk':
      jobs.get(message.id)?.chunk?.(message)
      return
    case 'answer': {
      const answers = jobs.get(message.id)?.answers
      answers?.get(message.dnsId)?.(message.answer)
      answers?.delete(message.dnsId)
    }
  }
})

function begin<T extends Extract<FromAuthenticator, { type: 'done' }>['result']>(
  id: number,
  run: (job: Job) => Promise<T>,
): void {
  const job: Job = { answers: new Map(), chunk: null }
  jobs.set(id, job)
  run(job)
    .then(
      (result) => say({ type: 'done', id, result }),
      (error: unknown) =>
        say({ type: 'failed', id, detail: error instanceof Error ? error.message : String(error) }),
    )
    .finally(() => jobs.delete(id))
}

/** Asks the resolver of the process, which has the cache. */
function resolverOf(id: number, job: Job): Resolver {
  return {
    available: true,
    resolve: <T extends RecordType>(name: string, record: T, { signal }: QuestionOptions = {}) => {
      const { promise, resolve } = Promise.withResolvers<Answer<T>>()
      if (signal?.aborted) return Promise.resolve({ kind: 'timeout', why: 'time was up' } as const)
      const dnsId = nextDnsId++
      const giveUp = (): void => {
        job.answers.delete(dnsId)
        resolve({ kind: 'timeout', why: 'time was up' })
      }
      signal?.addEventListener('abort', giveUp, { once: true })
      job.answers.set(dnsId, (answer) => {
        signal?.removeEventListener('abort', giveUp)
        resolve(answer as Answer<T>)
      })
      say({ type: 'ask', id, dnsId, name, record })
      return promise
    },
  }
}

async function* chunksOf(id: number, job: Job): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<Extract<ToAuthenticator, { type: 'chunk' }>>()
    job.chunk = resolve
    say({ type: 'pull', id })
    const { octets, failed } = await promise
    if (failed) throw new Error('the message could not be read')
    if (octets === null) return
    yield octets
  }
}

prepareAuthentication()
