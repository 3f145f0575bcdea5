import type { Socket } from 'node:net'
import type { Octets } from '@restante/mail'

/** Up to this much goes out as one copied piece; larger arrays are handed over as they are. */
const COPIED = 65_536
const SMALL = 8_192

/** Gathers replies and writes them in as few pieces as possible, so that pipelined answers share segments. */
export class Output {
  #pieces: Uint8Array[] = []
  #octets: Octets = 0
  /** Octets handed to sockets so far. */
  writtenOctets: Octets = 0

  /** Octets gathered and not written. */
  get octets(): Octets {
    return this.#octets
  }

  add(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.#octets += piece.length
  }

  /** Writes what is gathered. Order is kept; nothing is written to a socket that has ended. */
  flush(socket: Socket): void {
    if (this.#octets === 0) return
    const pieces = this.#pieces
    const octets = this.#octets
    this.#pieces = []
    this.#octets = 0
    if (!socket.writable) return
    this.writtenOctets += octets
    if (pieces.length === 1) socket.write(pieces[0] as Uint8Array)
    else if (octets <= COPIED) socket.write(Buffer.concat(pieces, octets))
    else {
      socket.cork()
      for (const piece of joinSmall(pieces)) socket.write(piece)
      socket.uncork()
    }
  }
}

/** The same octets with runs of small pieces copied together. */
function joinSmall(pieces: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = []
  let run: Uint8Array[] = []
  let runOctets = 0
  const endRun = () => {
    if (run.length === 0) return
    joined.push(run.length === 1 ? (run[0] as Uint8Array) : Buffer.concat(run, runOctets))
    run = []
    runOctets = 0
  }
  for (const piece of pieces) {
    if (piece.length > SMALL) {
      endRun()
      joined.push(piece)
    } else {
      run.push(piece)
      runOctets += piece.length
      if (runOctets > COPIED) endRun()
    }
  }
  endRun()
  return joined
}
