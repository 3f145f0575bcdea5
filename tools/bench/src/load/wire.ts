import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

const HOST = '127.0.0.1'
/** One for all connections: what arrives is looked at before the next read. */
const arrivals = Buffer.allocUnsafe(256 * 1024)

/** A bare connection: octets out, octets in, and the end. */
export interface Wire {
  /** Sends octets, which must not change any more. */
  send(octets: Uint8Array): void
  /** Cuts the connection; `onEnd` is not told. */
  close(): void
}

/** Who listens to a {@link Wire}. */
export interface WireListener {
  /** Octets that arrived; theirs only during the call. */
  onOctets(octets: Buffer): void
  /** The other side hung up, or the connection broke. */
  onEnd(error: Error): void
}

/** Connects to a port of this machine. */
export function openWire(port: number, tls: boolean, listener: WireListener): Wire {
  let open = true
  const socket: Socket = tls
    ? connectTls({ host: HOST, port, rejectUnauthorized: false })
    : connect({
        host: HOST,
        port,
        onread: {
          buffer: arrivals,
          callback: (length) => {
            if (open) listener.onOctets(arrivals.subarray(0, length))
            return true
          },
        },
      })
  socket.setNoDelay(true)
  if (tls) socket.on('data', (octets: Buffer) => open && listener.onOctets(octets))
  const end = (error: Error): void => {
    if (!open) return
    open = false
    socket.destroy()
    listener.onEnd(error)
  }
  socket.on('error', end)
  socket.on('close', () => end(new Error('the server hung up')))
  return {
    send: (octets) => void socket.write(octets),
    close() {
      open = false
      socket.destroy()
    },
  }
}
