import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import type { SaslTools, SessionPolicy } from '@restante/pop3'
import { Connection } from './connection.ts'
import { EventHub, type Pop3Event } from './events.ts'
import { parseNetworks } from './networks.ts'
import { DEFAULT_LIMITS, type Pop3ServerOptions, type ServerLimits } from './options.ts'
import type { ServerParts } from './parts.ts'
import { makeTlsContexts, type TlsSettings } from './tls.ts'

/** Where to listen. */
export interface ListenOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Default 0: a free one. */
  readonly port?: number
  /** A listening socket inherited from the service manager, in place of host and port. */
  readonly fd?: number
  /** `stls` (default): plain, with STLS where there is a certificate. `implicit`: TLS from the first octet. */
  readonly tls?: 'stls' | 'implicit'
  readonly backlog?: number
}

/** One listening socket. */
export interface Listener {
  readonly host: string
  readonly port: number
  /** Stops accepting here; sessions go on. */
  close(): Promise<void>
}

/** A running POP3 server. */
export interface Pop3Server extends AsyncDisposable {
  /** Listens; may be called several times (plain and implicit TLS, several addresses). */
  listen(options?: ListenOptions): Promise<Listener>
  /** Events from the call on, until `signal` fires or the server is closed. Oldest dropped beyond 10,000 waiting. */
  events(options?: { readonly signal?: AbortSignal }): AsyncIterable<Pop3Event>
  /** Certificates for handshakes from now on; running sessions keep theirs. Throws on unusable ones, changing nothing. */
  setTls(settings: TlsSettings): void
  /** Sessions that are open now. */
  readonly sessionCount: number
  /**
   * Stops accepting, ends sessions that are not logged in, lets the others finish for up to `drainMs`
   * (default 0), then drops them; what a dropped session marked stays. Resolves when all maildrops are back.
   */
  close(options?: { readonly drainMs?: number }): Promise<void>
}

/** How long closing waits for maildrops to come back from sessions it has cut. */
const GIVE_BACK_MS = 10_000

async function settleWithin(
  mostMs: number,
  connections: readonly { readonly ended: Promise<void> }[],
): Promise<void> {
  if (connections.length === 0) return
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, mostMs)
  })
  await Promise.race([Promise.all(connections.map((connection) => connection.ended)), tooLong])
  clearTimeout(timer)
}

/** A POP3 server over a store and a check of credentials. Nothing listens until `listen`. */
export function createPop3Server<Key>(options: Pop3ServerOptions<Key>): Pop3Server {
  const limits: ServerLimits = { ...DEFAULT_LIMITS, ...options.limits }
  const hub = new EventHub(options.onEvent)
  const tools: SaslTools = {
    hmacSha256: (key, message) => createHmac('sha256', key).update(message).digest(),
    sha256: (octets) => createHash('sha256').update(octets).digest(),
    nonce: () => randomBytes(18).toString('base64url'),
    equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
  }
  const policy: SessionPolicy = {
    limits,
    implementation: options.implementation ?? 'Restante',
    mechanisms: [
      ...(options.scram === undefined ? [] : (['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] as const)),
      ...(options.mechanisms ?? (['PLAIN', 'LOGIN'] as const)),
    ],
    tools,
    ...(options.expire === undefined ? {} : { expire: options.expire }),
    ...(options.loginDelay === undefined ? {} : { loginDelay: options.loginDelay }),
    ...(options.utf8 === undefined ? {} : { utf8: options.utf8 }),
  }
  const listeners = new Set<Server>()
  const connections = new Set<Connection<Key>>()
  let draining = false
  const idPrefix = randomBytes(5).toString('hex')
  let sessions = 0
  const parts: ServerParts<Key> = {
    store: options.store,
    authenticate: options.authenticate,
    scram: options.scram,
    inventedSaltKey: options.scram?.inventedSaltKey ?? randomBytes(32),
    limits,
    policy,
    hub,
    tls: options.tls === undefined ? null : makeTlsContexts(options.tls),
    allowPlainLogin: options.allowPlainLogin ?? 'never',
    proxyFrom: parseNetworks(options.proxyFrom ?? []),
    xclientFrom: parseNetworks(options.xclientFrom ?? []),
    now: options.now ?? (() => performance.now()),
    perAddress: new Map(),
    nextSessionId: () => `${idPrefix}-${(++sessions).toString(36)}`,
  }
  let sweeping: NodeJS.Timeout | null = null
  let closing: Promise<void> | null = null

  function sweep(): void {
    const nowMs = parts.now()
    for (const connection of connections) connection.sweep(nowMs)
  }

  function accept(socket: Socket, implicitTls: boolean, localPort: number): void {
    if (draining) socket.destroy()
    else new Connection(parts, connections, socket, implicitTls, localPort)
  }

  async function listen(where: ListenOptions = {}): Promise<Listener> {
    if (closing !== null) throw new Error('the server is closed')
    const implicit = where.tls === 'implicit'
    let port = 0
    if (implicit && parts.tls === null)
      throw new Error('implicit TLS needs a certificate: set the option tls')
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      accept(socket, implicit, port),
    )
    const backlog = where.backlog ?? 1024
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(
        where.fd === undefined
          ? { host: where.host ?? '127.0.0.1', port: where.port ?? 0, backlog }
          : { fd: where.fd, backlog },
        () => {
          server.off('error', reject)
          // Accepting can fail later (too many open files): what is open goes on.
          server.on('error', () => {})
          resolve()
        },
      )
    })
    listeners.add(server)
    sweeping ??= setInterval(sweep, 1_000).unref()
    const address = server.address()
    port = typeof address === 'object' && address !== null ? address.port : 0
    return {
      host: typeof address === 'object' && address !== null ? address.address : '',
      port,
      close: () => closeListener(server),
    }
  }

  function closeListener(server: Server): Promise<void> {
    if (!listeners.delete(server)) return Promise.resolve()
    // Its callback waits for connections too, which end in their own time.
    server.close()
    return Promise.resolve()
  }

  async function close({ drainMs = 0 }: { readonly drainMs?: number } = {}): Promise<void> {
    draining = true
    for (const server of listeners) closeListener(server)
    for (const connection of connections) connection.drain()
    if (drainMs > 0 && connections.size > 0) {
      await settleWithin(drainMs, [...connections])
    }
    const left = [...connections]
    for (const connection of left) connection.drop('shutdown')
    // A store that never answers must not keep the process from ending.
    await settleWithin(GIVE_BACK_MS, left)
    if (sweeping !== null) clearInterval(sweeping)
    hub.end()
  }

  const closeOnce = (how?: { readonly drainMs?: number }): Promise<void> => {
    closing ??= close(how)
    return closing
  }

  return {
    listen,
    events: ({ signal } = {}) => hub.events(signal),
    setTls(settings) {
      parts.tls = makeTlsContexts(settings)
    },
    get sessionCount() {
      return connections.size
    },
    close: closeOnce,
    [Symbol.asyncDispose]: () => closeOnce(),
  }
}
