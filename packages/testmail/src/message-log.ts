import { describeMessages, describePattern, type MessagePattern, mismatchOf } from './matching.ts'
import type { ReceivedMessage } from './received-message.ts'

/** The message waited for did not come, or the mail was closed before; the text says what came instead. */
export class TestMailError extends Error {
  override readonly name = 'TestMailError'
  readonly code: 'no-such-message' | 'closed'

  constructor(code: 'no-such-message' | 'closed', detail: string) {
    super(detail)
    this.code = code
  }
}

/** How to wait. */
export interface WaitOptions {
  readonly signal?: AbortSignal
  /** Default 5,000. */
  readonly timeoutMs?: number
  /** Only messages that came in after this one. */
  readonly after?: ReceivedMessage
}

interface Waiter {
  look(message: ReceivedMessage): void
  close(): void
}

const DEFAULT_TIMEOUT_MS = 5_000

/** Every message that came in, in order, and those who wait for one. */
export class MessageLog {
  #messages: ReceivedMessage[] = []
  readonly #waiters: Set<Waiter> = new Set()
  #closed = false

  get count(): number {
    return this.#messages.length
  }

  all(pattern: MessagePattern): readonly ReceivedMessage[] {
    return this.#messages.filter((message) => mismatchOf(message, pattern) === null)
  }

  add(message: ReceivedMessage): void {
    this.#messages.push(message)
    for (const waiter of [...this.#waiters]) waiter.look(message)
  }

  clear(): void {
    this.#messages = []
  }

  /** The first message that fits, come or to come. */
  waitFor(pattern: MessagePattern, { signal, timeoutMs, after }: WaitOptions): Promise<ReceivedMessage> {
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    const from = after === undefined ? 0 : this.#messages.indexOf(after) + 1
    const found = this.#messages.slice(from).find((message) => mismatchOf(message, pattern) === null)
    if (found !== undefined) return Promise.resolve(found)
    if (this.#closed) return Promise.reject(new TestMailError('closed', 'the test mail is closed'))
    const withinMs = timeoutMs ?? DEFAULT_TIMEOUT_MS
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiters.delete(waiter)
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
      }
      const abort = () => {
        leave()
        reject(signal?.reason)
      }
      const fail = (code: TestMailError['code'], why: string) => {
        leave()
        const wanted = describePattern(pattern)
        reject(new TestMailError(code, `${why}: ${wanted}. ${describeMessages(this.#messages, pattern)}`))
      }
      const waiter: Waiter = {
        look(message) {
          let fits: boolean
          try {
            fits = mismatchOf(message, pattern) === null
          } catch (error) {
            leave()
            reject(error)
            return
          }
          if (!fits) return
          leave()
          resolve(message)
        },
        close: () => fail('closed', 'the test mail was closed before it came'),
      }
      const timer = setTimeout(
        () => fail('no-such-message', `no such message within ${withinMs} ms`),
        withinMs,
      )
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiters.add(waiter)
    })
  }

  close(): void {
    this.#closed = true
    for (const waiter of [...this.#waiters]) waiter.close()
  }
}
