import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { type Envelope, fillReply, REPLIES } from '@restante/mail'
import {
  createSmtpServer,
  type DataContext,
  type SmtpEvent,
  type SmtpServer,
  type SmtpServerOptions,
  type TlsOptions,
} from '../src/index.ts'

export const TLS: { readonly key: Buffer; readonly cert: Buffer } = {
  key: readFileSync(new URL('data/mx.key.pem', import.meta.url)),
  cert: readFileSync(new URL('data/mx.cert.pem', import.meta.url)),
}

/** A message as the data hook saw it. */
export interface Taken {
  readonly envelope: Envelope
  readonly parameters: DataContext['parameters']
  readonly recipientParameters: DataContext['recipientParameters']
  readonly body: string
}

/** A running listener whose hooks accept everybody but `nobody@` and keep what they get. */
export interface Bench extends AsyncDisposable {
  readonly server: SmtpServer
  readonly port: number
  readonly taken: Taken[]
  readonly events: SmtpEvent[]
  client(): Promise<Client>
}

/** Options that differ from the bench's; `tls: null` is none. */
export type BenchOptions = Partial<Omit<SmtpServerOptions, 'tls'>> & { readonly tls?: TlsOptions | null }

export async function startBench({ tls = TLS, ...options }: BenchOptions = {}): Promise<Bench> {
  const taken: Taken[] = []
  const events: SmtpEvent[] = []
  const clients: Client[] = []
  const server = createSmtpServer({
    mode: 'smtp',
    hostname: 'mx.test',
    ...(tls === null ? {} : { tls }),
    policy: {
      rcpt: ({ recipient }) => (recipient.localPart === 'nobody' ? REPLIES['unknown-recipient'] : null),
    },
    async data(envelope, body, { parameters, recipientParameters }) {
      const chunks: Uint8Array[] = []
      for await (const octets of body) chunks.push(octets)
      taken.push({
        envelope,
        parameters,
        recipientParameters,
        body: Buffer.concat(chunks).toString('latin1'),
      })
      return fillReply(REPLIES.accepted, { id: String(taken.length) })
    },
    onEvent: (event) => {
      events.push(event)
    },
    ...options,
    limits: {
      connectionsPerAddress: null,
      connectionsPerAddressPerMinute: null,
      errorsPerAddress: null,
      errorDelayMs: 0,
      ...options.limits,
    },
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  return {
    server,
    port,
    taken,
    events,
    async client() {
      const client = await Client.open(port)
      clients.push(client)
      return client
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy()
      await server.close({ drainMs: 0 })
    },
  }
}

/** A peer that says octets and reads replies. */
export class Client {
  #socket: Socket
  #received = ''
  #closed = false
  #wake: (() => void) | null = null

  constructor(socket: Socket) {
    this.#socket = socket
    this.#attach()
  }

  static async open(port: number): Promise<Client> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new Client(socket)
  }

  #attach(): void {
    const socket = this.#socket
    socket.on('data', (octets: Buffer) => {
      this.#received += octets.toString('utf8')
      this.#wake?.()
    })
    const end = (): void => {
      this.#closed = true
      this.#wake?.()
    }
    socket.on('end', end)
    socket.on('close', end)
    socket.on('error', end)
  }

  get socket(): Socket {
    return this.#socket
  }

  write(octets: string | Buffer): void {
    if (!this.#socket.destroyed)
      this.#socket.write(typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets)
  }

  /** The next whole reply, lines joined by LF; `<closed>` when the server has hung up. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3} [^\r\n]*\r\n/.exec(this.#received)
      if (match !== null) {
        this.#received = this.#received.slice(match[0].length)
        return match[0].trimEnd().replaceAll('\r\n', '\n')
      }
      if (this.#closed) return '<closed>'
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** The next line; `<closed>` when the server has hung up. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#received.indexOf('\r\n')
      if (end >= 0) {
        const line = this.#received.slice(0, end)
        this.#received = this.#received.slice(end + 2)
        return line
      }
      if (this.#closed) return '<closed>'
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Writes octets and gives the server time to read them alone. */
  async writeAlone(octets: string): Promise<void> {
    this.write(octets)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }

  /** Writes a line and reads the reply. */
  async ask(line: string): Promise<string> {
    this.write(`${line}\r\n`)
    return this.reply()
  }

  /** Reads until the server hangs up; what it said. */
  async rest(): Promise<string> {
    while (!this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#received
  }

  /** Goes on inside TLS; resolves after the handshake, rejects if it fails. */
  async startTls(options: ConnectionOptions = {}): Promise<TLSSocket> {
    const raw = this.#socket
    raw.removeAllListeners()
    const socket = connectTls({ socket: raw, rejectUnauthorized: false, ...options })
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('closed')))
    })
    this.#socket = socket
    this.#received = ''
    this.#attach()
    return socket
  }

  /** What has come and was not read as a reply. */
  get unread(): string {
    return this.#received
  }

  /** Says hello, MAIL and one RCPT; the reply to the last. */
  async begin(hello = 'EHLO client.test'): Promise<string> {
    await this.reply()
    await this.ask(hello)
    await this.ask('MAIL FROM:<a@b.test>')
    return this.ask('RCPT TO:<c@d.test>')
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** Resolves once `seen` holds; for things that happen after the last reply. */
export async function until(seen: () => boolean): Promise<void> {
  while (!seen()) await new Promise((resolve) => setTimeout(resolve, 5))
}
