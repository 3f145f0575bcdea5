import { connect, type Socket } from 'node:net'

/** A line-by-line talk with a server: a reply is awaited after each line sent. */
export interface Dialogue {
  /** Sends a line, or nothing, and gives the lines up to one that matches. Rejects when the server hangs up before. */
  say(line: string | null, until: RegExp): Promise<readonly string[]>
  end(): void
}

/** Connects to a port of this machine. */
export function talkTo(port: number): Dialogue {
  const socket: Socket = connect({ host: '127.0.0.1', port })
  let held = ''
  let gone: Error | null = null
  let wake = (): void => undefined
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    held += chunk
    wake()
  })
  socket.on('error', (error) => {
    gone = error
  })
  socket.on('close', () => {
    gone ??= new Error('the server hung up')
    wake()
  })
  return {
    async say(line, until) {
      if (line !== null) socket.write(`${line}\r\n`, 'latin1')
      const lines: string[] = []
      for (;;) {
        const end = held.indexOf('\r\n')
        if (end >= 0) {
          const next = held.slice(0, end)
          held = held.slice(end + 2)
          lines.push(next)
          if (until.test(next)) return lines
          continue
        }
        if (gone) throw new Error(`after ${line}: ${gone.message}; it said ${JSON.stringify(lines)}`)
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        await promise
      }
    },
    end: () => socket.destroy(),
  }
}
