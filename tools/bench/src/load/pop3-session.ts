import { openWire, type Wire } from './wire.ts'

const LF = 10
const PLUS = 0x2b
const TAIL = Buffer.from('\r\n.\r\n')
/** The longest first line of a reply that is still taken for one. */
const LINE_MAX = 4096

interface Awaited {
  /** `status`: one line. `lines`: up to the line with one dot. `body`: exactly `octets` more. */
  readonly what: 'status' | 'lines' | 'body'
  readonly octets: number
  readonly keep: boolean
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
}

/** A reply: its first line, and what followed it. */
export interface Reply {
  /** Without its line end. */
  readonly status: string
  /** Octets after the first line, the final dot line included. */
  readonly octets: number
  /** Those octets, where they were to be kept. */
  readonly kept: Buffer | null
}

/**
 * The client side of a POP3 session, as cheap as can be: no multi-line reply is searched. Lists end where a chunk ends with a
 * dot line (nothing else is under way then); bodies have a length known beforehand, and must end with a dot line there.
 */
export interface Pop3Session {
  send(octets: Uint8Array): void
  /** @throws {Error} what follows `-ERR`, or why the connection broke */
  status(): Promise<Reply>
  lines(options?: { readonly keep?: boolean }): Promise<Reply>
  /** `octets`: of the body as it is sent, the final dot line included. */
  body(octets: number): Promise<Reply>
  close(): void
}

/** Connects; the greeting is the first {@link Pop3Session.status}. */
export function openPop3Session(port: number, tls = false): Pop3Session {
  const reader = new ReplyReader()
  const wire: Wire = openWire(port, tls, {
    onOctets: (octets) => {
      try {
        reader.push(octets)
      } catch (error) {
        wire.close()
        reader.fail(error as Error)
      }
    },
    onEnd: (error) => reader.fail(error),
  })
  return {
    send: (octets) => wire.send(octets),
    status: () => reader.next('status'),
    lines: ({ keep = false } = {}) => reader.next('lines', 0, keep),
    body: (octets) => reader.next('body', octets),
    close: () => wire.close(),
  }
}

/** Cuts what arrives into the replies that are awaited, in their order. */
export class ReplyReader {
  #awaited: Awaited[] = []
  #first = 0
  #line = ''
  #status: string | null = null
  #left = 0
  #octets = 0
  #tail = TAIL.subarray(0, 2)
  #chunks: Buffer[] = []
  #broken: Error | null = null

  /** The reply after all those awaited so far. */
  next(what: Awaited['what'], octets = 0, keep = false): Promise<Reply> {
    if (this.#broken) return Promise.reject(this.#broken)
    return new Promise((resolve, reject) => {
      this.#awaited.push({ what, octets, keep, resolve, reject })
    })
  }

  /** Takes octets, which are the caller's again afterwards. @throws {Error} where they are no reply to anything */
  push(octets: Buffer): void {
    let at = 0
    while (at < octets.length) {
      const awaited = this.#awaited[this.#first]
      if (!awaited) throw new Error(`nobody asked for ${octets.toString('latin1', at, at + 60)}`)
      if (this.#status === null) at = this.#takeStatus(awaited, octets, at)
      else if (awaited.what === 'body') at = this.#takeBody(awaited, octets, at)
      else at = this.#takeLines(awaited, octets, at)
    }
  }

  /** Rejects all that is awaited, and all to come. */
  fail(error: Error): void {
    this.#broken ??= error
    for (const { reject } of this.#awaited.splice(0).slice(this.#first)) reject(error)
    this.#first = 0
  }

  #takeStatus(awaited: Awaited, octets: Buffer, at: number): number {
    const end = octets.indexOf(LF, at)
    const stop = end < 0 ? octets.length : end
    this.#line += octets.toString('latin1', at, stop)
    if (this.#line.length > LINE_MAX) throw new Error('a first line without an end')
    if (end < 0) return octets.length
    const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line
    this.#line = ''
    if (line.charCodeAt(0) !== PLUS) {
      this.#shift()
      awaited.reject(new Error(line.slice(0, 200)))
    } else {
      this.#status = line
      this.#octets = 0
      this.#left = awaited.octets
      this.#tail = TAIL.subarray(0, 2)
      if (awaited.what === 'status') this.#finish(awaited)
    }
    return stop + 1
  }

  #takeBody(awaited: Awaited, octets: Buffer, at: number): number {
    const stop = Math.min(octets.length, at + this.#left)
    this.#left -= stop - at
    this.#octets += stop - at
    if (this.#left > 0) {
      if (this.#left < TAIL.length) this.#remember(octets, at, stop)
      return stop
    }
    this.#remember(octets, at, stop)
    if (!this.#tail.equals(TAIL)) throw new Error('a message does not end where its size says')
    this.#finish(awaited)
    return stop
  }

  #takeLines(awaited: Awaited, octets: Buffer, at: number): number {
    this.#octets += octets.length - at
    if (awaited.keep) this.#chunks.push(Buffer.from(octets.subarray(at)))
    this.#remember(octets, at, octets.length)
    if (this.#tail.equals(TAIL)) this.#finish(awaited)
    return octets.length
  }

  /** Keeps the last five octets over the ends of chunks. */
  #remember(octets: Buffer, at: number, stop: number): void {
    this.#tail =
      stop - at >= TAIL.length
        ? Buffer.from(octets.subarray(stop - TAIL.length, stop))
        : Buffer.concat([this.#tail, octets.subarray(at, stop)]).subarray(-TAIL.length)
  }

  #finish(awaited: Awaited): void {
    const reply: Reply = {
      status: this.#status as string,
      octets: this.#octets,
      kept: awaited.keep ? Buffer.concat(this.#chunks) : null,
    }
    this.#chunks = []
    this.#status = null
    this.#shift()
    awaited.resolve(reply)
  }

  #shift(): void {
    this.#first++
    if (this.#first < 256 && this.#first < this.#awaited.length) return
    this.#awaited.splice(0, this.#first)
    this.#first = 0
  }
}
