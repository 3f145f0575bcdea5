import type { Limits } from './options.ts'

/** What a session is waiting for. */
export type Waiting = 'handshake' | 'command' | 'content'

/**
 * The clocks of one session, without timers: a sweep asks `isDue` now and then. While a command is being
 * worked on (`working`), the peer owes nothing and its clocks stand still.
 */
export class Deadlines {
  readonly #limits: Limits
  readonly #sessionMs: number
  working = false
  /** When the next command became due: the end of the last one, never the arrival of part of a line. */
  #commandMs: number
  #handshakeMs = 0
  #blockedMs: number | null = null
  #contentMs = 0
  #windowMs = 0
  #windowOctets = 0

  constructor(limits: Limits, nowMs: number) {
    this.#limits = limits
    this.#sessionMs = nowMs
    this.#commandMs = nowMs
  }

  handshakeBegins(nowMs: number): void {
    this.#handshakeMs = nowMs
  }

  /** A command has been answered. */
  commandEnds(nowMs: number): void {
    this.working = false
    this.#commandMs = nowMs
  }

  /** The first octet of a message's mail data is due. */
  contentBegins(nowMs: number): void {
    this.#contentMs = nowMs
    this.windowBegins(nowMs)
  }

  /** The minimum rate counts from here: a new chunk, or the reader has caught up. */
  windowBegins(nowMs: number): void {
    this.#windowMs = nowMs
    this.#windowOctets = 0
  }

  contentGrows(octets: number): void {
    this.#windowOctets += octets
  }

  /** The peer does not read our replies. */
  outputBlocks(nowMs: number): void {
    this.#blockedMs = nowMs
  }

  outputFlows(nowMs: number): void {
    this.#blockedMs = null
    this.#commandMs = nowMs
  }

  /** Whether the peer has been waited for long enough. */
  isDue(nowMs: number, waiting: Waiting): boolean {
    const { handshakeMs, commandMs, dataWindowMs, dataOctetsPerSecond, dataMs, sessionMs } = this.#limits
    if (waiting === 'handshake') return nowMs - this.#handshakeMs > handshakeMs
    if (this.#blockedMs !== null) return nowMs - this.#blockedMs > commandMs
    if (this.working) return false
    if (waiting === 'command')
      return nowMs - this.#commandMs > commandMs || nowMs - this.#sessionMs > sessionMs
    if (nowMs - this.#contentMs > dataMs) return true
    if (nowMs - this.#windowMs <= dataWindowMs) return false
    if (this.#windowOctets < (dataWindowMs / 1000) * dataOctetsPerSecond) return true
    this.windowBegins(nowMs)
    return false
  }
}
