import { readFileSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import { createPop3Server, type Pop3Event, type Pop3Server, type Pop3ServerOptions } from '../src/index.ts'
import { type ArrayStore, arrayStore } from './array-store.ts'

const pem = (name: string) => readFileSync(new URL(`data/${name}.pem`, import.meta.url))

export const localhost = { key: pem('localhost.key'), cert: pem('localhost.cert') }
export const other = { key: pem('other.key'), cert: pem('other.cert') }

export interface Started {
  readonly server: Pop3Server
  readonly store: ArrayStore
  readonly port: number
  readonly tlsPort: number
  readonly events: Pop3Event[]
  /** Resolves with the next event of a type, or one that has come already. */
  event<T extends Pop3Event['type']>(type: T): Promise<Extract<Pop3Event, { type: T }>>
}

/** A server on free loopback ports, stopped with the test. anna and boris have the password `secret`. */
export async function start(
  options: Partial<Pop3ServerOptions<string>> = {},
  store: ArrayStore = arrayStore({
    anna: ['Subject: one\r\n\r\nfirst\r\n', 'Subject: two\r\n\r\n.second\r\n..\r\n'],
    boris: [],
  }),
): Promise<Started> {
  const events: Pop3Event[] = []
  let wake: (() => void)[] = []
  const server = createPop3Server<string>({
    store,
    authenticate: (request) =>
      'password' in request && request.password === 'secret' ? { maildrop: request.name } : null,
    allowPlainLogin: 'loopback',
    tls: localhost,
    onEvent(event) {
      events.push(event)
      const woken = wake
      wake = []
      for (const resolve of woken) resolve()
    },
    ...options,
    limits: { errorDelayMs: 0, ...options.limits },
  })
  const plain = await server.listen()
  const implicit =
    'tls' in options && options.tls === undefined ? plain : await server.listen({ tls: 'implicit' })
  onTestFinished(() => server.close())
  return {
    server,
    store,
    port: plain.port,
    tlsPort: implicit.port,
    events,
    async event(type) {
      for (;;) {
        const found = events.find((event) => event.type === type)
        if (found !== undefined) return found as never
        await new Promise<void>((resolve) => wake.push(resolve))
      }
    },
  }
}
