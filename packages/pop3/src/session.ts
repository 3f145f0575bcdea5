import { latin1Octets, latin1Text, type Octets, utf8Octets } from '@restante/mail'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { allowsUser, formatCapabilities, usableMechanisms } from './capabilities.ts'
import { type Command, type CommandRefusal, parseCommand } from './command.ts'
import { LineReader } from './line-reader.ts'
import { scanListingOctets, uniqueIdListingOctets } from './listing-text.ts'
import type { SessionPolicy } from './policy.ts'
import { errReply, failureReply, okReply, type Places, statReply, statusLine } from './replies.ts'
import { Retrieval } from './retrieval.ts'
import type { MechanismName, SaslExchange, SaslMove } from './sasl/exchange.ts'
import { startExchange } from './sasl/mechanism.ts'
import type { SessionSituation } from './situation.ts'
import type { Answer, Ask, CloseReason, Failure, Opened, Step } from './step.ts'
import { LANGUAGES, type Language, languageFor, type TextId, textFor } from './texts.ts'

/** Where a session is (RFC 1939 §3); `CLOSED` once it has asked to close. */
export type SessionState = 'AUTHORIZATION' | 'TRANSACTION' | 'UPDATE' | 'CLOSED'

const NO_STEPS: readonly Step[] = []
const DOT_LINE = latin1Octets('.\r\n')
const EMPTY_DOT_LINE = latin1Octets('\r\n.\r\n')
const CONTINUE_EMPTY = latin1Octets('+ \r\n')

/**
 * One POP3 session: octets in, steps out, no socket, no clock. While an ask is pending, input is only kept;
 * whoever drives the session stops reading meanwhile. Message-numbers and deletion marks live here alone.
 */
export class Pop3Session {
  readonly #policy: SessionPolicy
  #situation: SessionSituation
  #state: SessionState = 'AUTHORIZATION'
  readonly #lines: LineReader
  /** The pending ask, or null. */
  #waiting: Exclude<Ask['ask'], 'close'> | null = null
  #steps: Step[] = []
  #sent: Octets = 0
  #language: Language = 'en'
  #utf8 = false
  /** Whether the session's lines end in CRLF or, typed by hand, in LF: its first line decides. */
  #lineEnd: 'unknown' | 'crlf' | 'lf' = 'unknown'
  #name: string | null = null
  #exchange: SaslExchange | null = null
  #badCommands = 0
  #failedLogins = 0
  #opened: Opened | null = null
  readonly #deleted: Set<number> = new Set()
  #deletedOctets: Octets = 0
  #retrieval: Retrieval | null = null
  #retrieving: 'RETR' | 'TOP' = 'RETR'
  #statusSent = false
  /** Header octets read ahead to see whether they need UTF8. */
  #headerChecked = false

  constructor(policy: SessionPolicy, situation: SessionSituation) {
    this.#policy = policy
    this.#situation = situation
    this.#lines = new LineReader(policy.limits)
  }

  get state(): SessionState {
    return this.#state
  }

  /** Whether an answer is awaited; until it comes, input is only kept. */
  get waiting(): boolean {
    return this.#waiting !== null
  }

  /** Input octets held. */
  get heldOctets(): Octets {
    return this.#lines.heldOctets
  }

  /** The listing of the open maildrop, or null. */
  get opened(): Opened | null {
    return this.#opened
  }

  /** Whether UTF8 was issued. */
  get utf8(): boolean {
    return this.#utf8
  }

  /** The greeting. Call once, first. */
  greet(): readonly Step[] {
    return [{ send: statusLine(`+OK ${this.#policy.implementation} ${textFor('ready', 'en')}`) }]
  }

  /** Takes octets as they came; the array must not change while it may still be held. */
  push(chunk: Uint8Array): readonly Step[] {
    if (this.#state === 'CLOSED') return NO_STEPS
    this.#lines.push(chunk)
    if (this.#waiting !== null) return NO_STEPS
    this.#run()
    return this.#takeSteps()
  }

  /** Takes the answer to the pending ask. Throws where none is pending or it does not fit (a driver's bug). */
  answer(answer: Answer): readonly Step[] {
    const waiting = this.#waiting
    if (waiting === null) throw new Error('no ask is pending')
    this.#waiting = null
    switch (waiting) {
      case 'authenticate':
        if ('failed' in answer) this.#loginRefused(answer.failed, answer.challenge)
        else this.#loginAccepted()
        break
      case 'scram':
        if ('failed' in answer) this.#loginFailed(answer.failed)
        else if ('scram' in answer) this.#move((this.#exchange as SaslExchange).scram(answer.scram))
        else throw misfit(waiting)
        break
      case 'open':
        if ('failed' in answer) this.#loginFailed(answer.failed)
        else if ('opened' in answer) this.#open(answer.opened)
        else throw misfit(waiting)
        break
      case 'read':
        if ('failed' in answer) this.#readFailed()
        else if ('octets' in answer) this.#readDone(answer.octets)
        else throw misfit(waiting)
        break
      case 'commit':
        this.#committed('failed' in answer ? answer.failed : null)
        break
      case 'xclient':
        if ('failed' in answer) this.#send(failureReply(answer.failed, this.#language))
        else if ('situation' in answer) {
          this.#situation = answer.situation
          this.#ok('xclient-set')
        } else throw misfit(waiting)
        break
      case 'drain':
        this.#sent = 0
        break
      case 'startTls':
        break
    }
    if (this.#waiting === null && this.#state !== 'CLOSED') this.#run()
    return this.#takeSteps()
  }

  /**
   * TLS is up: every earlier state is forgotten and input starts afresh. Answers a pending `startTls`.
   * `situation` is the connection as it is now.
   */
  secured(situation: SessionSituation): readonly Step[] {
    this.#situation = situation
    this.#lines.clear()
    this.#name = null
    this.#exchange = null
    this.#utf8 = false
    this.#language = 'en'
    this.#lineEnd = 'unknown'
    return this.answer({ ok: true, to: 'startTls' })
  }

  #takeSteps(): readonly Step[] {
    if (this.#steps.length === 0) return NO_STEPS
    const steps = this.#steps
    this.#steps = []
    return steps
  }

  #run(): void {
    while (this.#waiting === null && this.#state !== 'CLOSED') {
      if (this.#sent >= this.#policy.limits.outputOctets) {
        this.#ask({ ask: 'drain' })
        return
      }
      const line = this.#lines.next(this.#exchange !== null)
      if (line === 'more') return
      if (line === 'endless') this.#hangUp('line-too-long', 'line-too-long')
      else if (line === 'too-long') this.#bad('line-too-long')
      else if (!this.#lineEndFits()) this.#bad('bare-lf')
      else if (this.#exchange !== null) this.#continueExchange(line)
      else this.#obey(line)
    }
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
    const before = this.#badCommands
    if (command.verb === 'CAPA') this.#sendCapabilities()
    else if (command.verb === 'LANG') this.#lang(command.tag)
    else if (command.verb === 'QUIT') this.#quit()
    else if (this.#state === 'AUTHORIZATION') this.#obeyStranger(command)
    else this.#obeyOwner(command)
    if (this.#state === 'TRANSACTION' && this.#badCommands === before) this.#badCommands = 0
  }

  #refuse(refusal: CommandRefusal, verb: string | undefined): void {
    if (refusal === 'http' && this.#state === 'AUTHORIZATION') this.#hangUp('http', 'no-http')
    else if (refusal === 'bad-text' && verb === 'PASS' && this.#name !== null) {
      this.#name = null
      this.#loginFailed('auth')
    } else this.#bad(refusal === 'http' ? 'unknown-command' : refusal)
  }

  #obeyStranger(command: Command): void {
    switch (command.verb) {
      case 'USER':
        if (!allowsUser(this.#policy, this.#situation)) {
          this.#tooOpen()
          return
        }
        this.#name = command.text
        this.#ok('name-accepted')
        return
      case 'PASS': {
        if (!allowsUser(this.#policy, this.#situation)) {
          this.#tooOpen()
          return
        }
        const name = this.#name
        if (name === null) {
          this.#bad('user-first')
          return
        }
        this.#name = null
        const credentials = { mechanism: 'USER', name, password: command.text } as const
        this.#ask({ ask: 'authenticate', credentials })
        return
      }
      case 'AUTH':
        this.#auth(command.mechanism, command.initial)
        return
      case 'STLS':
        this.#stls()
        return
      case 'UTF8':
        this.#utf8 = true
        this.#ok('utf8-on')
        return
      case 'XCLIENT':
        if (!this.#situation.xclient) {
          this.#bad('unknown-command')
          return
        }
        this.#ask({ ask: 'xclient', attributes: command.attributes })
        return
      default:
        this.#bad('log-in-first')
        return
    }
  }

  #obeyOwner(command: Command): void {
    const { listing } = this.#opened as Opened
    switch (command.verb) {
      case 'STAT':
        this.#send(statReply(listing.count - this.#deleted.size, listing.totalOctets - this.#deletedOctets))
        return
      case 'LIST':
        if (command.number === null) {
          this.#ok('messages', this.#totals())
          this.#send(scanListingOctets(listing, this.#deleted))
          return
        }
        this.#about(command.number, (index) => `${index + 1} ${listing.sizes[index]}`)
        return
      case 'UIDL':
        if (command.number === null) {
          this.#ok('unique-ids')
          this.#send(uniqueIdListingOctets(listing, this.#deleted))
          return
        }
        this.#about(command.number, (index) => `${index + 1} ${listing.ids[index]}`)
        return
      case 'RETR':
        this.#retrieve('RETR', command.number, null)
        return
      case 'TOP':
        this.#retrieve('TOP', command.number, command.lines)
        return
      case 'DELE':
        this.#delete(command.number)
        return
      case 'RSET':
        this.#deleted.clear()
        this.#deletedOctets = 0
        this.#ok('unmarked')
        return
      case 'NOOP':
        this.#ok('alive')
        return
      case 'XCLIENT':
        this.#bad('unknown-command')
        return
      default:
        this.#bad('logged-in-already')
        return
    }
  }

  // AUTHORIZATION

  #auth(mechanism: string | null, initial: string | null): void {
    const usable = usableMechanisms(this.#policy, this.#situation)
    if (mechanism === null) {
      this.#ok('mechanisms')
      this.#send(latin1Octets(`${usable.map((name) => `${name}\r\n`).join('')}.\r\n`))
      return
    }
    if (!usable.includes(mechanism as MechanismName)) {
      if (this.#policy.mechanisms.includes(mechanism as MechanismName) && !this.#situation.secure) {
        this.#tooOpen()
        return
      }
      this.#bad('unknown-mechanism')
      return
    }
    this.#name = null
    const message = initial === null ? null : initial === '=' ? new Uint8Array(0) : decodeBase64(initial)
    if (initial !== null && message === null) {
      this.#bad('bad-base64')
      return
    }
    this.#exchange = startExchange(mechanism as MechanismName, {
      tools: this.#policy.tools,
      offersPlus: usable.includes('SCRAM-SHA-256-PLUS'),
      channelBinding: this.#situation.channelBinding,
    })
    this.#move(this.#exchange.respond(message))
  }

  #continueExchange(line: Uint8Array): void {
    if (line.length === 1 && line[0] === 42) {
      this.#bad('cancelled')
      return
    }
    const message = decodeBase64(latin1Text(line))
    if (message === null) {
      this.#bad('bad-base64')
      return
    }
    this.#move((this.#exchange as SaslExchange).respond(message))
  }

  #move(move: SaslMove): void {
    if ('challenge' in move) {
      this.#send(
        move.challenge.length === 0 ? CONTINUE_EMPTY : latin1Octets(`+ ${encodeBase64(move.challenge)}\r\n`),
      )
    } else if ('authenticate' in move) {
      this.#ask({ ask: 'authenticate', credentials: move.authenticate })
    } else if ('scram' in move) this.#ask({ ask: 'scram', name: move.scram })
    else if ('over' in move) {
      // Only said after a backend's answer: accepted unless a refusal is being explained.
      if (this.#refusal !== null) this.#loginFailed(this.#refusal)
      else this.#askOpen()
    } else if (move.refuse === 'auth-failed') this.#loginFailed('auth')
    else this.#bad('bad-exchange')
  }

  /** A refusal an OAuth client is still being told about. */
  #refusal: Failure | null = null

  #loginAccepted(): void {
    if (this.#exchange === null) this.#askOpen()
    else this.#move(this.#exchange.accepted())
  }

  #loginRefused(failure: Failure, challenge: string | undefined): void {
    if (this.#exchange === null) {
      this.#loginFailed(failure)
      return
    }
    this.#refusal = failure
    this.#move(this.#exchange.refused(failure, challenge))
  }

  #askOpen(): void {
    this.#exchange = null
    this.#ask({ ask: 'open' })
  }

  #loginFailed(failure: Failure): void {
    this.#exchange = null
    this.#refusal = null
    this.#send(failureReply(failure, this.#language))
    if (failure === 'auth' && ++this.#failedLogins >= this.#policy.limits.authTries) {
      this.#close('too-many-logins')
    }
  }

  #open(opened: Opened): void {
    this.#opened = opened
    this.#state = 'TRANSACTION'
    this.#badCommands = 0
    this.#ok('logged-in')
  }

  #stls(): void {
    if (this.#situation.secure) {
      this.#bad('tls-already')
      return
    }
    if (!this.#situation.canStartTls) {
      this.#bad('no-tls')
      return
    }
    this.#lines.clear()
    this.#ok('begin-tls')
    this.#ask({ ask: 'startTls' })
  }

  // TRANSACTION

  #totals(): Places {
    const { listing } = this.#opened as Opened
    return {
      n: listing.count - this.#deleted.size,
      octets: listing.totalOctets - this.#deletedOctets,
    }
  }

  /** The index of a message that exists and is not marked; otherwise answers and returns -1. */
  #indexOf(number: number): number {
    if (number > (this.#opened as Opened).listing.count) {
      this.#err('no-message')
      return -1
    }
    if (this.#deleted.has(number - 1)) {
      this.#err('is-deleted', { n: number })
      return -1
    }
    return number - 1
  }

  #about(number: number, text: (index: number) => string): void {
    const index = this.#indexOf(number)
    if (index >= 0) this.#send(latin1Octets(`+OK ${text(index)}\r\n`))
  }

  #delete(number: number): void {
    const index = this.#indexOf(number)
    if (index < 0) return
    const opened = this.#opened as Opened
    if (opened.readOnly === true) {
      this.#send(failureReply('sys-perm', this.#language, 'read-only'))
      return
    }
    this.#deleted.add(index)
    this.#deletedOctets += opened.listing.sizes[index] as number
    this.#ok('marked', { n: number })
  }

  #retrieve(command: 'RETR' | 'TOP', number: number, lines: number | null): void {
    const index = this.#indexOf(number)
    if (index < 0) return
    this.#retrieval = new Retrieval((this.#opened as Opened).listing, index, lines)
    this.#retrieving = command
    this.#statusSent = false
    this.#headerChecked = this.#utf8 || this.#policy.utf8 !== 'strict'
    this.#goOnRetrieving()
  }

  #goOnRetrieving(): void {
    const retrieval = this.#retrieval as Retrieval
    if (retrieval.done) {
      if (!this.#statusSent) this.#sendRetrievalStatus(retrieval)
      const missing = retrieval.missingLineEnd
      this.#send(missing === null ? DOT_LINE : EMPTY_DOT_LINE)
      this.#retrieval = null
      return
    }
    this.#ask({
      ask: 'read',
      command: this.#retrieving,
      index: retrieval.index,
      position: retrieval.position,
      maxOctets: retrieval.nextOctets,
    })
  }

  #readDone(octets: Uint8Array): void {
    const retrieval = this.#retrieval as Retrieval
    if (!this.#headerChecked && this.#headerNeedsUtf8(octets, retrieval)) {
      this.#retrieval = null
      this.#send(latin1Octets('-ERR [UTF8] '))
      this.#send(statusLine(textFor('needs-utf8', this.#language)))
      return
    }
    const send = retrieval.accept(octets)
    if (send === null) {
      this.#readFailed()
      return
    }
    if (!this.#statusSent) this.#sendRetrievalStatus(retrieval)
    this.#send(send)
    this.#goOnRetrieving()
  }

  /** Looks at the header octets in the first piece read, which holds the whole of any usual header. */
  #headerNeedsUtf8(octets: Uint8Array, retrieval: Retrieval): boolean {
    this.#headerChecked = true
    const bodyOffset = (this.#opened as Opened).listing.bodyOffsets[retrieval.index] as number
    const end = Math.min(bodyOffset, octets.length)
    for (let i = 0; i < end; i++) if ((octets[i] as number) > 127) return true
    return false
  }

  #sendRetrievalStatus(retrieval: Retrieval): void {
    this.#statusSent = true
    const size = (this.#opened as Opened).listing.sizes[retrieval.index] as number
    if (this.#retrieving === 'RETR') this.#ok('octets', { n: size })
    else this.#ok('top-follows')
  }

  #readFailed(): void {
    this.#retrieval = null
    if (this.#statusSent) this.#close('read-failed', true)
    else this.#send(failureReply('sys-temp', this.#language))
  }

  // Any state

  #sendCapabilities(): void {
    this.#ok('capabilities')
    this.#send(formatCapabilities(this.#policy, this.#situation, this.#state !== 'AUTHORIZATION'))
  }

  #lang(tag: string | null): void {
    if (tag === null) {
      this.#ok('languages')
      const lines = Object.entries(LANGUAGES).map(([language, name]) => `${language} ${name}\r\n`)
      this.#send(utf8Octets(`i-default English\r\n${lines.join('')}.\r\n`))
      return
    }
    const language = languageFor(tag)
    if (language === null) {
      this.#err('unknown-language')
      return
    }
    this.#language = language
    this.#send(statusLine(`+OK ${tag === '*' ? language : tag} ${textFor('language-set', language)}`))
  }

  #quit(): void {
    if (this.#state !== 'TRANSACTION') {
      this.#ok('goodbye')
      this.#close('quit')
      return
    }
    this.#state = 'UPDATE'
    this.#ask({ ask: 'commit', deleted: [...this.#deleted].sort((a, b) => a - b) })
  }

  #committed(failure: Failure | null): void {
    if (failure !== null) this.#send(failureReply(failure, this.#language, 'not-deleted'))
    else if (this.#deleted.size === 0) this.#ok('goodbye')
    else this.#ok('deletions-done', { n: this.#deleted.size })
    this.#close('quit')
  }

  // Output

  #send(octets: Uint8Array): void {
    this.#sent += octets.length
    this.#steps.push({ send: octets })
  }

  #ok(id: TextId, places?: Places): void {
    this.#send(okReply(id, this.#language, places))
  }

  #err(id: TextId, places?: Places): void {
    this.#send(errReply(id, this.#language, places))
  }

  #ask(ask: Exclude<Ask, { readonly ask: 'close' }>): void {
    this.#waiting = ask.ask
    this.#steps.push(ask)
  }

  /** Refuses what is no command here, and ends the session that sends too many of them. */
  #bad(id: TextId): void {
    this.#exchange = null
    this.#refusal = null
    this.#badCommands++
    const { badCommandsBeforeLogin, badCommandsInARow } = this.#policy.limits
    const limit = this.#state === 'AUTHORIZATION' ? badCommandsBeforeLogin : badCommandsInARow
    if (this.#badCommands >= limit) this.#hangUp('too-many-errors', 'too-many-errors')
    else this.#err(id)
  }

  #tooOpen(): void {
    this.#badCommands++
    this.#send(failureReply('sys-perm', this.#language, 'tls-first'))
    if (this.#badCommands >= this.#policy.limits.badCommandsBeforeLogin) this.#close('too-many-errors')
  }

  #hangUp(reason: CloseReason, id: TextId): void {
    this.#err(id)
    this.#close(reason)
  }

  #close(reason: CloseReason, abrupt?: true): void {
    this.#state = 'CLOSED'
    this.#lines.clear()
    this.#steps.push(abrupt === undefined ? { ask: 'close', reason } : { ask: 'close', reason, abrupt })
  }
}

function misfit(ask: string): Error {
  return new Error(`the answer does not fit the pending ask: ${ask}`)
}
