import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { REPLIES, type Reply } from '@restante/mail'
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js'
import { ask } from './ask.ts'
import { abortTransaction, finishChunk, finishContent, takeContent } from './data-verbs.ts'
import { Deadlines } from './deadlines.ts'
import { dispatch } from './dispatch.ts'
import { ErrorBudget } from './error-budget.ts'
import type { FaultEvent, SmtpEvent, Stage } from './events.ts'
import type { FeedEvent } from './feed.ts'
import { type Guarded, guard, type Outcome } from './guard.ts'
import { CommandInput, type InputSink } from './input.ts'
import type { HookContext, MaybePromise } from './options.ts'
import { encodeReply, PROTOCOL_REPLIES } from './protocol-replies.ts'
import { ReplyWriter } from './reply-writer.ts'
import type { EngineServer } from './server.ts'
import { type About, type Continuation, LiveEvidence, type Session } from './session.ts'
import { holdsAddress, type Settings } from './settings.ts'
import type { Chunk, Transaction } from './transaction.ts'

/** RFC 4954 §4. */
const AUTH_LINE_OCTETS = 12_288
const RUNAWAY_OCTETS = 128 * 1024
/** How long a peer that was cut off may still read our last words. */
const LAST_WORDS_MS = 1_000
/** How peers leave without a word; the end of the session says enough about them. */
const DEPARTURES: ReadonlySet<string | undefined> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
])

/** Beside what smtp-server knows: what the PROXY header told, and who counts. */
export interface ConnectionOptions extends SMTPConnectionOptions {
  readonly proxyAddress?: string | undefined
  /** Whether the end of the session gives its place among its address's connections back. */
  readonly releasesAddress?: boolean
}

/**
 * One session. smtp-server keeps the socket, TLS upgrades, half-closed ends and XCLIENT; grammar, order,
 * replies, deadlines and mail data are ours.
 */
export class Connection extends SMTPConnection implements Session, InputSink {
  declare readonly _server: EngineServer
  readonly settings: Settings
  readonly evidence: LiveEvidence
  /** Commands that may still be answered 503 for nothing but a refused MAIL before them. */
  #consequences = 0
  readonly budget: ErrorBudget
  transaction: Transaction | null = null
  continuation: Continuation | null = null
  chunk: Chunk | null = null
  readonly #startedMs: number
  readonly #clocks: Deadlines
  readonly #writer: ReplyWriter = new ReplyWriter()
  readonly #asked: Set<Guarded> = new Set()
  readonly #limitedAddress: string
  readonly #releasesAddress: boolean
  /** The TLS socket as soon as a handshake has begun. */
  #topSocket: Socket | TLSSocket
  #pausing = false
  #draining = false
  #commands = 0
  #transactions = 0
  #endReason = 'dropped'
  #ended = false

  constructor(server: EngineServer, socket: Socket | TLSSocket, options: ConnectionOptions) {
    super(server, socket, options)
    const { settings } = server
    this.settings = settings
    this.#startedMs = settings.nowMs()
    this.#clocks = new Deadlines(settings.limits, this.#startedMs)
    this.#limitedAddress = this.remoteAddress
    this.#releasesAddress = options.releasesAddress === true
    this.#topSocket = socket
    this.budget = new ErrorBudget(settings.limits, settings.addresses, this.remoteAddress)
    this.evidence = new LiveEvidence(this.id, settings.options.mode, this.budget)
    this.evidence.proxyAddress = options.proxyAddress ?? null
    this.#copyAddresses()
    if (this.secure) this.#noteTls()
  }

  get gone(): boolean {
    return this._closing || this._closed
  }

  // From the first octet to the last

  override init(): void {
    this._setListeners(() => {
      const { remoteAddress, remotePort, localAddress, localPort, proxyAddress, tls } = this.evidence
      const addresses = { remoteAddress, remotePort, localAddress, localPort, proxyAddress }
      this.tell({ event: 'connection', session: this.id, ...addresses, tls })
      const pauseMs = this.settings.limits.greetingPauseMs
      if (pauseMs === 0) {
        this.connectionReady()
        return
      }
      this.#pausing = true
      this.later(pauseMs, () => {
        this.#pausing = false
        this.connectionReady()
      })
    })
  }

  override connectionReady(): void {
    this._setClientHostname('')
    this._resetSession()
    this._sendGreeting()
  }

  /** Greets, if the connect hook lets the peer in. XCLIENT ends here too, for the client it announced. */
  override _sendGreeting(): void {
    const { options } = this.settings
    this._ready = false
    this.#copyAddresses()
    const greet = (own: Reply | null): void => {
      this._ready = true
      this.#clocks.commandEnds(this.settings.nowMs())
      const kind = options.mode === 'lmtp' ? 'LMTP' : 'ESMTP'
      const words = [options.hostname, kind, own?.text ?? options.banner ?? ''].filter((word) => word !== '')
      this.reply({ code: 220, enhanced: '', reason: 'greeting', text: words.join(' ') })
      this.#flush()
      if (this.#draining) this.bye(REPLIES['shutting-down'])
      this.#input()?.proceed()
    }
    const hook = options.policy.connect
    if (hook === undefined) {
      greet(null)
      return
    }
    ask(
      this,
      'connect',
      (context) => hook(this.evidence, context),
      greet,
      (reply, fault) => {
        this.#tellRefusal('connect', reply, { fault })
        this.#endReason = reply.reason
        // RFC 5321 §4.3.2: a greeting is 220, 421 or 554.
        this.reply({ ...reply, code: reply.code < 500 ? 421 : 554 })
        this.close()
      },
    )
  }

  /** No timer of its own: one sweep over all sessions keeps the time. */
  override _armTimeout(socket: Socket | TLSSocket = this._socket): void {
    this.#topSocket = socket
  }

  startTls(done: () => void): void {
    this.reply(PROTOCOL_REPLIES['start-tls'])
    this.upgrade(done)
  }

  override upgrade(callback: () => void, secureCallback?: () => void): void {
    this.#flush()
    abortTransaction(this, 'aborted')
    this.#clocks.handshakeBegins(this.settings.nowMs())
    super.upgrade(callback, () => {
      this.evidence.forgetPeer()
      this.#clocks.commandEnds(this.settings.nowMs())
      this.#noteTls()
      const { tls, servername, remoteAddress } = this.evidence
      this.tell({ event: 'tls', session: this.id, remoteAddress, tls: tls ?? '', servername })
      secureCallback?.()
    })
  }

  xclient(line: Buffer, done: () => void): void {
    this.handler_XCLIENT(line, done)
  }

  get offersXclient(): boolean {
    return this._proxyCommandAllowed('XCLIENT')
  }

  override _proxyCommandAllowed(command: string): boolean {
    return (
      command === 'XCLIENT' &&
      !this._xClient.has('ADDR') &&
      holdsAddress(this.settings.xclients, this._originalRemoteAddress)
    )
  }

  override _resetSession(): void {
    super._resetSession()
    abortTransaction(this, 'aborted')
  }

  override close(): void {
    this.#flush()
    super.close()
    for (const asked of this.#asked) asked.cancel()
    this.#asked.clear()
    abortTransaction(this, 'disconnected')
  }

  quit(reply: Reply): void {
    this.#endReason = 'quit'
    abortTransaction(this, 'aborted')
    this.reply(reply)
    this.close()
  }

  bye(reply: Reply): void {
    if (this.gone) return
    this.#endReason = reply.reason
    const enhanced = reply.enhanced.replace(/^5/, '4')
    this.reply(reply.code === 421 ? reply : { ...reply, code: 421, enhanced })
  }

  cutOff(reply: Reply | null): void {
    if (reply !== null) {
      this.#tellRefusal('data', reply, {})
      this.reply(reply)
    }
    this.#endReason = 'cut-off'
    this.close()
    // close() lets the rest run by; here there may be gigabytes of it.
    this._socket.pause()
    this.#destroySoon()
  }

  /** Ends the session as soon as no transaction is under way. */
  drain(): void {
    this.#draining = true
    if (this._ready && this.transaction === null && !this.#clocks.working) this.bye(REPLIES['shutting-down'])
  }

  /** Gives up waiting, for whatever it is. */
  kill(reply: Reply): void {
    if (this._upgrading || !this._ready) {
      this.#endReason = reply.reason
      this.#topSocket.destroy()
    } else {
      this.bye(reply)
      this.#destroySoon()
    }
  }

  #destroySoon(): void {
    setTimeout(() => this.#topSocket.destroy(), LAST_WORDS_MS).unref()
  }

  broken(error: unknown): void {
    this.tellFault({ where: 'socket', fault: 'ours', code: 'internal', error })
    this.#endReason = 'internal'
    if (this.gone) this._socket.destroy()
    else this.reply({ ...REPLIES['check-failed'], code: 421, reason: 'internal' })
  }

  override _onError(error: NodeJS.ErrnoException): void {
    const where = this._upgrading ? 'tls' : 'socket'
    if (!DEPARTURES.has(error.code)) {
      this.tellFault({ where, fault: 'peer', code: error.code ?? 'error', error })
    }
    this.close()
  }

  override _onClose(): void {
    super._onClose()
    if (this.#ended) return
    this.#ended = true
    this._server.sessionEnded(this)
    for (const asked of this.#asked) asked.cancel()
    abortTransaction(this, 'disconnected')
    if (this.#releasesAddress) this.settings.addresses.release(this.#limitedAddress)
    const { remoteAddress, helo, tls, authenticatedAs, errors } = this.evidence
    this.tell({
      event: 'session-end',
      session: this.id,
      remoteAddress,
      helo,
      tls,
      authenticatedAs,
      durationMs: this.settings.nowMs() - this.#startedMs,
      octetsIn: this._socket.bytesRead,
      octetsOut: this._socket.bytesWritten,
      commands: this.#commands,
      errors,
      transactions: this.#transactions,
      reason: this.#endReason,
    })
  }

  // Input

  override _createParser(): CommandInput {
    return new CommandInput({ lineOctets: AUTH_LINE_OCTETS, runawayOctets: RUNAWAY_OCTETS }, this)
  }

  #input(): CommandInput | null {
    return this._parser instanceof CommandInput ? this._parser : null
  }

  get readsInput(): boolean {
    return this._ready
  }

  spokeEarly(): void {
    if (this.#pausing) this.bye(PROTOCOL_REPLIES['too-soon'])
  }

  take(event: FeedEvent, input: CommandInput): boolean {
    let finished = false
    let synchronous = true
    const done = (): void => {
      if (finished) return
      finished = true
      this.#clocks.commandEnds(this.settings.nowMs())
      if (this.#draining && this.transaction === null) this.bye(REPLIES['shutting-down'])
      if (!synchronous && this.#mayWrite(input)) input.proceed()
    }
    this.#clocks.working = true
    if (event.kind === 'data' || event.kind === 'chunk') {
      this.#clocks.contentGrows(event.octets.length)
      const resume = (): void => {
        this.#clocks.windowBegins(this.settings.nowMs())
        done()
      }
      if (takeContent(this, event.octets, resume)) {
        this.#clocks.working = false
        return true
      }
    } else if (event.kind === 'line') {
      this.#commands++
      dispatch(this, event.line, done)
    } else if (event.kind === 'data-end') finishContent(this, done)
    else if (event.kind === 'chunk-end') finishChunk(this, done)
    else if (event.kind === 'line-too-long') this.refuse('command', PROTOCOL_REPLIES['line-too-long'], done)
    else {
      this.bye(PROTOCOL_REPLIES['line-too-long'])
      done()
    }
    synchronous = false
    return finished && this.#mayWrite(input)
  }

  inputUsedUp(): void {
    this.#flush()
  }

  inputWaits(): void {
    this.#writer.flushSoon(() => this.#flush())
  }

  inputEnded(): void {
    if (!this.gone) this.close()
  }

  inputFailed(error: unknown): void {
    this.broken(error)
  }

  expectContent(chunkOctets: number | null): void {
    const feed = this.#input()?.feed
    if (chunkOctets === null) feed?.startData()
    else feed?.startChunk(chunkOctets)
  }

  // Output

  reply(reply: Reply, utf8: boolean = this.transaction?.parameters.smtputf8 === true): void {
    if (this.gone || this._upgrading) return
    this.#writer.hold(encodeReply(reply, utf8))
    if (reply.code !== 421) return
    if (this.#endReason === 'dropped') this.#endReason = reply.reason
    this.close()
  }

  /** What smtp-server itself says, about XCLIENT. */
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    const text = Array.isArray(data) ? data.join('\n') : (data ?? '')
    this.reply({ code, enhanced: this._getEnhancedStatusCode(code, context), reason: 'library', text })
  }

  #flush(): void {
    if (!this._upgrading) this.#writer.flush(this._socket)
  }

  /** Whether the peer takes our replies; if not, its input waits until it does. */
  #mayWrite(input: CommandInput): boolean {
    if (this.#writer.isFull) this.#flush()
    const socket = this._socket
    if (!socket.writableNeedDrain || socket.destroyed || this._upgrading) return true
    this.#clocks.outputBlocks(this.settings.nowMs())
    socket.once('drain', () => {
      this.#clocks.outputFlows(this.settings.nowMs())
      input.proceed()
    })
    return false
  }

  refuse(stage: Stage, reply: Reply, done: () => void, about: About = {}): void {
    if (this.gone) {
      done()
      return
    }
    this.#tellRefusal(stage, reply, about)
    const answer = (): void => {
      this.reply(reply)
      done()
    }
    // RCPT and DATA that were pipelined behind a refused MAIL are its consequence, not mistakes of their own.
    if (stage === 'mail') this.#consequences = this.settings.limits.recipients + 1
    else if (reply.reason === 'mail-first' && this.#consequences > 0) {
      this.#consequences--
      answer()
      return
    }
    const ofPolicy = about.fault === 'policy'
    // The relay behind LMTP is trusted, and cannot know what its own peers will be refused.
    if (ofPolicy && this.settings.options.mode === 'lmtp') answer()
    // A 4xx is no mistake of the peer's, and it may have to hear many; but not without end.
    else if (reply.code < 500 && !(ofPolicy && this.budget.isJunk())) answer()
    else this.penalize(done, answer)
  }

  penalize(done: () => void, goOn: () => void): void {
    const consequence = this.budget.spend()
    if (consequence === 'answer') goOn()
    else if (consequence === 'delay') this.later(this.settings.limits.errorDelayMs, goOn)
    else {
      this.bye(REPLIES['too-many-errors'])
      done()
    }
  }

  // Hooks, time and events

  guard<T>(call: (context: HookContext) => MaybePromise<T>, report: (outcome: Outcome<T>) => void): void {
    let open = true
    let asked: Guarded | null = null
    asked = guard(
      this.settings.limits.policyMs,
      call,
      (outcome) => {
        open = false
        if (asked !== null) this.#asked.delete(asked)
        if (!this.gone) report(outcome)
      },
      (error) => this.broken(error),
    )
    if (open) this.#asked.add(asked)
  }

  later(ms: number, goOn: () => void): void {
    setTimeout(() => {
      if (this.gone) return
      try {
        goOn()
      } catch (error) {
        this.broken(error)
      }
    }, ms).unref()
  }

  nextTransactionId(): string {
    return `${this.id}.${++this.#transactions}`
  }

  restartContentClock(first: boolean): void {
    if (first) this.#clocks.contentBegins(this.settings.nowMs())
    else this.#clocks.windowBegins(this.settings.nowMs())
  }

  endTransaction(): void {
    if (this.#draining) this.bye(REPLIES['shutting-down'])
  }

  /** Checks every deadline; called from the server's one timer. */
  sweep(nowMs: number): void {
    if (this.gone || !(this._ready || this._upgrading)) return
    const mode = this.#input()?.feed.mode ?? 'command'
    const waiting = this._upgrading ? 'handshake' : mode === 'command' ? 'command' : 'content'
    if (!this.#clocks.isDue(nowMs, waiting)) return
    this.#tellRefusal(waiting === 'content' ? 'data' : 'command', REPLIES.timeout, {})
    if (!this._upgrading) abortTransaction(this, 'timeout')
    this.kill(REPLIES.timeout)
  }

  tell(event: SmtpEvent): void {
    this._server.tell(event)
  }

  tellFault(fault: Omit<FaultEvent, 'event' | 'session'>): void {
    this.tell({ event: 'fault', session: this.id, ...fault })
  }

  #tellRefusal(stage: Stage, reply: Reply, about: About): void {
    const { code, enhanced, reason } = reply
    const { fault = 'peer', ...addresses } = about
    const of = { session: this.id, remoteAddress: this.evidence.remoteAddress }
    this.tell({ event: 'refusal', ...of, stage, code, enhanced, reason, fault, ...addresses })
  }

  #copyAddresses(): void {
    const { evidence } = this
    evidence.remoteAddress = this.remoteAddress
    evidence.remotePort = this.remotePort
    evidence.localAddress = this.localAddress
    evidence.localPort = this.localPort
    if (this._xClient.size === 0) return
    evidence.forgetPeer()
    const name = this._xClient.get('NAME')
    evidence.clientName = typeof name === 'string' && name !== '' ? name : null
    const user = this.session.user as { readonly account?: unknown } | false | undefined
    evidence.authenticatedAs = user && typeof user.account === 'string' ? user.account : null
  }

  #noteTls(): void {
    const socket = this._socket as TLSSocket
    const cipher = socket.getCipher?.()
    const name = cipher?.standardName ?? cipher?.name ?? ''
    this.evidence.tls = `${socket.getProtocol?.() ?? 'TLS'} ${name}`.trim()
    const { servername } = socket as { servername?: string | false }
    this.evidence.servername = typeof servername === 'string' && servername !== '' ? servername : null
  }
}
