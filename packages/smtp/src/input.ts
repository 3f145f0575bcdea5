import { SMTPStream } from 'smtp-server/lib/smtp-stream.js'
import { type FeedEvent, type FeedLimits, InputFeed } from './feed.ts'

/** Who acts on what the peer sent. */
export interface InputSink {
  /** Whether input may be acted on: not before the greeting. */
  readonly readsInput: boolean
  /** Input came while `readsInput` is false. */
  spokeEarly(): void
  /** Acts on one event. False: it takes time, and `proceed` is called when it is done. */
  take(event: FeedEvent, input: CommandInput): boolean
  /** Everything received so far has been acted on. */
  inputUsedUp(): void
  /** Input is left, but the sink or the event loop needs time first. */
  inputWaits(): void
  /** The peer has closed its side, and everything it sent has been acted on. */
  inputEnded(): void
  /** Acting on an event threw: a fault of ours that must cost one session, not the process. */
  inputFailed(error: unknown): void
}

/** Events acted on in one go before other sessions get their turn. */
const EVENTS_PER_TURN = 100

/** The thin stream around {@link InputFeed} that smtp-server pipes a socket into, in place of its own parser. */
export class CommandInput extends SMTPStream {
  readonly feed: InputFeed
  readonly #sink: InputSink
  #next: ((error?: Error | null) => void) | null = null
  #running = false
  #again = false
  #turn = 0

  constructor(limits: FeedLimits, sink: InputSink) {
    super()
    this.feed = new InputFeed(limits)
    this.#sink = sink
  }

  override _write(
    chunk: Buffer,
    _encoding: BufferEncoding | 'buffer',
    next: (error?: Error | null) => void,
  ): void {
    if (this.isClosed) {
      next()
      return
    }
    this.feed.push(chunk)
    this.#next = next
    this.proceed()
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.isClosed) this.#sink.inputEnded()
    done()
  }

  override _flushData(): void {}

  /** Goes on after an event that took time. */
  proceed(): void {
    if (this.#running) {
      this.#again = true
      return
    }
    this.#running = true
    try {
      do {
        this.#again = false
        this.#run()
      } while (this.#again)
    } catch (error) {
      this.isClosed = true
      this.#release()
      this.#sink.inputFailed(error)
    } finally {
      this.#running = false
    }
  }

  #run(): void {
    for (;;) {
      if (this.isClosed) {
        this.feed.discard()
        this.#release()
        return
      }
      if (!this.#sink.readsInput) {
        if (this.feed.hasInput) this.#sink.spokeEarly()
        return
      }
      const event = this.feed.next()
      if (event === null) {
        this.#turn = 0
        this.#sink.inputUsedUp()
        this.#release()
        return
      }
      if (!this.#sink.take(event, this)) {
        this.#sink.inputWaits()
        return
      }
      if (++this.#turn >= EVENTS_PER_TURN) {
        this.#turn = 0
        this.#sink.inputWaits()
        setImmediate(() => this.proceed())
        return
      }
    }
  }

  #release(): void {
    const next = this.#next
    this.#next = null
    next?.()
  }
}
