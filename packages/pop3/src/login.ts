import { latin1Octets, latin1Text } from '@restante/mail'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { allowsUser, usableMechanisms } from './capabilities.ts'
import type { SessionPolicy } from './policy.ts'
import type { Replier } from './replier.ts'
import type { MechanismName, SaslExchange, SaslMove } from './sasl/exchange.ts'
import { startExchange } from './sasl/mechanism.ts'
import type { SessionSituation } from './situation.ts'
import type { Failure, ScramCredentials } from './step.ts'
import type { TextId } from './texts.ts'

const CONTINUE = latin1Octets('+ \r\n')
const NOTHING = new Uint8Array(0)
const STAR = 42

/** The way in: USER and PASS (RFC 1939 §7), AUTH (RFC 5034). */
export class Login {
  readonly #policy: SessionPolicy
  readonly #replier: Replier
  #name: string | null = null
  #exchange: SaslExchange | null = null
  /** A refusal an OAuth client is still being told about. */
  #refusal: Failure | null = null
  #failures = 0

  constructor(policy: SessionPolicy, replier: Replier) {
    this.#policy = policy
    this.#replier = replier
  }

  /** Whether the next line answers a challenge. */
  get inExchange(): boolean {
    return this.#exchange !== null
  }

  /** Forgets a name given and an exchange begun, not how often logins failed. */
  forget(): void {
    this.#name = null
    this.#exchange = null
    this.#refusal = null
  }

  user(name: string, situation: SessionSituation): void {
    if (!allowsUser(this.#policy, situation)) this.#tooOpen()
    else {
      this.#name = name
      this.#replier.ok('name-accepted')
    }
  }

  /** `password` = null: it was not UTF-8, so it cannot be right. */
  pass(password: string | null, situation: SessionSituation): void {
    const name = this.#name
    this.#name = null
    if (!allowsUser(this.#policy, situation)) this.#tooOpen()
    else if (name === null) this.#replier.bad('user-first')
    else if (password === null) this.failed('auth')
    else {
      this.#replier.ask({ ask: 'authenticate', credentials: { mechanism: 'USER', name, password } })
    }
  }

  auth(mechanism: string | null, initial: string | null, situation: SessionSituation): void {
    const usable = usableMechanisms(this.#policy, situation)
    if (mechanism === null) {
      this.#replier.ok('mechanisms')
      this.#replier.send(latin1Octets(`${usable.map((name) => `${name}\r\n`).join('')}.\r\n`))
      return
    }
    const name = usable.find((usable) => usable === mechanism)
    if (name === undefined) {
      const known = this.#policy.mechanisms.includes(mechanism as MechanismName)
      if (known && !situation.secure) this.#tooOpen()
      else this.#replier.bad('unknown-mechanism')
      return
    }
    this.#name = null
    const message = initial === null ? null : initial === '=' ? NOTHING : decodeBase64(initial)
    if (initial !== null && message === null) {
      this.#replier.bad('bad-base64')
      return
    }
    this.#exchange = startExchange(name, {
      tools: this.#policy.tools,
      offersPlus: usable.includes('SCRAM-SHA-256-PLUS'),
      channelBinding: situation.channelBinding,
    })
    this.#move(this.#exchange.respond(message))
  }

  /** The client's answer to a challenge. */
  goOn(line: Uint8Array): void {
    if (line.length === 1 && line[0] === STAR) {
      this.#giveUp('cancelled')
      return
    }
    const message = decodeBase64(latin1Text(line))
    if (message === null) this.#giveUp('bad-base64')
    else this.#move((this.#exchange as SaslExchange).respond(message))
  }

  /** A verifier came for the name asked. */
  verify(credentials: ScramCredentials): void {
    this.#move((this.#exchange as SaslExchange).scram(credentials))
  }

  accepted(): void {
    if (this.#exchange === null) this.#replier.ask({ ask: 'open' })
    else this.#move(this.#exchange.accepted())
  }

  refused(failure: Failure, challenge: string | undefined): void {
    if (this.#exchange === null) {
      this.failed(failure)
      return
    }
    this.#refusal = failure
    this.#move(this.#exchange.refused(failure, challenge))
  }

  /** Says that the login failed; wrong credentials end the session when they come too often. */
  failed(failure: Failure): void {
    this.forget()
    this.#replier.fail(failure)
    if (failure === 'auth' && ++this.#failures >= this.#policy.limits.authTries) {
      this.#replier.close('too-many-logins')
    }
  }

  #move(move: SaslMove): void {
    if ('challenge' in move) {
      const text = encodeBase64(move.challenge)
      this.#replier.send(text === '' ? CONTINUE : latin1Octets(`+ ${text}\r\n`))
    } else if ('authenticate' in move) {
      this.#replier.ask({ ask: 'authenticate', credentials: move.authenticate })
    } else if ('scram' in move) {
      this.#replier.ask({ ask: 'scram', mechanism: move.mechanism, name: move.scram })
    } else if ('refuse' in move) {
      if (move.refuse === 'auth-failed') this.failed('auth')
      else this.#giveUp(move.refuse)
    } else if (this.#refusal !== null) this.failed(this.#refusal)
    else {
      this.forget()
      this.#replier.ask({ ask: 'open' })
    }
  }

  #giveUp(id: TextId): void {
    const refusal = this.#refusal
    this.forget()
    // However an OAuth client takes the news, its login has failed.
    if (refusal !== null) this.failed(refusal)
    else this.#replier.bad(id)
  }

  /** Said before a password is: the client should not even try without TLS. */
  #tooOpen(): void {
    const replier = this.#replier
    replier.fail('sys-perm', 'tls-first')
    if (++replier.badCommands >= replier.badLimit) replier.close('too-many-errors')
  }
}
