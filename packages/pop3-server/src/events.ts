import type { Octets, UniqueId } from '@restante/mail'
import type { CloseReason, Failure } from '@restante/pop3'
import type { TlsInfo } from './backend.ts'

/** A session as events show it; the same object in all events of one session, always current. */
export interface SessionInfo {
  readonly id: string
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localPort: number
  readonly tls: TlsInfo | null
  /** Who logged in, or null. */
  readonly account: string | null
}

/** Why a session ended. */
export type EndReason =
  | CloseReason
  | 'dropped'
  | 'idle'
  | 'login-timeout'
  | 'handshake-timeout'
  | 'handshake-failed'
  | 'stalled'
  | 'proxy-header'
  | 'shutdown'
  | 'refused'
  | 'socket-error'
  /** The backend did not answer within the idle time. */
  | 'unanswered'
  | 'bug'

/** Where an unexpected exception came from. */
export type ErrorPlace = 'authenticate' | 'scram' | 'open' | 'read' | 'commit' | 'release' | 'session'

/** What happens in a server, as it happens. */
export type Pop3Event =
  | { readonly type: 'connection'; readonly session: SessionInfo }
  | {
      readonly type: 'refused'
      readonly session: SessionInfo
      readonly reason: 'connections' | 'connections-per-address'
    }
  | { readonly type: 'login'; readonly session: SessionInfo; readonly mechanism: string }
  | {
      readonly type: 'login-failed'
      readonly session: SessionInfo
      readonly mechanism: string
      readonly name: string
      readonly failure: Failure
    }
  | {
      readonly type: 'retrieved'
      readonly session: SessionInfo
      readonly messageNumber: number
      readonly uniqueId: UniqueId
      readonly sizeOctets: Octets
    }
  | {
      readonly type: 'deleted'
      readonly session: SessionInfo
      readonly uniqueIds: readonly UniqueId[]
    }
  | {
      readonly type: 'error'
      readonly session: SessionInfo
      readonly place: ErrorPlace
      readonly error: unknown
    }
  | {
      /** One summary per session. */
      readonly type: 'session-end'
      readonly session: SessionInfo
      readonly reason: EndReason
      readonly durationMs: number
      readonly octetsIn: Octets
      readonly octetsOut: Octets
      readonly messages: number
      readonly retrieved: number
      readonly retrievedOctets: Octets
      readonly deleted: number
    }

/** How many events wait for a slow listener before the oldest are dropped. */
const QUEUED_EVENTS = 10_000

/** Hands events to a callback and to any number of iterators; costs nothing while there is neither. */
export class EventHub {
  readonly #onEvent: ((event: Pop3Event) => void) | undefined
  readonly #queues: Set<EventQueue> = new Set()
  #ended = false

  constructor(onEvent: ((event: Pop3Event) => void) | undefined) {
    this.#onEvent = onEvent
  }

  /** Whether anyone listens; ask before building an event. */
  get heard(): boolean {
    return this.#onEvent !== undefined || this.#queues.size > 0
  }

  emit(event: Pop3Event): void {
    this.#onEvent?.(event)
    for (const queue of this.#queues) queue.put(event)
  }

  /** Events from the call on; ends when `signal` fires or the hub ends. */
  events(signal: AbortSignal | undefined): AsyncIterableIterator<Pop3Event> {
    const queue = new EventQueue()
    const end = () => queue.end()
    const leave = () => {
      this.#queues.delete(queue)
      signal?.removeEventListener('abort', end)
    }
    if (this.#ended || signal?.aborted === true) queue.end()
    else {
      signal?.addEventListener('abort', end, { once: true })
      this.#queues.add(queue)
    }
    return {
      async next() {
        const event = await queue.take()
        if (event !== null) return { done: false, value: event }
        leave()
        return { done: true, value: undefined }
      },
      async return() {
        queue.end()
        leave()
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  /** Lets every iterator finish. */
  end(): void {
    this.#ended = true
    for (const queue of this.#queues) queue.end()
  }
}

class EventQueue {
  #events: Pop3Event[] = []
  #wake: (() => void) | null = null
  #ended = false

  put(event: Pop3Event): void {
    if (this.#events.length >= QUEUED_EVENTS) this.#events.shift()
    this.#events.push(event)
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async take(): Promise<Pop3Event | null> {
    while (this.#events.length === 0) {
      if (this.#ended) return null
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = null
    }
    return this.#events.shift() as Pop3Event
  }
}
