import type { Octets } from '@restante/mail'
import type { StatusLine } from '@restante/pop3'
import { Pop3Error, refusalOf } from './error.ts'
import type { Wire } from './wire.ts'

/** A command and what is done with its reply. */
interface Exchange {
  readonly line: Uint8Array
  /** Reads exactly this command's reply. Its rejection ends the connection; a refusal is no rejection. */
  read(): Promise<void>
  /** The command will not be sent, or not be answered. */
  fail(error: unknown): void
  readonly alone: boolean
}

/** What a call may add. */
export interface CallOptions {
  /** Gives up the call; the reply is still read, and thrown away, for the sake of those behind it. */
  readonly signal?: AbortSignal
}

/**
 * Questions and answers in order: as many commands on their way as the window allows, every reply read by whoever
 * asked for it, one after the other.
 */
export class Dialogue {
  readonly wire: Wire
  /** Commands on their way at once. */
  window = 1
  readonly #unsent: Exchange[] = []
  readonly #sent: Exchange[] = []
  #reading = false
  #retrieving = false

  constructor(wire: Wire) {
    this.wire = wire
    wire.expects = () => this.#sent.length > 0
    wire.onFailure = () => this.#pump()
  }

  /** A message is on its way and has not come to its end. */
  get retrieving(): boolean {
    return this.#retrieving
  }

  /**
   * Asks and lets `read` have the reply from its +OK on.
   *
   * @throws {Pop3Error} for -ERR, and whatever ends the connection
   */
  ask<T>(
    command: string,
    read: (status: StatusLine) => T | Promise<T>,
    { signal, login = false, alone = false, secret = false }: CallOptions & AskOptions = {},
  ): Promise<T> {
    const name = secret ? (command.split(' ', 1)[0] as string) : command
    return this.#put<T>(command, alone, signal, async (resolve, reject) => {
      const status = await this.wire.status()
      if (status.status === 'err') reject(refusalOf(status, name, login))
      else if (status.status === 'ok') resolve(await read(status))
      else throw this.wire.fail(new Pop3Error('protocol', `${name}: a challenge for an answer`))
    })
  }

  /** Asks in a form of its own: `read` has the whole reply, status line included, and may write in between. */
  exchange<T>(line: string, read: (wire: Wire) => Promise<T>, options: CallOptions = {}): Promise<T> {
    return this.#put<T>(line, true, options.signal, async (resolve) => resolve(await read(this.wire)))
  }

  /**
   * Asks for a message. Resolves at its +OK, when everything before it has been read; the message must then be read
   * to its end or left.
   */
  askContent(command: string, maxOctets: Octets, { signal }: CallOptions = {}): Promise<Content> {
    return this.#put<Content>(command, false, signal, async (resolve, reject, given) => {
      const status = await this.wire.status()
      if (status.status === 'err') {
        reject(refusalOf(status, command, false))
        return
      }
      if (status.status !== 'ok')
        throw this.wire.fail(new Pop3Error('protocol', `${command}: a challenge for an answer`))
      const content = new Content(this.wire, maxOctets)
      if (given()) content.leave()
      else resolve(content)
      this.#retrieving = true
      await content.over
      this.#retrieving = false
    })
  }

  #put<T>(
    line: string,
    alone: boolean,
    signal: AbortSignal | undefined,
    read: (
      resolve: (value: T) => void,
      reject: (error: unknown) => void,
      /** Whether the caller has gone. */
      gone: () => boolean,
    ) => Promise<void>,
  ): Promise<T> {
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    let gone = false
    const exchange: Exchange = {
      line: Buffer.from(`${line}\r\n`, 'utf8'),
      alone,
      fail: reject,
      async read() {
        try {
          await read(resolve, reject, () => gone)
        } catch (error) {
          reject(error)
          throw error
        }
      },
    }
    if (signal !== undefined) {
      const give = () => {
        gone = true
        const unsent = this.#unsent.indexOf(exchange)
        if (unsent >= 0) this.#unsent.splice(unsent, 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', give, { once: true })
      const forget = () => signal.removeEventListener('abort', give)
      promise.then(forget, forget)
    }
    this.#unsent.push(exchange)
    this.#pump()
    return promise
  }

  /** Sends what the window allows; one write for all of it. */
  #pump(): void {
    const { failure } = this.wire
    if (failure !== null) {
      for (const exchange of this.#unsent.splice(0)) exchange.fail(failure)
      return
    }
    const lines: Uint8Array[] = []
    for (let next = this.#unsent[0]; next !== undefined; next = this.#unsent[0]) {
      const window = next.alone || this.#sent.at(-1)?.alone === true ? 1 : this.window
      if (this.#sent.length >= window) break
      this.#unsent.shift()
      this.#sent.push(next)
      lines.push(next.line)
    }
    if (lines.length > 0)
      this.wire.write(lines.length === 1 ? (lines[0] as Uint8Array) : Buffer.concat(lines))
    if (!this.#reading && this.#sent.length > 0) void this.#readReplies()
  }

  async #readReplies(): Promise<void> {
    this.#reading = true
    for (let first = this.#sent[0]; first !== undefined; first = this.#sent[0]) {
      try {
        await first.read()
      } catch (error) {
        // A reader that failed has left its reply half read: nothing after it can be told apart.
        this.wire.fail(new Pop3Error('closed', 'a reply was left half read', { cause: error }))
      }
      this.#sent.shift()
      if (this.#sent.length === 0) this.wire.expectQuiet()
      this.#pump()
    }
    this.#reading = false
  }
}

interface AskOptions {
  /** The command logs in. */
  readonly login?: boolean
  /** Nothing else is on its way at the same time. */
  readonly alone?: boolean
  /** The arguments must not show in errors. */
  readonly secret?: boolean
}

/** A message on its way in: read to its end, or left. */
export class Content {
  readonly #wire: Wire
  readonly #maxOctets: Octets
  readonly #over: PromiseWithResolvers<void> = Promise.withResolvers()
  #octets: Octets = 0
  #ended = false
  #reading: Promise<unknown> | null = null
  #stalled: NodeJS.Timeout | null = null

  constructor(wire: Wire, maxOctets: Octets) {
    this.#wire = wire
    this.#maxOctets = maxOctets
    // Whoever reads learns of a failure by reading.
    this.#over.promise.catch(() => {})
    this.#watch()
  }

  /** Settles when the reply has been read to its end, by whomever. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  /** Octets handed out so far. */
  get octets(): Octets {
    return this.#octets
  }

  /** The next octets, the caller's to keep; null at the end. */
  async next(): Promise<Uint8Array | null> {
    if (this.#ended) return null
    if (this.#stalled !== null) clearTimeout(this.#stalled)
    const reading = this.#read()
    this.#reading = reading
    const piece = await reading
    this.#reading = null
    if (piece !== null) this.#watch()
    return piece
  }

  /** Throws the rest away as it comes. */
  leave(): void {
    if (this.#ended) return
    if (this.#stalled !== null) clearTimeout(this.#stalled)
    void this.#drain()
  }

  async #drain(): Promise<void> {
    try {
      await this.#reading
      while (!this.#ended && (await this.#read()) !== null);
    } catch {
      // `over` tells.
    }
  }

  async #read(): Promise<Uint8Array | null> {
    try {
      const piece = await this.#wire.content()
      if (piece === null) {
        this.#ended = true
        this.#over.resolve()
        return null
      }
      this.#octets += piece.length
      if (this.#octets > this.#maxOctets)
        throw this.#wire.fail(new Pop3Error('too-large', `a message of more than ${this.#maxOctets} octets`))
      return piece
    } catch (error) {
      this.#ended = true
      this.#over.reject(error)
      throw error
    }
  }

  #watch(): void {
    this.#stalled = setTimeout(() => {
      this.#ended = true
      this.#over.reject(this.#wire.fail(new Pop3Error('timeout', 'a message was left unread for too long')))
    }, this.#wire.timeouts.stalledMs)
    this.#stalled.unref()
  }
}
