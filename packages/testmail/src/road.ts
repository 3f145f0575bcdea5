import { connect, createServer, type Server, type Socket } from 'node:net'
import type { RoadFault } from './faults.ts'

/** A listener in front of a server, through which faults of the road come. */
export interface Road {
  readonly port: number
  close(): Promise<void>
}

/** How a road is laid. */
export interface RoadOptions {
  /** The server's port on 127.0.0.1. */
  readonly to: number
  /** Whose octets count for `dropAfterOctets`. */
  readonly counts: 'client' | 'server'
  /** Asked for each new connection. */
  readonly fault: () => RoadFault | null
}

/** Opens a road on a free loopback port. */
export async function openRoad(options: RoadOptions): Promise<Road> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    sockets.add(near)
    near.once('close', () => sockets.delete(near))
    near.on('error', () => near.destroy())
    travel(near, options, sockets)
  })
  await listen(server)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
}

function travel(near: Socket, { to, counts, fault: faultNow }: RoadOptions, sockets: Set<Socket>): void {
  const fault = faultNow()
  if (fault !== null && 'silent' in fault) {
    near.resume()
    near.once('end', () => near.destroy())
    return
  }
  if (fault !== null && 'dropAfterOctets' in fault && fault.dropAfterOctets <= 0) {
    near.destroy()
    return
  }
  const far = connect({ port: to, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  sockets.add(far)
  far.once('close', () => {
    sockets.delete(far)
    // What the server said last must still get through.
    near.destroySoon()
  })
  far.on('error', () => far.destroy())
  near.once('close', () => far.destroy())
  if (fault === null) {
    near.pipe(far)
    far.pipe(near)
  } else if ('slowMs' in fault) {
    carrySlowly(near, far, fault.slowMs)
    carrySlowly(far, near, fault.slowMs)
  } else {
    const [counted, other] = counts === 'client' ? [near, far] : [far, near]
    other.pipe(counted)
    carryUpTo(counted, other, fault.dropAfterOctets)
  }
}

function carrySlowly(from: Socket, to: Socket, delayMs: number): void {
  from.on('data', (chunk: Buffer) => {
    from.pause()
    setTimeout(() => {
      if (!to.destroyed) to.write(chunk)
      from.resume()
    }, delayMs)
  })
  from.once('end', () => to.end())
}

function carryUpTo(from: Socket, to: Socket, octets: number): void {
  let left = octets
  from.on('data', (chunk: Buffer) => {
    const piece = chunk.subarray(0, left)
    left -= piece.length
    const flowing = to.write(piece)
    if (left <= 0) {
      from.destroy()
      to.destroySoon()
    } else if (!flowing) {
      from.pause()
      to.once('drain', () => from.resume())
    }
  })
  from.once('end', () => to.end())
}
