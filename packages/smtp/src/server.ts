import { randomBytes } from 'node:crypto'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { REPLIES, type Reply } from '@restante/mail'
import { SMTPServer } from 'smtp-server'
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js'
import type { Admission } from './address-limits.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import type { SmtpEvent } from './events.ts'
import type { ListenOptions } from './options.ts'
import { encodeReply, PROTOCOL_REPLIES } from './protocol-replies.ts'
import { type ProxyHeader, readProxyHeader } from './proxy-header.ts'
import { holdsAddress, plainAddress, type Settings } from './settings.ts'

type Handover = (error: Error | null, options?: ConnectionOptions & { id: string }) => void

/** How long the last words to a refused connection may take. */
const LAST_WORDS_MS = 1_000

/** A connection ended before it became a session. */
class NoSessionError extends Error {
  override readonly name = 'NoSessionError'
}

const NO_ADDRESS: AddressInfo = { address: '', family: '', port: 0 }

const ADMISSION_REPLIES: { readonly [admission in Admission]: Reply | null } = {
  ok: null,
  'too-many': REPLIES['too-busy'],
  'too-fast': PROTOCOL_REPLIES['too-fast'],
  'too-many-errors': REPLIES['too-many-errors'],
}

/** smtp-server with our sessions, PROXY header and admission. */
export class EngineServer extends SMTPServer {
  readonly settings: Settings
  readonly #idPrefix: string = randomBytes(5).toString('hex')
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers()
  /** Every session with a socket, those included that have said goodbye. */
  readonly #open: Set<Connection> = new Set()
  #sessions = 0
  #sweep: NodeJS.Timeout | null = null
  #draining = false

  constructor(settings: Settings) {
    const { options, limits } = settings
    super({
      ...options.tls,
      secure: options.implicitTls === true,
      minVersion: 'TLSv1.2',
      name: options.hostname,
      lmtp: options.mode === 'lmtp',
      hideSTARTTLS: !settings.startTls,
      hideENHANCEDSTATUSCODES: false,
      authOptional: true,
      disableReverseLookup: true,
      allowHalfOpen: true,
      socketTimeout: limits.handshakeMs,
      logger: false,
    })
    this.settings = settings
    this.on('error', (error: NodeJS.ErrnoException) => {
      const tls = (error as { meta?: unknown }).meta !== undefined
      const where = tls ? 'tls' : 'listener'
      const fault = tls ? 'peer' : 'ours'
      this.tell({ event: 'fault', session: null, where, fault, code: error.code ?? 'error', error })
    })
  }

  override connect(socket: Socket | TLSSocket, options?: SMTPConnectionOptions | null): void {
    const connection = new Connection(this, socket, options ?? {})
    this.connections.add(connection)
    this.#open.add(connection)
    connection.on('error', (error: Error) => this._onError(error))
    connection.init()
  }

  /** XCLIENT's LOGIN: the proxy is trusted, its word is enough. */
  override onAuth(...[auth, , callback]: Parameters<SMTPServer['onAuth']>): void {
    if (auth.method === 'XCLIENT') callback(null, { user: { account: auth.username } })
    else callback(new Error('not reached: AUTH is ours'))
  }

  override _expectsProxyHeader(socket: Socket): boolean {
    return holdsAddress(this.settings.proxies, socket.remoteAddress ?? '')
  }

  /** Learns who the peer is, and whether it may come in, before TLS or a greeting is spent on it. */
  override _handleProxy(socket: Socket, callback: Handover): void {
    const proxied = this._expectsProxyHeader(socket)
    if (!proxied) {
      this.#admit(socket, {}, callback)
      return
    }
    receiveHeader(socket, (header) => {
      if (header !== null) return this.#admit(socket, addressesOf(header, socket), callback)
      const error = new NoSessionError('no PROXY header from a trusted proxy')
      this.tell({
        event: 'fault',
        session: null,
        where: 'proxy',
        fault: 'peer',
        code: 'no-proxy-header',
        error,
      })
      turnAway(socket, null)
      callback(error)
    })
  }

  #admit(socket: Socket, announced: ConnectionOptions, callback: Handover): void {
    const { addresses, limits, options } = this.settings
    const id = this.#nextSessionId()
    const remoteAddress = plainAddress(announced.remoteAddress ?? socket.remoteAddress)
    const refusal = this.#draining
      ? REPLIES['shutting-down']
      : this.connections.size >= limits.connections
        ? REPLIES['too-busy']
        : ADMISSION_REPLIES[addresses.admit(remoteAddress)]
    if (refusal === null) {
      // STARTTLS strips listeners off the raw socket, a handshake before the session does not.
      const releasesAddress = options.implicitTls !== true
      if (!releasesAddress) socket.once('close', () => addresses.release(remoteAddress))
      callback(null, { ...announced, id, releasesAddress })
      return
    }
    const { code, enhanced, reason } = refusal
    const about = { session: id, remoteAddress, stage: 'connect', fault: 'peer' } as const
    this.tell({ event: 'refusal', ...about, code, enhanced, reason })
    turnAway(socket, options.implicitTls === true ? null : refusal)
    callback(new NoSessionError(reason))
  }

  #nextSessionId(): string {
    return `${this.#idPrefix}${(++this.#sessions).toString(36).padStart(5, '0')}`
  }

  /** Hands an event to the host, whose failures are its own. */
  tell(event: SmtpEvent): void {
    // A log that fails, now or later, must not fail mail.
    try {
      const told: unknown = this.settings.options.onEvent?.(event)
      if (told instanceof Promise) told.catch(() => {})
    } catch {}
  }

  /** Begins to listen; resolves with the address, rejects where it cannot be had. */
  begin(where: ListenOptions): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen({ ...where }, () => {
        this.server.off('error', reject)
        this.#startSweep()
        const address = this.server.address()
        resolve(typeof address === 'object' && address !== null ? address : NO_ADDRESS)
      })
    })
  }

  #startSweep(): void {
    const { commandMs, dataWindowMs, dataMs, handshakeMs, sessionMs } = this.settings.limits
    const shortestMs = Math.min(commandMs, dataWindowMs, dataMs, handshakeMs, sessionMs)
    const everyMs = Math.min(1_000, Math.max(20, shortestMs / 8))
    this.#sweep = setInterval(() => {
      const nowMs = this.settings.nowMs()
      for (const connection of this.#open) {
        try {
          connection.sweep(nowMs)
        } catch (error) {
          connection.broken(error)
        }
      }
    }, everyMs)
    this.#sweep.unref()
  }

  /** Called once by each session when its socket is gone. */
  sessionEnded(connection: Connection): void {
    this.#open.delete(connection)
  }

  /** Stops accepting, lets transactions finish for `drainMs`, then ends what is left. */
  async drain(drainMs: number): Promise<void> {
    if (this.#draining) return this.#closed.promise
    this.#draining = true
    const { resolve } = this.#closed
    if (this.server.listening) this.server.close(() => resolve())
    else resolve()
    // Nobody there has said anything yet. The topmost socket goes: a handshake must not lose the one below.
    for (const socket of this._pendingSockets.values()) socket.destroy()
    for (const connection of this.#open) connection.drain()
    const timer = setTimeout(() => {
      for (const connection of this.#open) connection.kill(REPLIES['shutting-down'])
    }, drainMs)
    await this.#closed.promise
    clearTimeout(timer)
    if (this.#sweep !== null) clearInterval(this.#sweep)
  }
}

/** Ends a socket that never became a session. */
function turnAway(socket: Socket, reply: Reply | null): void {
  socket.on('error', () => {})
  if (reply === null) {
    socket.destroy()
    return
  }
  socket.end(encodeReply(reply))
  setTimeout(() => socket.destroy(), LAST_WORDS_MS).unref()
}

function addressesOf(header: ProxyHeader, socket: Socket): ConnectionOptions {
  if (header.remoteAddress === null || header.localAddress === null) return {}
  const { remoteAddress, remotePort, localAddress, localPort } = header
  return {
    remoteAddress,
    remotePort,
    localAddress,
    localPort,
    proxyAddress: plainAddress(socket.remoteAddress),
  }
}

/** Takes the PROXY header off a socket and leaves what follows on it. Null: there was none. */
function receiveHeader(socket: Socket, take: (header: ProxyHeader | null) => void): void {
  let held: Buffer = Buffer.alloc(0)
  const finish = (header: ProxyHeader | null): void => {
    for (const name of ['end', 'close', 'error'] as const) socket.off(name, fail)
    socket.off('readable', read)
    take(header)
  }
  const fail = (): void => finish(null)
  const read = (): void => {
    const chunk: Buffer | null = socket.read()
    if (chunk === null) return
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    const header = readProxyHeader(held)
    if (header === null) return
    if (header === 'bad') {
      fail()
      return
    }
    const rest = held.subarray(header.octets)
    if (rest.length > 0) socket.unshift(rest)
    finish(header)
  }
  for (const name of ['end', 'close', 'error'] as const) socket.on(name, fail)
  socket.on('readable', read)
}
