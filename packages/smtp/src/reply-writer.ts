import type { Socket } from 'node:net'

/** Held replies that are written without waiting for more. */
const HELD_CHARACTERS = 16 * 1024

/** Gathers the replies to pipelined commands, so that they leave in one segment (RFC 2920 §3.2). */
export class ReplyWriter {
  #held = ''
  #soon = false

  hold(reply: string): void {
    this.#held += reply
  }

  get isFull(): boolean {
    return this.#held.length > HELD_CHARACTERS
  }

  /** Writes what is held, unless the socket takes nothing any more. */
  flush(socket: Socket): void {
    const held = this.#held
    if (held === '') return
    this.#held = ''
    if (!socket.destroyed && socket.writable) socket.write(held, 'utf8')
  }

  /** Writes what is held at the end of this turn of the event loop, if no later reply takes it along before. */
  flushSoon(flush: () => void): void {
    if (this.#held === '' || this.#soon) return
    this.#soon = true
    setImmediate(() => {
      this.#soon = false
      flush()
    })
  }
}
