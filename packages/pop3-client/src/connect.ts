import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { type Capabilities, readCapabilities } from '@restante/pop3'
import { Pop3Client } from './client.ts'
import { Dialogue } from './dialogue.ts'
import { Pop3Error, refusalOf } from './error.ts'
import { logIn } from './login.ts'
import { type ConnectOptions, DEFAULT_CLIENT_LIMITS, DEFAULT_CLIENT_TIMEOUTS } from './options.ts'
import { Wire } from './wire.ts'

const CAPABILITIES_MOST = 200
const DEFAULT_WINDOW = 32

/**
 * Connects, secures, logs in.
 *
 * @throws {Pop3Error} with the reason; the connection is gone then. An abort throws the signal's reason.
 */
export async function connectPop3(options: ConnectOptions): Promise<Pop3Client> {
  const { signal, tls = 'implicit' } = options
  signal?.throwIfAborted()
  const limits = { ...DEFAULT_CLIENT_LIMITS, ...options.limits }
  const timeouts = { ...DEFAULT_CLIENT_TIMEOUTS, ...options.timeouts }
  const port = options.port ?? (tls === 'implicit' ? 995 : 110)
  const tcp = connectPlain({ host: options.host, port, noDelay: true, keepAlive: true })
  const socket = tls === 'implicit' ? secure(tcp, options) : tcp
  const wire = new Wire(socket, limits, timeouts)
  const abort = () => wire.fail(new Pop3Error('closed', 'the caller gave up', { cause: signal?.reason }))
  signal?.addEventListener('abort', abort, { once: true })
  const forget = () => signal?.removeEventListener('abort', abort)
  tcp.once('close', forget)
  const clock = setTimeout(() => {
    wire.fail(new Pop3Error('timeout', `no greeting from ${options.host} within ${timeouts.connectMs} ms`))
  }, timeouts.connectMs)
  try {
    await established(wire, tls === 'implicit' ? 'secureConnect' : 'connect', tls === 'implicit')
    const greeting = await wire.status()
    if (greeting.status === 'challenge')
      throw new Pop3Error('protocol', `${options.host} greets with a challenge`)
    if (greeting.status === 'err') {
      const refusal = refusalOf(greeting, options.host, false)
      throw refusal.code === 'refused'
        ? new Pop3Error('sys-temp', refusal.message, { status: greeting })
        : refusal
    }
    const dialogue = new Dialogue(wire)
    if (tls === 'stls') await startTls(dialogue, options)
    clearTimeout(clock)
    let capabilities = await askCapabilities(dialogue)
    if (options.utf8 === true && capabilities.utf8) await dialogue.ask('UTF8', () => {}, { alone: true })
    await logIn(dialogue, capabilities, options)
    capabilities = capabilities.tags.size === 0 ? capabilities : await askCapabilities(dialogue)
    dialogue.window = capabilities.pipelining ? Math.max(1, options.window ?? DEFAULT_WINDOW) : 1
    return new Pop3Client(dialogue, capabilities, forget)
  } catch (error) {
    wire.fail(new Pop3Error('closed', 'the connection was given up', { cause: error }))
    forget()
    signal?.throwIfAborted()
    throw error
  } finally {
    clearTimeout(clock)
  }
}

/** CAPA; nothing at all from a server that does not know it. */
export async function askCapabilities(dialogue: Dialogue): Promise<Capabilities> {
  const lines: Uint8Array[] = []
  try {
    await dialogue.ask('CAPA', () => dialogue.wire.listing(CAPABILITIES_MOST, (line) => lines.push(line)), {
      alone: true,
    })
  } catch (error) {
    if (!(error instanceof Pop3Error) || error.code !== 'refused') throw error
  }
  return readCapabilities(lines)
}

async function startTls(dialogue: Dialogue, options: ConnectOptions): Promise<void> {
  try {
    await dialogue.ask('STLS', () => {}, { alone: true })
  } catch (error) {
    if (!(error instanceof Pop3Error) || error.code !== 'refused') throw error
    throw new Pop3Error('tls', `${options.host} does not start TLS`, { cause: error })
  }
  const { wire } = dialogue
  wire.replaceSocket((raw) => secure(raw, options))
  await established(wire, 'secureConnect', true)
}

function secure(raw: Socket, options: ConnectOptions): TLSSocket {
  const name = options.servername ?? options.host
  return connectTls({
    socket: raw,
    host: name,
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ALPNProtocols: ['pop3'],
    minVersion: 'TLSv1.2',
    rejectUnauthorized: options.rejectUnauthorized ?? true,
    ...(options.ca === undefined ? {} : { ca: [options.ca].flat() as (string | Buffer)[] }),
  })
}

/** Waits for the socket; what goes wrong in a handshake is told as that. */
async function established(wire: Wire, event: 'connect' | 'secureConnect', tls: boolean): Promise<void> {
  const { socket } = wire
  await new Promise<void>((resolve, reject) => {
    socket.once(event, resolve)
    socket.once('close', () => {
      const failure = wire.failure ?? new Pop3Error('closed', 'the connection ended before it began')
      reject(
        tls && isHandshakeFailure(failure)
          ? new Pop3Error('tls', failure.message, { cause: failure.cause })
          : failure,
      )
    })
  })
}

/** Whether an end came of TLS, not of the network. */
function isHandshakeFailure({ code, cause }: Pop3Error): boolean {
  if (code !== 'closed' || !(cause instanceof Error)) return false
  const reason = (cause as NodeJS.ErrnoException).code ?? ''
  return !/^E(?:CONN|NOTFOUND|AI_|HOST|NET|TIMEDOUT|PIPE|ADDR)/.test(reason)
}
