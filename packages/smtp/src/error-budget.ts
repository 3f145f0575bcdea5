import type { AddressLimits } from './address-limits.ts'
import type { Limits } from './options.ts'

/** What follows an error: the answer at once, the answer after a pause, or 421. */
export type Consequence = 'answer' | 'delay' | 'close'

/** Errors and idle commands of one session, after Postfix's curve: first patience, then pauses, then the end. */
export class ErrorBudget {
  readonly #limits: Limits
  readonly #addresses: AddressLimits
  readonly #address: string
  #errors = 0
  #junk = 0
  #loginFailures = 0

  constructor(limits: Limits, addresses: AddressLimits, address: string) {
    this.#limits = limits
    this.#addresses = addresses
    this.#address = address
  }

  get errors(): number {
    return this.#errors
  }

  /** Counts an error of the session and of its address. */
  spend(): Consequence {
    const { errorsBeforeClose, errorsBeforeDelay, errorDelayMs } = this.#limits
    this.#errors++
    const flooded = this.#addresses.addError(this.#address)
    if (this.#errors > errorsBeforeClose || flooded) return 'close'
    return this.#errors > errorsBeforeDelay && errorDelayMs > 0 ? 'delay' : 'answer'
  }

  /** Counts a command that moves no mail; true if that is now an error. */
  isJunk(): boolean {
    return ++this.#junk > this.#limits.junkCommands
  }

  /** Counts a failed login; true if it was the last one allowed. */
  isLastLogin(): boolean {
    return ++this.#loginFailures >= this.#limits.loginFailures
  }

  /** A message was stored: errors and idle commands before it are forgotten, failed logins are not. */
  forgive(): void {
    this.#errors = 0
    this.#junk = 0
  }
}
