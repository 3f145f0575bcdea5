import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A road to a server that breaks off where the test says. */
export interface CuttingProxy {
  readonly port: number
  /** Cut the next connection after so many octets from the server; null = let it be. */
  cutAfter: number | null
  /** Octets the server has sent over the last connection. */
  readonly passed: number
}

/** Starts a proxy in front of a port; gone with the test. */
export async function cuttingProxy(to: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  let passed = 0
  const proxy = {
    port: 0,
    cutAfter: null as number | null,
    get passed() {
      return passed
    },
  }
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: to, host: '127.0.0.1', noDelay: true })
    let left = proxy.cutAfter ?? Number.POSITIVE_INFINITY
    proxy.cutAfter = null
    passed = 0
    const cut = () => {
      near.destroySoon()
      far.destroy()
    }
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', cut)
      socket.on('close', cut)
    }
    near.on('data', (chunk) => far.write(chunk))
    far.on('data', (chunk: Buffer) => {
      passed += chunk.length
      if (left > 0) near.write(chunk.subarray(0, left))
      left -= chunk.length
      if (left <= 0) cut()
    })
    if (left <= 0) cut()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  proxy.port = typeof address === 'object' && address !== null ? address.port : 0
  return proxy
}
