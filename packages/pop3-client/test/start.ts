import { type MemoryStore, memoryStore } from '@restante/maildrop'
import {
  createPop3Server,
  type Pop3Event,
  type Pop3Server,
  type Pop3ServerOptions,
} from '@restante/pop3-server'
import { selfSignedCertificate } from '@restante/runtime'
import { onTestFinished } from 'vitest'
import { type ConnectOptions, connectPop3, type Pop3Client } from '../src/index.ts'

export const CERTIFICATE: { readonly cert: string; readonly key: string } = selfSignedCertificate(
  ['localhost', '127.0.0.1'],
  Date.now(),
)

export interface Started {
  readonly server: Pop3Server
  readonly store: MemoryStore
  readonly events: Pop3Event[]
  readonly port: number
  readonly tlsPort: number
  /** In the clear, as anna. */
  readonly plain: ConnectOptions
  readonly implicit: ConnectOptions
  readonly stls: ConnectOptions
  connect(more?: Partial<ConnectOptions>): Promise<Pop3Client>
  /** The event of a type, past or to come. */
  event<T extends Pop3Event['type']>(type: T): Promise<Extract<Pop3Event, { type: T }>>
}

export const MAIL: readonly string[] = [
  'Subject: one\r\n\r\nfirst\r\n',
  'Subject: two\r\n\r\n.second\r\n..\r\n',
  'Subject: three\r\n\r\n',
]

/** Our own server over a store in memory; anna's password is `secret`. Gone with the test. */
export async function start(
  options: Partial<Pop3ServerOptions<string>> = {},
  mail: readonly (string | Uint8Array)[] = MAIL,
): Promise<Started> {
  const events: Pop3Event[] = []
  let wake = Promise.withResolvers<void>()
  const store = memoryStore({ anna: mail })
  const server = createPop3Server<string>({
    store,
    authenticate: (request) =>
      'password' in request && request.password === 'secret' ? { maildrop: request.name } : null,
    allowPlainLogin: 'loopback',
    tls: CERTIFICATE,
    onEvent(event) {
      events.push(event)
      wake.resolve()
      wake = Promise.withResolvers()
    },
    ...options,
    limits: { errorDelayMs: 0, ...options.limits },
  })
  const { port } = await server.listen()
  const { port: tlsPort } = await server.listen({ tls: 'implicit' })
  onTestFinished(() => server.close())
  const login = { name: 'anna', password: 'secret' }
  const plain: ConnectOptions = { host: '127.0.0.1', port, tls: 'none', login }
  return {
    server,
    store,
    events,
    port,
    tlsPort,
    plain,
    implicit: { host: '127.0.0.1', port: tlsPort, ca: CERTIFICATE.cert, servername: 'localhost', login },
    stls: { ...plain, tls: 'stls', ca: CERTIFICATE.cert, servername: 'localhost' },
    async connect(more = {}) {
      const client = await connectPop3({ ...plain, ...more })
      onTestFinished(() => client.close())
      return client
    },
    async event(type) {
      for (;;) {
        const found = events.find((event) => event.type === type)
        if (found !== undefined) return found as never
        await wake.promise
      }
    },
  }
}

/** All octets of a stream as Latin-1 text. */
export async function textOf(octets: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of octets) pieces.push(piece)
  return Buffer.concat(pieces).toString('latin1')
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`not rejected, but resolved with ${JSON.stringify(value)}`)
    },
    (error: unknown) => error,
  )
}
