import { isIP, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Answer, type Ask, Pop3Session, type SessionSituation, type Step } from '@restante/pop3'
import type { TlsInfo } from './backend.ts'
import { Backing } from './backing.ts'
import type { EndReason, SessionInfo } from './events.ts'
import { isLoopback, plainAddress } from './networks.ts'
import { Output } from './output.ts'
import type { ServerParts } from './parts.ts'
import { parseProxyHeader } from './proxy-protocol.ts'
import { channelBindingsOf, describeTls, wrapServerTls } from './tls.ts'

/** Octets gathered before they are written even though more follow. */
const FLUSH_OCTETS = 65_536
/** Octets one connection may send before the others get their turn. */
const TURN_OCTETS = 1_048_576

type Phase = 'proxy' | 'handshake' | 'session' | 'lingering' | 'gone'

/** One client connection: drives the pure session over a socket. */
export class Connection<Key> implements SessionInfo {
  readonly id: string
  remoteAddress: string
  remotePort: number
  readonly localPort: number
  tls: TlsInfo | null = null
  account: string | null = null

  readonly #parts: ServerParts<Key>
  readonly #connections: Set<Connection<Key>>
  #socket: Socket
  #session: Pop3Session | null = null
  #phase: Phase
  readonly #implicitTls: boolean
  readonly #peerAddress: string
  readonly #output: Output = new Output()
  readonly #backing: Backing<Key>
  /** The ask that waits for the socket to take what was written. */
  #blocked: Ask | null = null
  #flushing = false
  #turnOctets = 0
  #inputEnded = false
  #proxied: Buffer | null = null
  #counted: string | null = null
  readonly #startedMs: number
  #activityMs: number
  #reason: EndReason = 'dropped'
  #octetsIn = 0
  #whenEnded: (() => void)[] | null = null
  #ended = false

  constructor(
    parts: ServerParts<Key>,
    connections: Set<Connection<Key>>,
    socket: Socket,
    implicitTls: boolean,
    localPort: number,
  ) {
    this.#parts = parts
    this.#connections = connections
    this.#socket = socket
    this.#implicitTls = implicitTls
    this.id = parts.nextSessionId()
    this.#peerAddress = plainAddress(socket.remoteAddress ?? '')
    this.remoteAddress = this.#peerAddress
    this.remotePort = socket.remotePort ?? 0
    this.localPort = localPort
    this.#startedMs = parts.now()
    this.#activityMs = this.#startedMs
    this.#phase = 'handshake'
    this.#backing = new Backing(parts, this)
    connections.add(this)
    this.#listenTo(socket)
    if (connections.size > parts.limits.connections) this.#turnAway('connections')
    else if (!parts.proxyFrom.isEmpty && parts.proxyFrom.has(this.#peerAddress)) this.#phase = 'proxy'
    else this.#begin()
  }

  /** Resolves when the socket is closed and the maildrop is back. */
  get ended(): Promise<void> {
    if (this.#ended) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenEnded ??= []
      this.#whenEnded.push(resolve)
    })
  }

  /** Ends the connection where one of its clocks has run out. Called every second or so. */
  sweep(nowMs: number): void {
    const { limits } = this.#parts
    const quietMs = nowMs - this.#activityMs
    if (this.#phase === 'proxy' || this.#phase === 'handshake') {
      if (quietMs > limits.handshakeMs) this.drop('handshake-timeout')
    } else if (this.#phase === 'lingering') {
      const most = this.#socket.writableLength > 0 ? limits.stalledMs : limits.lingerMs
      if (quietMs > most) this.#socket.destroy()
    } else if (this.#phase === 'session') {
      if (this.#blocked !== null || this.#socket.writableLength > 0) {
        if (quietMs > limits.stalledMs) this.drop('stalled')
      } else if (this.#session?.waiting === true) {
        if (quietMs > limits.idleMs) this.drop('unanswered')
      } else if (this.#session?.state === 'AUTHORIZATION') {
        if (nowMs - this.#startedMs > limits.unauthenticatedMs) this.drop('login-timeout')
      } else if (quietMs > limits.idleMs) this.drop('idle')
    }
  }

  /** The server closes: ends at once where nobody is logged in. */
  drain(): void {
    if (this.#phase === 'proxy' || this.#phase === 'handshake') this.drop('shutdown')
    else if (
      this.#phase === 'session' &&
      this.#session?.state === 'AUTHORIZATION' &&
      !this.#session.waiting
    ) {
      this.#end('shutdown')
    }
  }

  /** Cuts the connection; what the session marked stays. */
  drop(reason: EndReason): void {
    if (this.#phase === 'gone') return
    if (this.#phase !== 'lingering') this.#reason = reason
    this.#socket.destroy()
  }

  // Beginning

  #begin(): void {
    const { perAddress, limits, hub } = this.#parts
    if (this.#counted === null) {
      const count = (perAddress.get(this.remoteAddress) ?? 0) + 1
      perAddress.set(this.remoteAddress, count)
      this.#counted = this.remoteAddress
      if (count > limits.connectionsPerAddress) {
        this.#turnAway('connections-per-address')
        return
      }
    }
    if (hub.heard) hub.emit({ type: 'connection', session: this })
    if (this.#implicitTls && this.tls === null) this.#startTls()
    else this.#greet()
  }

  #turnAway(reason: 'connections' | 'connections-per-address'): void {
    const { hub } = this.#parts
    if (hub.heard) hub.emit({ type: 'refused', session: this, reason })
    if (this.#implicitTls) this.drop('refused')
    else {
      // No lingering: under a flood these must go as fast as they come.
      this.#reason = 'refused'
      this.#phase = 'lingering'
      this.#uncount()
      this.#socket.write('-ERR [SYS/TEMP] Too many connections, try again later\r\n')
      this.#socket.destroySoon()
    }
  }

  #greet(): void {
    this.#phase = 'session'
    this.#session = new Pop3Session(this.#parts.policy, this.#situation())
    this.#drive(this.#session.greet())
  }

  #situation(): SessionSituation {
    const { allowPlainLogin, xclientFrom, tls } = this.#parts
    const secure = this.tls !== null
    return {
      secure,
      canStartTls: tls !== null && !secure,
      plainLogin:
        allowPlainLogin === 'always' || (allowPlainLogin === 'loopback' && isLoopback(this.remoteAddress)),
      xclient: !xclientFrom.isEmpty && xclientFrom.has(this.#peerAddress),
      ...(secure && 'encrypted' in this.#socket
        ? { channelBinding: channelBindingsOf(this.#socket as TLSSocket) }
        : {}),
    }
  }

  #listenTo(socket: Socket): void {
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('drain', this.#onDrain)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  #startTls(): void {
    const contexts = this.#parts.tls
    if (contexts === null) {
      this.drop('handshake-failed')
      return
    }
    const raw = this.#socket
    raw.off('data', this.#onData)
    raw.off('end', this.#onEnd)
    raw.off('drain', this.#onDrain)
    raw.off('error', this.#onError)
    raw.off('close', this.#onClose)
    // Once wrapped, its errors come through the TLS socket too.
    raw.on('error', () => {})
    this.#phase = 'handshake'
    this.#activityMs = this.#parts.now()
    const socket = wrapServerTls(raw, contexts)
    this.#socket = socket
    this.#reason = 'handshake-failed'
    this.#listenTo(socket)
    socket.once('secure', () => {
      if (this.#phase !== 'handshake') return
      this.#reason = 'dropped'
      this.#activityMs = this.#parts.now()
      this.tls = describeTls(socket)
      if (this.#session === null) this.#greet()
      else {
        this.#phase = 'session'
        this.#drive(this.#session.secured(this.#situation()))
      }
    })
  }

  // Socket events

  #onData = (chunk: Buffer): void => {
    this.#octetsIn += chunk.length
    if (this.#phase === 'session') {
      const session = this.#session as Pop3Session
      this.#activityMs = this.#parts.now()
      if (session.waiting) {
        // Kept by the session; the rest waits in the kernel.
        session.push(chunk)
        this.#socket.pause()
      } else this.#guard(() => this.#drive(session.push(chunk)))
    } else if (this.#phase === 'proxy') this.#readProxyHeader(chunk)
  }

  #onEnd = (): void => {
    this.#inputEnded = true
    if (this.#phase === 'session' && this.#session?.waiting !== true) this.#end('dropped')
    else if (this.#phase === 'proxy' || this.#phase === 'handshake') this.#socket.destroy()
  }

  #onDrain = (): void => {
    this.#activityMs = this.#parts.now()
    const ask = this.#blocked
    if (ask === null) return
    this.#blocked = null
    if (this.#turnOctets >= TURN_OCTETS) {
      this.#turnOctets = 0
      setImmediate(() => this.#perform(ask))
    } else this.#perform(ask)
  }

  #onError = (): void => {
    if (this.#reason === 'dropped') this.#reason = 'socket-error'
  }

  #onClose = (): void => {
    const wasOpen = this.#phase !== 'gone'
    this.#phase = 'gone'
    this.#blocked = null
    if (!wasOpen) return
    this.#uncount()
    this.#backing.leave(() => this.#finish())
  }

  /** Makes room for another connection from the same address. */
  #uncount(): void {
    if (this.#counted === null) return
    const { perAddress } = this.#parts
    const count = (perAddress.get(this.#counted) ?? 1) - 1
    if (count > 0) perAddress.set(this.#counted, count)
    else perAddress.delete(this.#counted)
    this.#counted = null
  }

  #finish(): void {
    if (this.#ended) return
    this.#ended = true
    const { hub, now } = this.#parts
    this.#connections.delete(this)
    if (hub.heard) {
      hub.emit({
        type: 'session-end',
        session: this,
        reason: this.#reason,
        durationMs: now() - this.#startedMs,
        octetsIn: this.#octetsIn,
        octetsOut: this.#output.writtenOctets,
        messages: this.#session?.opened?.listing.count ?? 0,
        retrieved: this.#backing.retrieved,
        retrievedOctets: this.#backing.retrievedOctets,
        deleted: this.#backing.deleted,
      })
    }
    for (const resolve of this.#whenEnded ?? []) resolve()
  }

  #readProxyHeader(chunk: Buffer): void {
    const octets = this.#proxied === null ? chunk : Buffer.concat([this.#proxied, chunk])
    const header = parseProxyHeader(octets)
    if (header === 'more') {
      this.#proxied = octets
      return
    }
    this.#proxied = null
    if (header === 'bad') {
      this.drop('proxy-header')
      return
    }
    if (header.client !== null) {
      this.remoteAddress = plainAddress(header.client.address)
      this.remotePort = header.client.port
    }
    if (header.tls !== null) {
      this.tls = { ...header.tls, serverName: header.serverName }
    }
    this.#phase = 'handshake'
    const rest = octets.subarray(header.length)
    if (rest.length > 0 && this.#implicitTls && this.tls === null) {
      this.#socket.pause()
      this.#socket.unshift(rest)
      this.#begin()
      return
    }
    this.#begin()
    if (rest.length === 0) return
    this.#octetsIn -= rest.length
    this.#onData(rest)
  }

  // Driving the session

  #drive(first: readonly Step[]): void {
    const session = this.#session as Pop3Session
    let steps = first
    for (;;) {
      let ask: Ask | null = null
      for (const step of steps) {
        if ('send' in step) this.#output.add(step.send)
        else ask = step
      }
      if (ask === null) break
      if (ask.ask === 'close') {
        if (ask.abrupt === true) {
          this.#reason = ask.reason
          this.#output.flush(this.#socket)
          this.#socket.destroySoon()
          this.#phase = 'lingering'
        } else this.#end(ask.reason)
        return
      }
      const answer = this.#answerTo(ask)
      if (answer === null) return
      if (answer instanceof Promise) {
        this.#await(answer)
        return
      }
      steps = session.answer(answer)
    }
    this.#output.flush(this.#socket)
    if (this.#inputEnded) this.#end('dropped')
    else if (this.#socket.isPaused()) this.#socket.resume()
  }

  #perform(ask: Ask): void {
    if (this.#phase !== 'session') return
    const answer = this.#answerTo(ask)
    if (answer === null) return
    if (answer instanceof Promise) this.#await(answer)
    else this.#answered(answer)
  }

  #await(answer: Promise<Answer>): void {
    if (this.#output.octets >= FLUSH_OCTETS) this.#output.flush(this.#socket)
    else if (this.#output.octets > 0 && !this.#flushing) {
      this.#flushing = true
      setImmediate(() => {
        this.#flushing = false
        this.#output.flush(this.#socket)
      })
    }
    answer.then(this.#answered, (error: unknown) => {
      this.#backing.report('session', error)
      this.#answered({ failed: 'sys-temp' })
    })
  }

  #answered = (answer: Answer): void => {
    if (this.#phase !== 'session') return
    this.#activityMs = this.#parts.now()
    this.#guard(() => this.#drive((this.#session as Pop3Session).answer(answer)))
  }

  /** A bug here ends this session, never the process. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#backing.report('session', error)
      this.drop('bug')
    }
  }

  /** The answer, now or later; null where it will be asked for again once the socket has drained. */
  #answerTo(ask: Ask): Answer | Promise<Answer> | null {
    switch (ask.ask) {
      case 'read':
        return this.#isBackedUp(ask) ? null : this.#backing.read(ask)
      case 'drain':
        return this.#isBackedUp(ask) ? null : { ok: true }
      case 'authenticate':
        return this.#backing.authenticate(ask.credentials)
      case 'scram':
        return this.#backing.findScram(ask.name, ask.mechanism)
      case 'open':
        return this.#backing.open()
      case 'commit':
        return this.#backing.commit(ask.deleted)
      case 'xclient':
        return this.#takeXclient(ask.attributes)
      case 'startTls':
        this.#switchToTls()
        return null
      default:
        throw new Error(`unknown ask: ${ask.ask}`)
    }
  }

  #isBackedUp(ask: Ask): boolean {
    const octets = this.#output.octets
    if (octets >= FLUSH_OCTETS) {
      this.#turnOctets += octets
      this.#output.flush(this.#socket)
    }
    if (!this.#socket.writableNeedDrain) return false
    this.#blocked = ask
    return true
  }

  #switchToTls(): void {
    const socket = this.#socket
    socket.pause()
    while (socket.read() !== null);
    this.#output.flush(socket)
    if (socket.writableLength === 0) this.#startTls()
    else {
      socket.write('', () => {
        if (this.#phase === 'session') this.#startTls()
      })
    }
  }

  /** Ends our side after what is gathered, keeps swallowing theirs a while so that the last reply arrives. */
  #end(reason: EndReason): void {
    if (this.#phase === 'gone' || this.#phase === 'lingering') return
    this.#reason = reason
    this.#phase = 'lingering'
    this.#activityMs = this.#parts.now()
    this.#uncount()
    this.#output.flush(this.#socket)
    this.#socket.end()
    this.#socket.resume()
    this.#backing.release()
  }

  #takeXclient(attributes: ReadonlyMap<string, string>): Answer | Promise<Answer> {
    const address = attributes.get('ADDR')?.replace(/^IPV6:/i, '')
    const port = attributes.get('PORT')
    if (address !== undefined && isIP(address) === 0) return { failed: 'sys-perm' }
    if (port !== undefined && !/^\d{1,5}$/.test(port)) return { failed: 'sys-perm' }
    if (address !== undefined) this.remoteAddress = plainAddress(address)
    if (port !== undefined) this.remotePort = Number(port)
    return { ok: true, situation: this.#situation() }
  }
}
