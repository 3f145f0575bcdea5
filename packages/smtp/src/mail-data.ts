/** Why mail data ended before its end: the reply is the library's business, the reader only lets go. */
export type MailDataCause = 'oversized' | 'line-ends' | 'disconnected' | 'aborted' | 'timeout'

/** Thrown by the body while a message is read that will not be complete. */
export class MailDataError extends Error {
  override readonly name = 'MailDataError'
  readonly code: MailDataCause

  constructor(code: MailDataCause) {
    super(`mail data ended early: ${code}`)
    this.code = code
  }
}

/** Octets that may wait for the reader before the peer has to. */
const HIGH_WATER_OCTETS = 256 * 1024

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

interface Waiting {
  readonly resolve: (result: IteratorResult<Uint8Array, undefined>) => void
  readonly reject: (error: MailDataError) => void
}

/**
 * The mail data of one transaction, read once by one reader, with back-pressure towards the peer. Chunks
 * belong to the reader. Leaving the loop early is allowed: the rest is then thrown away as it comes.
 */
export class MailData implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #queue: Uint8Array[] = []
  #queuedOctets = 0
  #waiting: Waiting | null = null
  #ended = false
  #error: MailDataError | null = null
  #abandoned = false
  #whenDrained: (() => void) | null = null

  /**
   * Hands octets to the reader.
   *
   * @param whenDrained called once, later, if and only if the answer is false
   * @returns false if the peer should wait
   */
  push(octets: Uint8Array, whenDrained: () => void): boolean {
    if (this.#ended || this.#abandoned || octets.length === 0) return true
    if (this.#waiting !== null) {
      const { resolve } = this.#waiting
      this.#waiting = null
      resolve({ done: false, value: octets })
      return true
    }
    this.#queue.push(octets)
    this.#queuedOctets += octets.length
    if (this.#queuedOctets < HIGH_WATER_OCTETS) return true
    this.#whenDrained = whenDrained
    return false
  }

  /** All octets have been pushed. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#waiting?.resolve(DONE)
    this.#waiting = null
  }

  /** No more octets come, and those not yet read are void. */
  fail(cause: MailDataCause): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = new MailDataError(cause)
    this.#clear()
    this.#waiting?.reject(this.#error)
    this.#waiting = null
  }

  /** The reader is gone: what comes is thrown away. */
  abandon(): void {
    this.#abandoned = true
    this.#clear()
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const octets = this.#queue.shift()
    if (octets !== undefined) {
      this.#queuedOctets -= octets.length
      if (this.#queuedOctets < HIGH_WATER_OCTETS) this.#drained()
      return Promise.resolve({ done: false, value: octets })
    }
    if (this.#error !== null) return Promise.reject(this.#error)
    if (this.#ended || this.#abandoned) return Promise.resolve(DONE)
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.abandon()
    return Promise.resolve(DONE)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #clear(): void {
    this.#queue.length = 0
    this.#queuedOctets = 0
    this.#drained()
  }

  #drained(): void {
    const resume = this.#whenDrained
    this.#whenDrained = null
    // Not on the reader's stack: the peer's next octets are not its affair.
    if (resume !== null) queueMicrotask(resume)
  }
}
