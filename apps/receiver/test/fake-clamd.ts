import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

/** A clamd on a port of its own; `virusOf` says what is in a stream, and `null` never answers. */
export async function fakeClamd(
  virusOf: (stream: string) => string | '' | null,
): Promise<AsyncDisposable & { readonly host: string; readonly port: number }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let held = Buffer.alloc(0)
    let stream = ''
    let spoken = false
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk as Buffer])
      if (!spoken) {
        const nul = held.indexOf(0)
        if (nul < 0) return
        spoken = true
        held = held.subarray(nul + 1)
      }
      while (held.length >= 4) {
        const length = held.readUInt32BE()
        if (length === 0) {
          const virus = virusOf(stream)
          if (virus !== null) socket.end(virus === '' ? 'stream: OK\0' : `stream: ${virus} FOUND\0`)
          return
        }
        if (held.length < 4 + length) return
        stream += held.toString('latin1', 4, 4 + length)
        held = held.subarray(4 + length)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    host: '127.0.0.1',
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
