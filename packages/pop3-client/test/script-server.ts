import { createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { ConnectOptions } from '../src/index.ts'

/** What a scripted server says: octets, or a deed. Null = what an honest, empty server would. */
export type Line = string | Uint8Array | ((socket: Socket) => void) | null

export interface Script {
  /** Every command received, over all connections. */
  readonly heard: string[]
  readonly connections: number
  readonly options: ConnectOptions
}

const HONEST: Readonly<Record<string, string>> = {
  greeting: '+OK here\r\n',
  CAPA: '+OK\r\nUSER\r\nUIDL\r\nTOP\r\nRESP-CODES\r\nPIPELINING\r\n.\r\n',
  USER: '+OK\r\n',
  PASS: '+OK\r\n',
  STAT: '+OK 0 0\r\n',
  LIST: '+OK\r\n.\r\n',
  UIDL: '+OK\r\n.\r\n',
  QUIT: '+OK\r\n',
  NOOP: '+OK\r\n',
}

/** A server that says what the test tells it to, command by command; gone with the test. */
export async function scriptServer(
  say: (command: string, heard: readonly string[]) => Line,
): Promise<Script> {
  const heard: string[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer({ noDelay: true }, (socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => {})
    let held = ''
    const answer = (command: string) => {
      const line = say(command, heard) ?? HONEST[command.split(' ')[0] as string] ?? '-ERR what\r\n'
      if (typeof line === 'function') line(socket)
      else socket.write(typeof line === 'string' ? Buffer.from(line, 'latin1') : line)
    }
    answer('greeting')
    socket.on('data', (chunk: Buffer) => {
      held += chunk.toString('latin1')
      for (let end = held.indexOf('\r\n'); end >= 0; end = held.indexOf('\r\n')) {
        const command = held.slice(0, end)
        held = held.slice(end + 2)
        heard.push(command)
        answer(command)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return {
    heard,
    get connections() {
      return connections
    },
    options: {
      host: '127.0.0.1',
      port: typeof address === 'object' && address !== null ? address.port : 0,
      tls: 'none',
      login: { name: 'anna', password: 'secret' },
    },
  }
}
