import { type Octets, utf8Octets } from '@restante/mail'
import { formatCapabilities } from './capabilities.ts'
import { type Command, type CommandRefusal, parseCommand } from './command.ts'
import { LineReader } from './line-reader.ts'
import { Login } from './login.ts'
import type { SessionPolicy } from './policy.ts'
import { Replier } from './replier.ts'
import { statusLine } from './replies.ts'
import type { SessionSituation } from './situation.ts'
import type { Answer, Failure, Opened, Step } from './step.ts'
import { LANGUAGES, languageFor, textFor } from './texts.ts'
import { Transaction } from './transaction.ts'

/** Where a session is (RFC 1939 §3); `CLOSED` once it has asked to close. */
export type SessionState = 'AUTHORIZATION' | 'TRANSACTION' | 'UPDATE' | 'CLOSED'

const NO_STEPS: readonly Step[] = []
/** The first octet of a TLS handshake record (RFC 8446 §5.1); no command starts so. */
const TLS_HANDSHAKE = 0x16

/**
 * One POP3 session: octets in, steps out, no socket, no clock. While an ask is pending, input is only kept;
 * whoever drives the session stops reading meanwhile. Message-numbers and deletion marks live here alone.
 */
export class Pop3Session {
  readonly #policy: SessionPolicy
  #situation: SessionSituation
  readonly #lines: LineReader
  readonly #replier: Replier
  readonly #login: Login
  #transaction: Transaction | null = null
  /** Whether the client has said anything. */
  #heard = false
  #updating = false
  #utf8 = false
  /** Whether the session's lines end in CRLF or, typed by hand, in LF: its first line decides. */
  #lineEnd: 'unknown' | 'crlf' | 'lf' = 'unknown'

  constructor(policy: SessionPolicy, situation: SessionSituation) {
    this.#policy = policy
    this.#situation = situation
    this.#lines = new LineReader(policy.limits)
    this.#replier = new Replier(policy.limits.badCommandsBeforeLogin)
    this.#login = new Login(policy, this.#replier)
  }

  get state(): SessionState {
    if (this.#replier.closed) return 'CLOSED'
    if (this.#updating) return 'UPDATE'
    return this.#transaction === null ? 'AUTHORIZATION' : 'TRANSACTION'
  }

  /** Whether an answer is awaited; until it comes, input is only kept. */
  get waiting(): boolean {
    return this.#replier.waiting !== null
  }

  /** Input octets held. */
  get heldOctets(): Octets {
    return this.#lines.heldOctets
  }

  /** What the open maildrop brought, or null. */
  get opened(): Opened | null {
    return this.#transaction?.opened ?? null
  }

  /** The greeting. Call once, first. */
  greet(): readonly Step[] {
    return [{ send: statusLine(`+OK ${this.#policy.implementation} ${textFor('ready', 'en')}`) }]
  }

  /** Takes octets as they came; the array must not change while it may still be held. */
  push(chunk: Uint8Array): readonly Step[] {
    if (this.#replier.closed) return NO_STEPS
    if (!this.#heard && chunk.length > 0) {
      this.#heard = true
      // A TLS client on the port without TLS would wait for its handshake until the deadline.
      if (chunk[0] === TLS_HANDSHAKE) {
        this.#replier.hangUp('tls-hello', 'bad-octets')
        return this.#replier.take()
      }
    }
    this.#lines.push(chunk)
    if (this.#replier.waiting !== null) return NO_STEPS
    this.#run()
    return this.#replier.take()
  }

  /** Takes the answer to the pending ask. Throws where none is pending or it does not fit (a driver's bug). */
  answer(answer: Answer): readonly Step[] {
    const waiting = this.#replier.waiting
    if (waiting === null) throw new Error('no ask is pending')
    this.#replier.waiting = null
    const failed = 'failed' in answer ? answer.failed : null
    switch (waiting) {
      case 'authenticate':
        if ('failed' in answer) this.#login.refused(answer.failed, answer.challenge)
        else this.#login.accepted()
        break
      case 'scram':
        if (failed !== null) this.#login.failed(failed)
        else if ('scram' in answer) this.#login.verify(answer.scram)
        else throw misfit(waiting)
        break
      case 'open':
        if (failed !== null) this.#login.failed(failed)
        else if ('opened' in answer) this.#open(answer.opened)
        else throw misfit(waiting)
        break
      case 'read':
        if (failed !== null) this.#transaction?.readFailed()
        else if ('octets' in answer) this.#transaction?.readDone(answer.octets)
        else throw misfit(waiting)
        break
      case 'commit':
        this.#committed(failed)
        break
      case 'xclient':
        if (failed !== null) this.#replier.fail(failed)
        else if ('situation' in answer) {
          this.#situation = answer.situation
          this.#replier.ok('xclient-set')
        } else throw misfit(waiting)
        break
      case 'drain':
        this.#replier.sentOctets = 0
        break
      case 'startTls':
        break
    }
    this.#run()
    return this.#replier.take()
  }

  /**
   * TLS is up: every earlier state is forgotten and input starts afresh. Answers a pending `startTls`.
   * `situation` is the connection as it is now.
   */
  secured(situation: SessionSituation): readonly Step[] {
    this.#situation = situation
    this.#lines.clear()
    this.#login.forget()
    this.#replier.language = 'en'
    this.#utf8 = false
    this.#lineEnd = 'unknown'
    return this.answer({ ok: true })
  }

  #run(): void {
    const replier = this.#replier
    while (replier.waiting === null && !replier.closed) {
      if (replier.sentOctets >= this.#policy.limits.outputOctets) {
        replier.ask({ ask: 'drain' })
        return
      }
      const line = this.#lines.next(this.#login.inExchange)
      if (line === 'more') return
      if (line === 'endless') replier.hangUp('line-too-long', 'line-too-long')
      else if (line === 'too-long') this.#reject('line-too-long')
      else if (!this.#lineEndFits()) this.#reject('bare-lf')
      else if (this.#login.inExchange) this.#login.goOn(line)
      else this.#obey(line)
    }
    if (replier.closed) this.#lines.clear()
  }

  #reject(id: 'line-too-long' | 'bare-lf'): void {
    this.#login.forget()
    this.#replier.bad(id)
  }

  /** A bare LF inside a session of CRLF lines is how commands are smuggled past a relay: refused. */
  #lineEndFits(): boolean {
    if (this.#lineEnd === 'unknown') this.#lineEnd = this.#lines.bareLf ? 'lf' : 'crlf'
    return !this.#lines.bareLf || this.#lineEnd === 'lf'
  }

  #obey(line: Uint8Array): void {
    const command = parseCommand(line)
    if ('refuse' in command) {
      this.#refuse(command.refuse, command.verb)
      return
    }
    const before = this.#replier.badCommands
    if (command.verb === 'CAPA') this.#capa()
    else if (command.verb === 'LANG') this.#lang(command.tag)
    else if (command.verb === 'QUIT') this.#quit()
    else if (this.#transaction === null) this.#obeyStranger(command)
    else this.#obeyOwner(command, this.#transaction)
    if (this.#transaction !== null && this.#replier.badCommands === before) this.#replier.badCommands = 0
  }

  #refuse(refusal: CommandRefusal, verb: string | undefined): void {
    if (refusal === 'http') {
      if (this.#transaction === null) this.#replier.hangUp('http', 'no-http')
      else this.#replier.bad('unknown-command')
    } else if (refusal === 'bad-text' && verb === 'PASS' && this.#transaction === null) {
      this.#login.pass(null, this.#situation)
    } else this.#replier.bad(refusal)
  }

  #obeyStranger(command: Command): void {
    switch (command.verb) {
      case 'USER':
        this.#login.user(command.text, this.#situation)
        break
      case 'PASS':
        this.#login.pass(command.text, this.#situation)
        break
      case 'AUTH':
        this.#login.auth(command.mechanism, command.initial, this.#situation)
        break
      case 'STLS':
        this.#stls()
        break
      case 'UTF8':
        this.#utf8 = true
        this.#replier.ok('utf8-on')
        break
      case 'XCLIENT':
        if (this.#situation.xclient) this.#replier.ask({ ask: 'xclient', attributes: command.attributes })
        else this.#replier.bad('unknown-command')
        break
      default:
        this.#replier.bad('log-in-first')
    }
  }

  #obeyOwner(command: Command, transaction: Transaction): void {
    switch (command.verb) {
      case 'STAT':
        transaction.stat()
        break
      case 'LIST':
        transaction.list(command.number)
        break
      case 'UIDL':
        transaction.uidl(command.number)
        break
      case 'RETR':
        transaction.retrieve(command.number, null, this.#mindsUtf8)
        break
      case 'TOP':
        transaction.retrieve(command.number, command.lines, this.#mindsUtf8)
        break
      case 'DELE':
        transaction.delete(command.number)
        break
      case 'RSET':
        transaction.reset()
        break
      case 'NOOP':
        this.#replier.ok('alive')
        break
      case 'XCLIENT':
        this.#replier.bad('unknown-command')
        break
      default:
        this.#replier.bad('logged-in-already')
    }
  }

  get #mindsUtf8(): boolean {
    return this.#policy.utf8 === 'strict' && !this.#utf8
  }

  #stls(): void {
    if (this.#situation.secure) this.#replier.bad('tls-already')
    else if (!this.#situation.canStartTls) this.#replier.bad('no-tls')
    else {
      this.#lines.clear()
      this.#replier.ok('begin-tls')
      this.#replier.ask({ ask: 'startTls' })
    }
  }

  #open(opened: Opened): void {
    this.#transaction = new Transaction(opened, this.#replier)
    this.#replier.badCommands = 0
    this.#replier.badLimit = this.#policy.limits.badCommandsInARow
    this.#replier.ok('logged-in')
  }

  #capa(): void {
    this.#replier.ok('capabilities')
    this.#replier.send(formatCapabilities(this.#policy, this.#situation, this.#transaction !== null))
  }

  #lang(tag: string | null): void {
    if (tag === null) {
      this.#replier.ok('languages')
      const lines = Object.entries(LANGUAGES).map(([language, name]) => `${language} ${name}\r\n`)
      this.#replier.send(utf8Octets(`i-default English\r\n${lines.join('')}.\r\n`))
      return
    }
    const language = languageFor(tag)
    if (language === null) {
      this.#replier.err('unknown-language')
      return
    }
    this.#replier.language = language
    const chosen = tag.toLowerCase() === 'i-default' ? 'i-default' : language
    this.#replier.send(statusLine(`+OK ${chosen} ${textFor('language-set', language)}`))
  }

  #quit(): void {
    if (this.#transaction === null) {
      this.#replier.ok('goodbye')
      this.#replier.close('quit')
      return
    }
    this.#updating = true
    this.#replier.ask({ ask: 'commit', deleted: this.#transaction.deleted })
  }

  #committed(failure: Failure | null): void {
    const count = this.#transaction?.deleted.length ?? 0
    if (failure !== null) this.#replier.fail(failure, 'not-deleted')
    else if (count === 0) this.#replier.ok('goodbye')
    else this.#replier.ok('deletions-done', { n: count })
    this.#replier.close('quit')
  }
}

function misfit(ask: string): Error {
  return new Error(`the answer does not fit the pending ask: ${ask}`)
}
