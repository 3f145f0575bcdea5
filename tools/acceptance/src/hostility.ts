import { connect, type Socket } from 'node:net'

/** What a hostile connection does, again and again until it is called off. */
export type Hostility =
  | 'slow line'
  | 'garbage'
  | 'half-open'
  | 'guesser'
  | 'http'
  | 'never reading'
  | 'tls hello, then nothing'

/** Every kind there is. */
export const HOSTILITIES: readonly Hostility[] = [
  'slow line',
  'garbage',
  'half-open',
  'guesser',
  'http',
  'never reading',
  'tls hello, then nothing',
]

/** Many hostile connections at once. */
export interface Siege {
  /** Connections open at this moment. */
  readonly open: number
  /** Connections made so far, and how many of them the server has ended. */
  readonly made: number
  readonly ended: number
  /** Octets thrown at the server. */
  readonly octetsOut: number
  stop(): Promise<void>
}

const GARBAGE = Buffer.alloc(65_536, 'A\u0000\u00ff\r\nRETR 99999999999999999999\r\nCAPA\r\n', 'latin1')
/** The first octets of a TLS handshake that announces more than ever comes. */
const HELLO = Buffer.from('16030102000100', 'hex')
const BEAT_MS = 50
/** Thrown per beat by all who flood, so that the siege itself leaves the machine some air. */
const FLOOD_OCTETS = 4 * 1024 * 1024

/**
 * Keeps `count` hostile connections against a POP3 port, from several loopback addresses (`127.0.0.3` onwards, 100 each);
 * whatever the server ends is replaced at the next beat.
 */
export function besiege(port: number, count: number): Siege {
  const sockets = new Map<number, { readonly socket: Socket; readonly kind: Hostility; beat: number }>()
  let made = 0
  let ended = 0
  let octetsOut = 0
  let flooded = 0

  function open(place: number): void {
    const kind = HOSTILITIES[place % HOSTILITIES.length] as Hostility
    const socket = connect({
      host: '127.0.0.1',
      port,
      localAddress: `127.0.0.${3 + Math.floor(place / 100)}`,
    })
    made++
    sockets.set(place, { socket, kind, beat: 0 })
    socket.on('error', () => {})
    socket.on('close', () => {
      ended++
      sockets.delete(place)
    })
    if (kind === 'never reading') socket.pause()
    else socket.resume()
    if (kind === 'half-open') socket.end()
    if (kind === 'tls hello, then nothing') say(socket, HELLO)
  }

  function say(socket: Socket, octets: Uint8Array | string): void {
    if (socket.destroyed || socket.writableEnded) return
    octetsOut += octets.length
    socket.write(octets)
  }

  function act(place: number): void {
    const one = sockets.get(place)
    if (one === undefined) {
      open(place)
      return
    }
    const { socket, kind } = one
    const beat = one.beat++
    switch (kind) {
      case 'slow line':
        if (beat % 20 === 0) say(socket, 'U')
        return
      case 'garbage':
        if (socket.writableLength > 0 || flooded >= FLOOD_OCTETS) return
        flooded += GARBAGE.length
        say(socket, GARBAGE)
        return
      case 'guesser':
        if (beat % 20 === 0) say(socket, `USER anna@acme.example\r\nPASS guess ${place} ${beat}\r\n`)
        return
      case 'http':
        if (beat === 0) say(socket, 'GET / HTTP/1.1\r\nHost: mail.acme.example\r\n\r\n')
        return
      case 'never reading':
        if (socket.writableLength === 0 && beat < 200) say(socket, 'CAPA\r\n'.repeat(1_000))
        return
      default:
    }
  }

  const beating = setInterval(() => {
    flooded = 0
    for (let place = 0; place < count; place++) act(place)
  }, BEAT_MS)
  return {
    get open() {
      return sockets.size
    },
    get made() {
      return made
    },
    get ended() {
      return ended
    },
    get octetsOut() {
      return octetsOut
    },
    async stop() {
      clearInterval(beating)
      const closing = [...sockets.values()].map(
        ({ socket }) => new Promise<void>((resolve) => void socket.once('close', () => resolve())),
      )
      for (const { socket } of sockets.values()) socket.destroy()
      await Promise.all(closing)
    },
  }
}
