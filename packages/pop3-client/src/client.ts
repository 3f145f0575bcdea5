import type { Octets } from '@restante/mail'
import {
  type Capabilities,
  type DropLine,
  parseDropLine,
  parseScanLine,
  parseUniqueIdLine,
  readCapabilities,
  type ScanLine,
  type StatusLine,
  type UniqueIdLine,
} from '@restante/pop3'
import type { CallOptions, Content, Dialogue } from './dialogue.ts'
import { Pop3Error, printable } from './error.ts'

/** What a retrieval may add. */
export interface RetrieveOptions extends CallOptions {
  /** Most octets taken; the server is hung up on beyond. Default `limits.messageOctets`. */
  readonly maxOctets?: Octets
}

/** One of many messages on their way. */
export interface Retrieved {
  readonly number: number
  /** The message as it comes, CRLF line ends; read it before the next one, or the rest is thrown away. */
  readonly octets: AsyncIterable<Uint8Array>
}

/** How long a session that was not ended by `quit` is given to end in good order. */
const POLITE_MS = 2_000

/**
 * A session in the TRANSACTION state (RFC 1939 §5). Calls may be made at once: they are answered in order, pipelined
 * where the server can. Message-numbers begin at 1 and stay as they are for the session.
 */
export class Pop3Client implements AsyncDisposable {
  /** What the server said it can do after the login. */
  readonly capabilities: Capabilities
  readonly #dialogue: Dialogue
  readonly #forget: () => void
  #marked = false

  constructor(dialogue: Dialogue, capabilities: Capabilities, forget: () => void) {
    this.#dialogue = dialogue
    this.capabilities = capabilities
    this.#forget = forget
  }

  /** Whether the connection is over. */
  get closed(): boolean {
    return this.#dialogue.wire.failure !== null
  }

  /** Asks anew what the server can do. */
  async capa(options: CallOptions = {}): Promise<Capabilities> {
    const lines: Uint8Array[] = []
    await this.#listing('CAPA', options, (line) => lines.push(line))
    return readCapabilities(lines)
  }

  /** How many messages there are, and their octets together. */
  stat(options: CallOptions = {}): Promise<DropLine> {
    return this.#dialogue.ask('STAT', (status) => this.#read('STAT', status.text, parseDropLine), options)
  }

  /** Sizes of all messages, or of one. */
  list(options?: CallOptions): Promise<readonly ScanLine[]>
  list(number: number, options?: CallOptions): Promise<ScanLine>
  list(first?: number | CallOptions, second?: CallOptions): Promise<readonly ScanLine[] | ScanLine> {
    return typeof first === 'number'
      ? this.#one(`LIST ${digits(first)}`, parseScanLine, second)
      : this.#all('LIST', parseScanLine, first)
  }

  /** Unique-ids of all messages, or of one. */
  uidl(options?: CallOptions): Promise<readonly UniqueIdLine[]>
  uidl(number: number, options?: CallOptions): Promise<UniqueIdLine>
  uidl(first?: number | CallOptions, second?: CallOptions): Promise<readonly UniqueIdLine[] | UniqueIdLine> {
    return typeof first === 'number'
      ? this.#one(`UIDL ${digits(first)}`, parseUniqueIdLine, second)
      : this.#all('UIDL', parseUniqueIdLine, first)
  }

  /**
   * A message as it comes, CRLF line ends, unstuffed; its reader sets the pace. Asked for when reading begins. Other
   * calls wait until it has been read; a reader who leaves early lets the rest be thrown away.
   */
  retr(number: number, options: RetrieveOptions = {}): AsyncIterableIterator<Uint8Array> {
    return this.#retrieve(`RETR ${digits(number)}`, options)
  }

  /** Header and the first `lines` lines of the body, as {@link retr}. */
  top(number: number, lines: number, options: RetrieveOptions = {}): AsyncIterableIterator<Uint8Array> {
    return this.#retrieve(`TOP ${digits(number)} ${digits(lines)}`, options)
  }

  /** A message in one array. */
  retrWhole(number: number, options: RetrieveOptions = {}): Promise<Uint8Array> {
    return this.#whole(`RETR ${digits(number)}`, options)
  }

  /** What {@link top} gives, in one array. */
  topWhole(number: number, lines: number, options: RetrieveOptions = {}): Promise<Uint8Array> {
    return this.#whole(`TOP ${digits(number)} ${digits(lines)}`, options)
  }

  /**
   * Messages one after the other, the next ones already asked for where the server pipelines. Left early, those
   * asked for are thrown away as they come. A message that is refused ends it with that error.
   */
  async *retrMany(
    numbers: Iterable<number>,
    { maxOctets, signal }: CallOptions & { readonly maxOctets?: (number: number) => Octets } = {},
  ): AsyncGenerator<Retrieved, void, undefined> {
    const most = this.#dialogue.wire.limits.messageOctets
    const ahead = Math.min(this.#dialogue.window, 16)
    const left = numbers[Symbol.iterator]()
    const asked: { readonly number: number; readonly content: Promise<Content> }[] = []
    const askMore = () => {
      while (asked.length < ahead) {
        const next = left.next()
        if (next.done === true) return
        const number = next.value
        const content = this.#dialogue.askContent(
          `RETR ${digits(number)}`,
          maxOctets?.(number) ?? most,
          signal === undefined ? {} : { signal },
        )
        content.catch(() => {})
        asked.push({ number, content })
      }
    }
    try {
      for (;;) {
        askMore()
        const first = asked[0]
        if (first === undefined) return
        const content = await first.content
        asked.shift()
        try {
          yield { number: first.number, octets: readContent(content, signal) }
        } finally {
          content.leave()
        }
      }
    } finally {
      for (const { content } of asked)
        content.then(
          (each) => each.leave(),
          () => {},
        )
    }
  }

  /** Marks a message for deletion; only {@link quit} deletes. */
  dele(number: number, options: CallOptions = {}): Promise<void> {
    this.#marked = true
    return this.#dialogue.ask(`DELE ${digits(number)}`, () => {}, options)
  }

  /** Takes all marks back. */
  rset(options: CallOptions = {}): Promise<void> {
    return this.#dialogue.ask(
      'RSET',
      () => {
        this.#marked = false
      },
      options,
    )
  }

  /** Shows the server that we are still here. */
  noop(options: CallOptions = {}): Promise<void> {
    return this.#dialogue.ask('NOOP', () => {}, options)
  }

  /**
   * Ends the session: the server deletes what is marked, and gives the maildrop back.
   *
   * @throws {Pop3Error} where it did not, or where nobody knows
   */
  async quit(options: CallOptions = {}): Promise<void> {
    try {
      await this.#dialogue.ask('QUIT', () => {}, { ...options, alone: true })
    } finally {
      await this.#dialogue.wire.hangUp()
      this.#forget()
    }
  }

  /** Drops the connection at once; nothing is deleted. */
  close(): void {
    this.#dialogue.wire.fail(new Pop3Error('closed', 'closed by the caller'))
    this.#forget()
  }

  /** Ends the session without deleting anything: marks are taken back first. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.closed && !this.#dialogue.retrieving) {
      const timer = setTimeout(() => this.close(), POLITE_MS)
      try {
        if (this.#marked) await this.rset()
        await this.quit()
      } catch {
        // It was only politeness.
      }
      clearTimeout(timer)
    }
    this.close()
  }

  async *#retrieve(
    command: string,
    { maxOctets, ...options }: RetrieveOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const most = maxOctets ?? this.#dialogue.wire.limits.messageOctets
    const content = await this.#dialogue.askContent(command, most, options)
    yield* readContent(content, options.signal)
  }

  async #whole(command: string, { maxOctets, ...options }: RetrieveOptions): Promise<Uint8Array> {
    const most = maxOctets ?? this.#dialogue.wire.limits.wholeOctets
    const content = await this.#dialogue.askContent(command, most, options)
    const pieces: Uint8Array[] = []
    for await (const piece of readContent(content, options.signal)) pieces.push(piece)
    return Buffer.concat(pieces)
  }

  #one<T>(command: string, parse: (text: string) => T | null, options: CallOptions | undefined): Promise<T> {
    return this.#dialogue.ask(command, (status) => this.#read(command, status.text, parse), options)
  }

  async #all<T extends { readonly number: number }>(
    command: string,
    parse: (line: Uint8Array) => T | null,
    options: CallOptions = {},
  ): Promise<readonly T[]> {
    const lines: T[] = []
    let last = 0
    await this.#listing(command, options, (octets) => {
      const line = parse(octets)
      // In order and each once, so that a number can be relied on to name one message.
      if (line === null || line.number <= last)
        throw this.#broken(command, Buffer.from(octets).toString('latin1'))
      last = line.number
      lines.push(line)
    })
    return lines
  }

  #listing(command: string, options: CallOptions, take: (line: Uint8Array) => void): Promise<void> {
    const { wire } = this.#dialogue
    const read = (_: StatusLine) => wire.listing(wire.limits.messages, take)
    return this.#dialogue.ask(command, read, options)
  }

  #read<T>(command: string, text: string, parse: (text: string) => T | null): T {
    const value = parse(text)
    if (value === null) throw this.#broken(command, text)
    return value
  }

  #broken(command: string, said: string): Pop3Error {
    return this.#dialogue.wire.fail(new Pop3Error('protocol', `${command} answered: ${printable(said)}`))
  }
}

async function* readContent(
  content: Content,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (;;) {
      const piece = await nextPiece(content, signal)
      if (piece === null) return
      yield piece
    }
  } finally {
    content.leave()
  }
}

async function nextPiece(content: Content, signal: AbortSignal | undefined): Promise<Uint8Array | null> {
  if (signal === undefined) return content.next()
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | null>()
  const give = () => reject(signal.reason)
  signal.addEventListener('abort', give, { once: true })
  content.next().then(resolve, reject)
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', give)
  }
}

function digits(number: number): string {
  if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`no message-number: ${number}`)
  return String(number)
}
