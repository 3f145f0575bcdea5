import { Worker } from 'node:worker_threads'
import { StoreError } from '@restante/maildrop'
import type {
  Answer,
  Argument,
  DeliverRequest,
  FromWriter,
  OperationName,
  PostedRequest,
  WriterData,
} from './requests.ts'

/** Told what operators should know: an event's name and its fields. */
export type StoreLog = (event: string, fields: Readonly<Record<string, string | number | boolean>>) => void

interface Pending {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: StoreError) => void
}

/** Source and built form lie side by side under the same name. */
const THREAD = new URL(
  import.meta.url.endsWith('.ts') ? './writer-thread.ts' : './writer-thread.js',
  import.meta.url,
)

/**
 * This process's end of its one writer thread. Requests of one turn of the event loop cross together. A thread that
 * crashes takes its unanswered requests with it (they reject with `io`: done or not, nobody knows) and is replaced.
 */
export class Writer {
  readonly #data: WriterData
  readonly #log: StoreLog
  readonly #pending = new Map<number, Pending>()
  #outgoing: PostedRequest[] = []
  #worker: Worker | null = null
  #serial = 0
  #generation = 0
  #closed: Promise<void> | null = null
  #onClosed: () => void = () => {}

  constructor(data: Omit<WriterData, 'generation'>, log: StoreLog) {
    this.#data = { ...data, generation: 0 }
    this.#log = log
  }

  /** Starts the thread; resolves when it has opened its databases. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const generation = ++this.#generation
      const worker = new Worker(THREAD, { workerData: { ...this.#data, generation }, name: 'store-writer' })
      this.#worker = worker
      let ready = false
      worker.on('message', (message: FromWriter) => {
        if ('answers' in message) this.#settle(message.answers)
        else if ('log' in message) this.#log(message.log, message.fields)
        else if ('ready' in message) {
          ready = true
          if (this.#pending.size === 0) worker.unref()
          resolve()
        } else this.#onClosed()
      })
      let cause: unknown
      worker.on('error', (error) => {
        cause = error
      })
      worker.on('exit', () => {
        if (this.#worker !== worker) return
        this.#worker = null
        const reason = cause instanceof Error ? cause.message : 'it ended'
        const error = new StoreError('io', `the writer thread failed: ${reason}`, { cause })
        this.#rejectAll(error)
        this.#onClosed()
        if (this.#closed) return
        if (!ready) {
          reject(error)
          return
        }
        this.#log('store-writer-failed', { reason })
        this.#restart()
      })
    })
  }

  /** Puts a new thread in the place of one that ended; requests wait for it. */
  #restart(): void {
    this.start().catch((failure: unknown) => {
      this.#log('store-writer-gone', { reason: failure instanceof Error ? failure.message : String(failure) })
    })
  }

  /**
   * Has the writer thread do something; resolves when it is durable.
   * @param argument crosses by copy: only plain values and byte arrays that own their buffer
   * @throws {StoreError}
   */
  run<K extends OperationName>(op: K, argument: Argument<K>): Promise<Answer<K>> {
    if (this.#closed) return Promise.reject(new StoreError('closed', 'the store is closed'))
    return this.#send(op, argument)
  }

  #send<K extends OperationName>(op: K, argument: Argument<K>): Promise<Answer<K>> {
    return new Promise((resolve, reject) => {
      // A new thread that could not start is tried again by the next request.
      if (!this.#worker) this.#restart()
      const serial = ++this.#serial
      if (this.#pending.size === 0) this.#worker?.ref()
      this.#pending.set(serial, { resolve: resolve as (answer: unknown) => void, reject })
      this.#outgoing.push({ serial, op, argument })
      if (this.#outgoing.length === 1) setImmediate(() => this.#post())
    })
  }

  #post(): void {
    const requests = this.#outgoing
    this.#outgoing = []
    // After a crash these were rejected already; the new thread must not do them.
    const wanted = requests.filter(({ serial }) => this.#pending.has(serial))
    if (wanted.length === 0) return
    try {
      this.#worker?.postMessage({ requests: wanted }, wanted.flatMap(givenAway))
    } catch (error) {
      // Something in there cannot cross; the callers hear of it, nobody else.
      const failure = new StoreError('io', `a request cannot be handed to the writer thread: ${error}`, {
        cause: error,
      })
      for (const { serial } of wanted) {
        this.#pending.get(serial)?.reject(failure)
        this.#pending.delete(serial)
      }
    }
  }

  #settle(answers: Extract<FromWriter, { answers: unknown }>['answers']): void {
    for (const each of answers) {
      const pending = this.#pending.get(each.serial)
      this.#pending.delete(each.serial)
      if (!pending) continue
      if ('failure' in each) pending.reject(new StoreError(each.failure.code, each.failure.detail))
      else pending.resolve(each.answer)
    }
    if (this.#pending.size === 0) this.#worker?.unref()
  }

  #rejectAll(error: StoreError): void {
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    this.#outgoing = []
    for (const { reject } of pending) reject(error)
  }

  /** Lets the thread finish what was asked, seal its segment and end. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#onClosed = resolve
      const worker = this.#worker
      if (!worker) {
        resolve()
        return
      }
      worker.ref()
      this.#post()
      worker.postMessage({ close: true })
    })
    return this.#closed
  }
}

/** Bodies cost less to give away than to copy from here on; nobody reads a body after its commit began. */
const GIVEN_AWAY_OCTETS = 16 * 1024

function givenAway({ op, argument }: PostedRequest): ArrayBuffer[] {
  if (op !== 'deliver') return []
  const { body } = argument as DeliverRequest
  if (!(body instanceof Uint8Array) || body.length < GIVEN_AWAY_OCTETS) return []
  return body.buffer instanceof ArrayBuffer && body.buffer.byteLength === body.length ? [body.buffer] : []
}
