import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { REPLIES, type Reply } from '@restante/mail'
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js'
import { abortTransaction, finishChunk, finishContent, isReply, takeContent } from './data-verbs.ts'
import type { Fault, FaultEvent, SmtpEvent, Stage } from './events.ts'
import type { FeedEvent } from './feed.ts'
import { parseCommandLine } from './grammar.ts'
import { guard, type Outcome } from './guard.ts'
import { CommandInput, type InputSink } from './input.ts'
import type { Answer, HookContext, MaybePromise } from './options.ts'
import { encodeReply, PROTOCOL_REPLIES } from './protocol-replies.ts'
import type { EngineServer } from './server.ts'
import { type About, type Continuation, LiveEvidence, type Session } from './session.ts'
import { holdsAddress, type Settings } from './settings.ts'
import type { Chunk, Transaction } from './transaction.ts'
import { LMTP_VERBS, SMTP_VERBS, type Verb } from './verbs.ts'

/** RFC 4954 §4. */
const AUTH_LINE_OCTETS = 12_288
const RUNAWAY_OCTETS = 128 * 1024
/** Replies held for pipelined commands before they are written anyway. */
const HELD_CHARACTERS = 16 * 1024
/** How long a peer that was cut off may still read our last words. */
const LAST_WORDS_MS = 1_000
const HTTP = /^(?:OPTIONS|GET|HEAD|POST|PUT|DELETE|TRACE|CONNECT|PATCH)$/

/** Beside what smtp-server knows: what the PROXY header told. */
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
  transaction: Transaction | null = null
  continuation: Continuation | null = null
  chunk: Chunk | null = null
  loginFailures = 0
  readonly #startedMs: number
  readonly #verbs: ReadonlyMap<string, Verb>
  readonly #limitedAddress: string
  readonly #releasesAddress: boolean
  #topSocket: Socket | TLSSocket
  #held = ''
  #flushing = false
  #pausing = false
  #draining = false
  #junk = 0
  #commands = 0
  #transactions = 0
  #endReason = 'dropped'
  #ended = false
  /** When the peer's next command became due. */
  #commandMs: number
  /** A command is being worked on: the peer owes nothing. */
  #working = false
  #blockedMs: number | null = null
  #upgradeMs = 0
  #contentMs = 0
  #windowMs = 0
  #windowOctets = 0

  constructor(server: EngineServer, socket: Socket | TLSSocket, options: ConnectionOptions) {
    super(server, socket, options)
    this.settings = server.settings
    this.#startedMs = this.settings.nowMs()
    this.#commandMs = this.#startedMs
    this.#verbs = this.settings.options.mode === 'lmtp' ? LMTP_VERBS : SMTP_VERBS
    this.#limitedAddress = this.remoteAddress
    this.#releasesAddress = options.releasesAddress === true
    this.#topSocket = socket
    this.evidence = new LiveEvidence(this.id, this.settings.options.mode)
    this.evidence.proxyAddress = options.proxyAddress ?? null
    this.#copyAddresses()
    if (this.secure) this.#noteTls()
  }

  get gone(): boolean {
    return this._closing || this._closed
  }

  get offersXclient(): boolean {
    return this._proxyCommandAllowed('XCLIENT')
  }

  // The connection: greeting, TLS, end

  override init(): void {
    this._setListeners(() => {
      const { evidence } = this
      const { remoteAddress, remotePort, localAddress, localPort, proxyAddress, tls } = evidence
      const addresses = { remoteAddress, remotePort, localAddress, localPort, proxyAddress }
      this.tell({ event: 'connection', session: this.id, ...addresses, tls })
      const pauseMs = this.settings.limits.greetingPauseMs
      if (pauseMs === 0) return this.connectionReady()
      this.#pausing = true
      setTimeout(() => {
        this.#pausing = false
        if (!this.gone) this.connectionReady()
      }, pauseMs).unref()
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
      this.#commandMs = this.settings.nowMs()
      const kind = options.mode === 'lmtp' ? 'LMTP' : 'ESMTP'
      const words = [options.hostname, kind, own?.text ?? options.banner ?? ''].filter((word) => word !== '')
      this.reply({ code: 220, enhanced: '', reason: 'greeting', text: words.join(' ') })
      this.flush()
      if (this.#draining) this.bye(REPLIES['shutting-down'])
      this.#input()?.proceed()
    }
    const hook = options.policy.connect
    if (hook === undefined) {
      greet(null)
      return
    }
    this.ask(
      'connect',
      (context) => hook(this.evidence, context),
      greet,
      (reply, fault) => {
        this.#tellRefusal('connect', reply, { fault })
        this.#endReason = reply.reason
        // RFC 5321 §4.3.2: the greeting is 220, 421 or 554; RFC 2034 §4: without an enhanced code.
        this.reply({ ...reply, code: reply.code < 500 ? 421 : 554 })
        this.close()
      },
    )
  }

  /** No timer of its own: one sweep over all sessions keeps the time. */
  override _armTimeout(socket: Socket | TLSSocket = this._socket): void {
    this.#topSocket = socket
  }

  override upgrade(callback: () => void, secureCallback?: () => void): void {
    this.flush()
    abortTransaction(this, 'aborted')
    this.#upgradeMs = this.settings.nowMs()
    super.upgrade(callback, () => {
      this.evidence.helo = ''
      this.evidence.extended = false
      this.evidence.authenticatedAs = null
      this.#commandMs = this.settings.nowMs()
      this.#noteTls()
      const { tls, servername, remoteAddress } = this.evidence
      this.tell({ event: 'tls', session: this.id, remoteAddress, tls: tls ?? '', servername })
      secureCallback?.()
    })
  }

  override close(): void {
    this.flush()
    super.close()
    abortTransaction(this, 'disconnected')
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
    setTimeout(() => this.#topSocket.destroy(), LAST_WORDS_MS).unref()
  }

  /** Says 421 and closes. */
  bye(reply: Reply): void {
    if (this.gone) return
    this.#endReason = reply.reason
    this.reply(
      reply.code === 421 ? reply : { ...reply, code: 421, enhanced: reply.enhanced.replace(/^5/, '4') },
    )
  }

  /** Ends the session as soon as no transaction is under way. */
  drain(): void {
    this.#draining = true
    if (this._ready && this.transaction === null && !this.#working) this.bye(REPLIES['shutting-down'])
  }

  /** Gives up waiting for anything. */
  kill(reply: Reply): void {
    if (!this._upgrading && this._ready) this.bye(reply)
    else this.#endReason = reply.reason
    if (this.#topSocket !== this._socket) this.#topSocket.destroy()
    else if (this._ready) setTimeout(() => this._socket.destroy(), LAST_WORDS_MS).unref()
    else this._socket.destroy()
  }

  broken(error: unknown): void {
    this.#tellFault({ where: 'socket', fault: 'ours', code: 'internal', error })
    this.#endReason = 'internal'
    if (this.gone) this._socket.destroy()
    else this.reply({ ...REPLIES['check-failed'], code: 421, reason: 'internal' })
  }

  override _onError(error: Error): void {
    const where = this._upgrading ? 'tls' : 'socket'
    this.#tellFault({ where, fault: 'peer', code: (error as NodeJS.ErrnoException).code ?? 'error', error })
    this.close()
  }

  override _onClose(): void {
    super._onClose()
    if (this.#ended) return
    this.#ended = true
    abortTransaction(this, 'disconnected')
    if (this.#releasesAddress) this.settings.addresses.release(this.#limitedAddress)
    const { evidence } = this
    this.tell({
      event: 'session-end',
      session: this.id,
      remoteAddress: evidence.remoteAddress,
      helo: evidence.helo,
      tls: evidence.tls,
      authenticatedAs: evidence.authenticatedAs,
      durationMs: this.settings.nowMs() - this.#startedMs,
      octetsIn: this._socket.bytesRead,
      octetsOut: this._socket.bytesWritten,
      commands: this.#commands,
      errors: evidence.errors,
      transactions: this.#transactions,
      reason: this.#endReason,
    })
  }

  override _resetSession(): void {
    super._resetSession()
    abortTransaction(this, 'aborted')
  }

  // Input

  override _createParser(): CommandInput {
    return new CommandInput({ lineOctets: AUTH_LINE_OCTETS, runawayOctets: RUNAWAY_OCTETS }, this)
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
      this.#working = false
      this.#commandMs = this.settings.nowMs()
      if (!synchronous && this.#mayWrite(input)) input.proceed()
    }
    if (event.kind === 'data' || event.kind === 'chunk') {
      this.#windowOctets += event.octets.length
      this.#working = true
      const resume = (): void => {
        this.restartDataClock()
        done()
      }
      if (takeContent(this, event.octets, resume)) {
        this.#working = false
        return true
      }
    } else {
      this.#working = true
      if (event.kind === 'line') this.#takeLine(event.line, done)
      else if (event.kind === 'data-end') finishContent(this, done)
      else if (event.kind === 'chunk-end') finishChunk(this, done)
      else if (event.kind === 'line-too-long') this.refuse('command', PROTOCOL_REPLIES['line-too-long'], done)
      else {
        this.bye(PROTOCOL_REPLIES['line-too-long'])
        done()
      }
    }
    synchronous = false
    return finished && this.#mayWrite(input)
  }

  /** Whether the peer takes our replies; if not, its input waits until it does. */
  #mayWrite(input: CommandInput): boolean {
    if (this.#held.length > HELD_CHARACTERS) this.flush()
    const socket = this._socket
    if (!socket.writableNeedDrain || socket.destroyed || this._upgrading) return true
    this.#blockedMs = this.settings.nowMs()
    socket.once('drain', () => {
      this.#blockedMs = null
      this.#commandMs = this.settings.nowMs()
      input.proceed()
    })
    return false
  }

  inputUsedUp(): void {
    this.flush()
  }

  inputWaits(): void {
    if (this.#held === '' || this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      this.flush()
    })
  }

  inputEnded(): void {
    if (!this.gone) this.close()
  }

  inputFailed(error: unknown): void {
    this.broken(error)
  }

  #input(): CommandInput | null {
    return this._parser instanceof CommandInput ? this._parser : null
  }

  #takeLine(line: Buffer, done: () => void): void {
    this.#commands++
    const { continuation, settings, evidence } = this
    if (continuation !== null) {
      this.continuation = null
      continuation(line, done)
      return
    }
    const refuse = (reply: Reply): void => this.refuse('command', reply, done)
    if (line.length > settings.limits.commandOctets && !/^AUTH$/i.test(line.toString('latin1', 0, 4))) {
      refuse(PROTOCOL_REPLIES['line-too-long'])
      return
    }
    const parsed = parseCommandLine(line)
    if ('refuse' in parsed) {
      refuse(parsed.refuse)
      return
    }
    const { verb, argument } = parsed.ok
    if (verb === 'QUIT') {
      this.#quit(argument, done)
      return
    }
    if (verb === 'STARTTLS') {
      this.#startTls(argument, done)
      return
    }
    if (verb === 'XCLIENT' && this.offersXclient) {
      this.#xclient(line, done)
      return
    }
    const entry = this.#verbs.get(verb)
    if (entry === undefined) {
      if (HTTP.test(verb) && /HTTP\/\d/i.test(argument ?? '')) {
        this.bye(PROTOCOL_REPLIES['not-smtp'])
        done()
        return
      }
      refuse(PROTOCOL_REPLIES[/^(?:HELO|EHLO|LHLO)$/.test(verb) ? 'wrong-hello' : 'unknown-command'])
      return
    }
    if (entry.argument === 'none' && argument !== null) {
      refuse(PROTOCOL_REPLIES['no-argument'])
      return
    }
    if (entry.needsHelo && evidence.helo === '') {
      refuse(PROTOCOL_REPLIES['helo-first'])
      return
    }
    if (entry.needsAuth && settings.requireAuth && evidence.authenticatedAs === null) {
      refuse(PROTOCOL_REPLIES['auth-required'])
      return
    }
    if (!entry.junk || ++this.#junk <= settings.limits.junkCommands) {
      entry.run(this, argument, done)
      return
    }
    this.#penalize(done, () => entry.run(this, argument, done))
  }

  #quit(argument: string | null, done: () => void): void {
    if (argument !== null) {
      this.refuse('command', PROTOCOL_REPLIES['no-argument'], done)
      return
    }
    this.#endReason = 'quit'
    abortTransaction(this, 'aborted')
    this.reply(PROTOCOL_REPLIES.bye)
    this.close()
    done()
  }

  #startTls(argument: string | null, done: () => void): void {
    const refuse = (reply: Reply): void => this.refuse('command', reply, done)
    if (this.evidence.tls !== null) {
      refuse(PROTOCOL_REPLIES['tls-active'])
      return
    }
    if (!this.settings.startTls) {
      refuse(PROTOCOL_REPLIES['no-tls'])
      return
    }
    if (argument !== null) {
      refuse(PROTOCOL_REPLIES['no-argument'])
      return
    }
    this.reply(PROTOCOL_REPLIES['start-tls'])
    this.upgrade(done)
  }

  #xclient(line: Buffer, done: () => void): void {
    if (this.transaction !== null) {
      this.refuse('command', PROTOCOL_REPLIES['in-transaction'], done)
      return
    }
    this.handler_XCLIENT(line, done)
  }

  override _proxyCommandAllowed(command: string): boolean {
    return (
      command === 'XCLIENT' &&
      !this._xClient.has('ADDR') &&
      holdsAddress(this.settings.xclients, this._originalRemoteAddress)
    )
  }

  expectData(): void {
    this.#input()?.feed.startData()
  }

  expectChunk(octets: number): void {
    this.#input()?.feed.startChunk(octets)
  }

  restartDataClock(): void {
    this.#windowMs = this.settings.nowMs()
    this.#windowOctets = 0
    if (this.transaction?.content?.sizeOctets === 0) this.#contentMs = this.#windowMs
  }

  // Output

  reply(reply: Reply): void {
    if (this.gone || this._upgrading) return
    this.#held += encodeReply(reply, this.transaction?.parameters.smtputf8)
    if (reply.code === 421) {
      if (this.#endReason === 'dropped') this.#endReason = reply.reason
      this.close()
    }
  }

  /** What smtp-server itself says: STARTTLS and XCLIENT matters. */
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    const text = Array.isArray(data) ? data.join('\n') : (data ?? '')
    this.reply({ code, enhanced: this._getEnhancedStatusCode(code, context), reason: 'library', text })
  }

  /** Writes what is held. */
  flush(): void {
    const held = this.#held
    if (held === '') return
    this.#held = ''
    const socket = this._socket
    if (this._upgrading || socket.destroyed || !socket.writable) return
    socket.write(held, 'utf8')
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
    if (reply.code === 421) {
      this.bye(reply)
      done()
    } else if (reply.code < 500) answer()
    else this.#penalize(done, answer)
  }

  /** Counts an error; then goes on at once, after a pause, or not at all. */
  #penalize(done: () => void, goOn: () => void): void {
    const { errorsBeforeClose, errorsBeforeDelay, errorDelayMs } = this.settings.limits
    const errors = ++this.evidence.errors
    const flooded = this.settings.addresses.addError(this.#limitedAddress)
    if (errors > errorsBeforeClose || flooded) {
      this.bye(REPLIES['too-many-errors'])
      done()
      return
    }
    if (errors > errorsBeforeDelay && errorDelayMs > 0) this.#later(errorDelayMs, done, goOn)
    else goOn()
  }

  #later(ms: number, done: () => void, goOn: () => void): void {
    setTimeout(() => {
      try {
        if (this.gone) done()
        else goOn()
      } catch (error) {
        this.broken(error)
      }
    }, ms).unref()
  }

  ask(
    stage: 'connect' | 'helo' | 'mail' | 'rcpt',
    call: (context: HookContext) => MaybePromise<Answer>,
    accepted: (reply: Reply | null) => void,
    refused: (reply: Reply, fault: Fault) => void,
  ): void {
    const fail = (code: string, error: unknown): void => {
      this.#tellFault({ where: stage, fault: 'hook', code, error })
      refused(REPLIES['check-failed'], 'hook')
    }
    const settle = (answer: unknown): void => {
      if (answer === null || answer === undefined) accepted(null)
      else if (isReply(answer)) answer.code < 400 ? accepted(answer) : refused(answer, 'policy')
      else fail('no-reply', answer)
    }
    const report = (outcome: Outcome<Answer>): void => {
      if (this.gone) return
      if ('failed' in outcome) {
        fail(outcome.failed, outcome.error)
        return
      }
      const answer = outcome.value
      if (answer == null || !('slowDownMs' in answer)) {
        settle(answer)
        return
      }
      const gone = (): void => {}
      this.#later(answer.slowDownMs, gone, () => settle(answer.reply))
    }
    guard(this.settings.limits.policyMs, call, report, (error) => this.broken(error))
  }

  // Transactions and deadlines

  nextTransactionId(): string {
    return `${this.id}.${++this.#transactions}`
  }

  forgive(): void {
    this.evidence.errors = 0
    this.#junk = 0
  }

  endTransaction(): void {
    if (this.#draining) this.bye(REPLIES['shutting-down'])
  }

  /** Checks every deadline; called from the server's one timer. */
  sweep(nowMs: number): void {
    const { limits } = this.settings
    if (this.gone || !(this._ready || this._upgrading)) return
    if (this._upgrading) {
      if (nowMs - this.#upgradeMs > limits.handshakeMs) this.kill(REPLIES.timeout)
      return
    }
    if (this.#blockedMs !== null) {
      if (nowMs - this.#blockedMs > limits.commandMs) this.kill(REPLIES.timeout)
      return
    }
    if (this.#working) return
    const mode = this.#input()?.feed.mode ?? 'command'
    if (mode === 'command') {
      if (nowMs - this.#commandMs > limits.commandMs) this.#timeOut()
    } else if (nowMs - this.#windowMs > limits.dataWindowMs) {
      const neededOctets = (limits.dataWindowMs / 1000) * limits.dataOctetsPerSecond
      if (this.#windowOctets < neededOctets) {
        this.#timeOut()
        return
      }
      this.#windowMs = nowMs
      this.#windowOctets = 0
    }
    if (mode !== 'command' && nowMs - this.#contentMs > limits.dataMs) this.#timeOut()
    else if (nowMs - this.#startedMs > limits.sessionMs) this.#timeOut()
  }

  #timeOut(): void {
    if (this.gone) return
    abortTransaction(this, 'timeout')
    this.#tellRefusal('command', REPLIES.timeout, {})
    this.bye(REPLIES.timeout)
  }

  // Evidence and events

  #copyAddresses(): void {
    const { evidence } = this
    evidence.remoteAddress = this.remoteAddress
    evidence.remotePort = this.remotePort
    evidence.localAddress = this.localAddress
    evidence.localPort = this.localPort
    if (!this._xClient.has('ADDR') && !this._xClient.has('LOGIN') && !this._xClient.has('NAME')) return
    const name = this._xClient.get('NAME')
    evidence.clientName = typeof name === 'string' && name !== '' ? name : null
    evidence.helo = ''
    evidence.extended = false
    const user = this.session.user as { readonly account?: unknown } | false | undefined
    evidence.authenticatedAs = user && typeof user.account === 'string' ? user.account : null
  }

  #noteTls(): void {
    const socket = this._socket as TLSSocket
    const cipher = socket.getCipher?.()
    this.evidence.tls =
      `${socket.getProtocol?.() ?? 'TLS'} ${cipher?.standardName ?? cipher?.name ?? ''}`.trim()
    const { servername } = socket as { servername?: string | false }
    this.evidence.servername = typeof servername === 'string' && servername !== '' ? servername : null
  }

  tell(event: SmtpEvent): void {
    this._server.tell(event)
  }

  #tellRefusal(stage: Stage, reply: Reply, about: About): void {
    const { id, evidence } = this
    const { code, enhanced, reason } = reply
    const { fault = 'peer', ...addresses } = about
    const { remoteAddress } = evidence
    this.tell({
      event: 'refusal',
      session: id,
      remoteAddress,
      stage,
      code,
      enhanced,
      reason,
      fault,
      ...addresses,
    })
  }

  #tellFault(fault: Omit<FaultEvent, 'event' | 'session'>): void {
    this.tell({ event: 'fault', session: this.id, ...fault })
  }
}
