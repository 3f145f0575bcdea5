import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** What a polite client found in one session. */
export interface PolitePoll {
  readonly messages: readonly Buffer[]
  readonly tookMs: number
}

/**
 * One whole session over TLS from `localAddress`: login, UIDL, every message, QUIT. Written against RFC 1939, not against
 * the product's own client. Throws what the server said where it was not what a client may expect.
 */
export async function pollPolitely(
  port: number,
  localAddress: string,
  login: string,
  password: string,
): Promise<PolitePoll> {
  const begun = performance.now()
  const tcp = connectTcp({ host: '127.0.0.1', port, localAddress })
  const socket = connectTls({ socket: tcp, rejectUnauthorized: false })
  const pieces: Buffer[] = []
  let failure: Error | null = null
  let ended = false
  let wake: () => void = () => {}
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece)
    wake()
  })
  for (const end of [tcp, socket]) {
    end.on('error', (error) => {
      failure = error
    })
    end.on('close', () => {
      ended = true
      wake()
    })
  }
  let rest = ''
  const more = async (): Promise<void> => {
    if (pieces.length === 0 && !ended)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    if (pieces.length === 0) throw failure ?? new Error('the server hung up')
    rest += Buffer.concat(pieces.splice(0)).toString('latin1')
  }
  const until = async (end: string): Promise<string> => {
    let from = 0
    for (;;) {
      const at = rest.indexOf(end, from)
      if (at >= 0) {
        const text = rest.slice(0, at)
        rest = rest.slice(at + end.length)
        return text
      }
      from = Math.max(0, rest.length - end.length)
      await more()
    }
  }
  const status = async (): Promise<string> => {
    const line = await until('\r\n')
    if (!line.startsWith('+OK')) throw new Error(line)
    return line
  }
  const say = async (line: string): Promise<string> => {
    socket.write(`${line}\r\n`)
    return await status()
  }
  try {
    await status()
    await say(`USER ${login}`)
    await say(`PASS ${password}`)
    const count = Number((await say('STAT')).split(' ')[1])
    const messages: Buffer[] = []
    for (let number = 1; number <= count; number++) {
      await say(`RETR ${number}`)
      const body = `\r\n${await until('\r\n.\r\n')}\r\n`
      messages.push(Buffer.from(body.replaceAll('\r\n..', '\r\n.').slice(2), 'latin1'))
    }
    await say('QUIT')
    return { messages, tookMs: performance.now() - begun }
  } finally {
    socket.destroy()
  }
}
