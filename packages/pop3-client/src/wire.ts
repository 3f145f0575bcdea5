import type { Socket } from 'node:net'
import type { Octets } from '@restante/mail'
import { parseStatusLine, ReplyReader, type StatusLine } from '@restante/pop3'
import { Pop3Error, printable, refusalOf } from './error.ts'
import type { ClientLimits, ClientTimeouts } from './options.ts'

/** Octets received ahead of their reader before the server has to wait. */
const AHEAD_OCTETS: Octets = 65_536

const NO_OCTETS = new Uint8Array(0)

/** The socket as lines and octets, read by one reader at a time; nothing is read that nobody waits for. */
export class Wire {
  readonly limits: ClientLimits
  readonly timeouts: ClientTimeouts
  readonly #reader: ReplyReader = new ReplyReader()
  #socket: Socket
  #failure: Pop3Error | null = null
  #waiter: PromiseWithResolvers<void> | null = null
  #ended = false
  /** Called once, when there is no going on. */
  onFailure: ((error: Pop3Error) => void) | null = null
  /** Whether an answer is due: what comes otherwise nobody asked for. */
  expects: () => boolean = () => true

  constructor(socket: Socket, limits: ClientLimits, timeouts: ClientTimeouts) {
    this.#socket = socket
    this.limits = limits
    this.timeouts = timeouts
    this.#listen(socket)
  }

  get socket(): Socket {
    return this.#socket
  }

  get failure(): Pop3Error | null {
    return this.#failure
  }

  write(octets: Uint8Array): void {
    if (this.#failure === null) this.#socket.write(octets)
  }

  /** The next status line. Throws for silence, the end, and what is no status line. */
  async status(maxOctets: Octets = this.limits.lineOctets): Promise<StatusLine> {
    const line = await this.#line(() => this.#reader.nextLine(maxOctets), this.timeouts.replyMs)
    const status = parseStatusLine(line)
    if (status !== null) return status
    throw this.fail(
      new Pop3Error('protocol', `no status line: ${printable(Buffer.from(line).toString('latin1'))}`),
    )
  }

  /** Hands over the lines of a listing up to its end; at most `most` of them. */
  async listing(most: number, take: (line: Uint8Array) => void): Promise<void> {
    for (let lines = 0; ; lines++) {
      const found = this.#reader.nextListingLine(this.limits.lineOctets)
      let ended = found === 'end'
      const line =
        found === 'more'
          ? await this.#line(() => {
              const next = this.#reader.nextListingLine(this.limits.lineOctets)
              ended = next === 'end'
              return next === 'end' ? NO_OCTETS : next
            }, this.timeouts.replyMs)
          : found
      if (ended) return
      if (typeof line === 'string') throw this.fail(new Pop3Error('protocol', 'a line without end'))
      if (lines >= most) throw this.fail(new Pop3Error('too-large', `a listing of more than ${most} lines`))
      take(line)
    }
  }

  /** The next octets of a message; null for its end. The array belongs to the caller. */
  async content(): Promise<Uint8Array | null> {
    for (;;) {
      const piece = this.#reader.nextContent()
      if (piece === 'end') return null
      if (piece !== 'more') return piece
      await this.#fill(this.timeouts.silenceMs)
    }
  }

  /** No answer is due: what has come beyond the last one breaks the session. */
  expectQuiet(): void {
    if (this.#reader.heldOctets === 0 || this.#failure !== null) return
    const line = this.#reader.nextLine(this.limits.lineOctets)
    this.#unasked(typeof line === 'string' ? NO_OCTETS : line)
  }

  /** Puts another socket (TLS over this one) in the place of the present one. */
  replaceSocket(make: (raw: Socket) => Socket): void {
    if (this.#failure !== null) throw this.#failure
    if (this.#reader.heldOctets > 0)
      throw this.fail(new Pop3Error('protocol', 'the server sent octets before TLS had begun'))
    const raw = this.#socket
    raw.off('data', this.#receive)
    raw.off('end', this.#onEnd)
    raw.off('close', this.#onEnd)
    raw.off('error', this.#onError)
    raw.on('error', () => {})
    this.#socket = make(raw)
    this.#listen(this.#socket)
  }

  /** Ends the connection for good with a reason; the first reason stays. Returns the one that counts. */
  fail(error: Pop3Error): Pop3Error {
    // Nothing that came before can be believed, or is wanted.
    if (this.#failure === null) this.#reader.clear()
    return this.#end(error)
  }

  #end(error: Pop3Error): Pop3Error {
    if (this.#failure !== null) return this.#failure
    this.#failure = error
    this.#socket.destroy()
    this.#waiter?.reject(error)
    this.#waiter = null
    this.onFailure?.(error)
    return error
  }

  /** Hangs up in good order after QUIT. */
  async hangUp(): Promise<void> {
    this.#ended = true
    const socket = this.#socket
    if (!socket.destroyed) {
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
      socket.end()
      socket.resume()
      const timer = setTimeout(() => socket.destroy(), 1_000)
      await closed
      clearTimeout(timer)
    }
    this.fail(new Pop3Error('closed', 'the session has ended'))
  }

  async #line(next: () => Uint8Array | 'more' | 'too-long', withinMs: number): Promise<Uint8Array> {
    // One clock for the whole line, so that a line in drips ends too.
    let deadlineMs = 0
    for (;;) {
      const line = next()
      if (typeof line !== 'string') return line
      if (line === 'too-long') throw this.fail(new Pop3Error('protocol', 'a line without end'))
      const nowMs = performance.now()
      if (deadlineMs === 0) deadlineMs = nowMs + withinMs
      await this.#fill(Math.max(0, deadlineMs - nowMs))
    }
  }

  /** Waits for more octets. */
  async #fill(withinMs: number): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    const waiter = Promise.withResolvers<void>()
    this.#waiter = waiter
    const timer = setTimeout(
      () => this.fail(new Pop3Error('timeout', 'the server is silent')),
      Math.max(1, withinMs),
    )
    this.#socket.resume()
    try {
      await waiter.promise
    } finally {
      clearTimeout(timer)
    }
  }

  #listen(socket: Socket): void {
    socket.on('data', this.#receive)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onEnd)
    socket.on('error', this.#onError)
  }

  #onEnd = (): void => this.#over(null)
  #onError = (cause: Error): void => this.#over(cause)

  #receive = (chunk: Buffer): void => {
    if (this.#ended) return
    if (this.#waiter === null && !this.expects()) {
      this.#unasked(chunk)
      return
    }
    this.#reader.push(chunk)
    const waiter = this.#waiter
    this.#waiter = null
    if (waiter !== null) waiter.resolve()
    else if (this.#reader.heldOctets > AHEAD_OCTETS) this.#socket.pause()
  }

  /** Servers say -ERR before they hang up; anything else out of turn breaks the pairing of question and answer. */
  #unasked(chunk: Uint8Array): void {
    const line = Buffer.from(chunk.subarray(0, 512)).toString('latin1').split(/\r?\n/, 1)[0] ?? ''
    const status = parseStatusLine(Buffer.from(line, 'latin1'))
    if (status?.status === 'err') {
      const { code, message } = refusalOf(status, 'the server hung up', false)
      this.fail(new Pop3Error(code === 'refused' ? 'closed' : code, message, { status }))
    } else this.fail(new Pop3Error('protocol', `nobody asked for: ${printable(line)}`))
  }

  #over(cause: Error | null): void {
    if (this.#ended || this.#failure !== null) return
    const error = new Pop3Error('closed', cause?.message ?? 'the server closed the connection', {
      ...(cause === null ? {} : { cause }),
    })
    // What came before may still be read.
    this.#end(error)
  }
}
