import type { Octets } from '@restante/mail'
import { errReply, failureReply, okReply, type Places } from './replies.ts'
import type { Ask, CloseReason, Failure, Step } from './step.ts'
import type { Language, TextId } from './texts.ts'

const NO_STEPS: readonly Step[] = []

/** Gathers one session's steps: what it says, what it asks, and how many bad commands it has answered. */
export class Replier {
  language: Language = 'en'
  /** Octets sent since the last `drain`. */
  sentOctets: Octets = 0
  /** The pending ask, or null. */
  waiting: Exclude<Ask['ask'], 'close'> | null = null
  /** Whether `close` was said: nothing comes after it. */
  closed = false
  badCommands = 0
  /** Bad commands that end the session. */
  badLimit: number
  #steps: Step[] = []

  constructor(badLimit: number) {
    this.badLimit = badLimit
  }

  /** The steps since the last call. */
  take(): readonly Step[] {
    if (this.#steps.length === 0) return NO_STEPS
    const steps = this.#steps
    this.#steps = []
    return steps
  }

  send(octets: Uint8Array): void {
    this.sentOctets += octets.length
    this.#steps.push({ send: octets })
  }

  ok(id: TextId, places?: Places): void {
    this.send(okReply(id, this.language, places))
  }

  err(id: TextId, places?: Places): void {
    this.send(errReply(id, this.language, places))
  }

  fail(failure: Failure, id?: TextId): void {
    this.send(failureReply(failure, this.language, id))
  }

  ask(ask: Exclude<Ask, { readonly ask: 'close' }>): void {
    this.waiting = ask.ask
    this.#steps.push(ask)
  }

  /** Refuses what is no command here, and ends the session that sends too many of them. */
  bad(id: TextId): void {
    if (++this.badCommands >= this.badLimit) this.hangUp('too-many-errors', 'too-many-errors')
    else this.err(id)
  }

  hangUp(reason: CloseReason, id: TextId): void {
    this.err(id)
    this.close(reason)
  }

  close(reason: CloseReason, abrupt?: true): void {
    this.closed = true
    this.#steps.push(abrupt === undefined ? { ask: 'close', reason } : { ask: 'close', reason, abrupt })
  }
}
