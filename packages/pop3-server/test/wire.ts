import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'

/** A client that says octets and waits for what the server says, nothing more. */
export interface Wire {
  readonly socket: Socket
  /** Everything received and not taken yet, Latin-1. */
  readonly pending: string
  write(text: string | Uint8Array): void
  /** One line without its CRLF. Rejects when the server ends before. */
  line(): Promise<string>
  /** A multi-line reply: status line, then everything up to the final dot line (unstuffed text not undone). */
  multi(): Promise<{ status: string; body: string }>
  /** Writes a command, returns the status line. */
  ask(command: string): Promise<string>
  /** Writes a command, returns the multi-line reply; throws on -ERR. */
  askMulti(command: string): Promise<{ status: string; body: string }>
  /** Resolves with what was left when the server ends the connection. */
  closed(): Promise<string>
  destroy(): void
}

export function wireOver(socket: Socket): Wire {
  let held = Buffer.alloc(4_096)
  let start = 0
  let end = 0
  let ended = false
  let wake: (() => void) | null = null
  const poke = () => {
    const w = wake
    wake = null
    w?.()
  }
  const text = () => held.subarray(start, end)
  const onData = (chunk: Buffer) => {
    if (end + chunk.length > held.length) {
      const grown = Buffer.alloc(Math.max(4_096, 2 * (end - start + chunk.length)))
      held.copy(grown, 0, start, end)
      end -= start
      start = 0
      held = grown
    }
    chunk.copy(held, end)
    end += chunk.length
    poke()
  }
  const onEnd = () => {
    ended = true
    poke()
  }
  socket.on('data', onData)
  socket.on('end', onEnd)
  socket.on('close', onEnd)
  socket.on('error', onEnd)
  const more = () =>
    new Promise<void>((resolve) => {
      wake = resolve
    })
  const until = async (mark: string, from = 0): Promise<number> => {
    let searched = from
    for (;;) {
      const at = text().indexOf(mark, searched, 'latin1')
      if (at >= 0) return at
      if (ended)
        throw new Error(`ended while waiting for a line; have ${text().toString('latin1').slice(0, 200)}`)
      searched = Math.max(from, text().length - mark.length)
      await more()
    }
  }
  const take = (length: number): string => {
    start += length
    return held.toString('latin1', start - length, start)
  }
  const wire: Wire = {
    socket,
    get pending() {
      return text().toString('latin1')
    },
    write(octets) {
      socket.write(typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets)
    },
    async line() {
      const at = await until('\r\n')
      return take(at + 2).slice(0, -2)
    },
    async multi() {
      const status = await wire.line()
      if (!status.startsWith('+OK')) return { status, body: '' }
      await until('\r\n', 0)
      if (text().toString('latin1', 0, 3) === '.\r\n') {
        take(3)
        return { status, body: '' }
      }
      const at = await until('\r\n.\r\n')
      return { status, body: take(at + 5).slice(0, -3) }
    },
    ask(command) {
      wire.write(`${command}\r\n`)
      return wire.line()
    },
    async askMulti(command) {
      wire.write(`${command}\r\n`)
      const reply = await wire.multi()
      if (!reply.status.startsWith('+OK')) throw new Error(`${command}: ${reply.status}`)
      return reply
    },
    async closed() {
      while (!ended) await more()
      return text().toString('latin1')
    },
    destroy() {
      socket.destroy()
    },
  }
  return wire
}

export function connectPlain(port: number, allowHalfOpen = false): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen, noDelay: true })
    const wire = wireOver(socket)
    socket.once('connect', () => resolve(wire))
    socket.once('error', reject)
  })
}

export function connectSecure(port: number, options: ConnectionOptions = {}): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
    const wire = wireOver(socket)
    socket.once('secureConnect', () => resolve(wire))
    socket.once('error', reject)
  })
}

/** Handshakes over a socket after STLS. */
export function secure(wire: Wire, options: ConnectionOptions = {}): Promise<Wire> {
  return new Promise((resolve, reject) => {
    wire.socket.removeAllListeners('data')
    const socket = connectTls({ socket: wire.socket, rejectUnauthorized: false, ...options })
    const secured = wireOver(socket)
    socket.once('secureConnect', () => resolve(secured))
    socket.once('error', reject)
  })
}

/** Greets and logs in with USER and PASS. */
export async function logIn(wire: Wire, name = 'anna', password = 'secret'): Promise<Wire> {
  await wire.line()
  await wire.ask(`USER ${name}`)
  const reply = await wire.ask(`PASS ${password}`)
  if (!reply.startsWith('+OK')) throw new Error(reply)
  return wire
}
