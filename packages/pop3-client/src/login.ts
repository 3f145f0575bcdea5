import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import {
  type Capabilities,
  type ClientCredentials,
  type ClientMove,
  decodeBase64,
  encodeBase64,
  type MechanismName,
  type SaslTools,
  startClientExchange,
} from '@restante/pop3'
import { channelBindingOf } from './channel-binding.ts'
import type { Dialogue } from './dialogue.ts'
import { Pop3Error, printable, refusalOf } from './error.ts'
import type { ConnectOptions } from './options.ts'
import type { Wire } from './wire.ts'

const TOOLS: SaslTools = {
  hmacSha256: (key, message) => createHmac('sha256', key).update(message).digest(),
  sha256: (octets) => createHash('sha256').update(octets).digest(),
  nonce: () => randomBytes(18).toString('base64url'),
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
}

const hash = promisify(pbkdf2)

/** RFC 5034 §4: an AUTH command with its initial response must fit a command line. */
const LONGEST_AUTH_COMMAND = 255

/** The mechanism that fits server, connection and credentials, or null. */
export function chooseMechanism(
  login: ClientCredentials,
  capabilities: Capabilities,
  secure: boolean,
): MechanismName | 'USER' | null {
  const { mechanisms, user } = capabilities
  const first = (...names: MechanismName[]): MechanismName | undefined =>
    names.find((name) => mechanisms.includes(name))
  if ('token' in login) return first('OAUTHBEARER', 'XOAUTH2') ?? null
  const own = secure ? first('PLAIN', 'LOGIN') : first('SCRAM-SHA-256', 'PLAIN', 'LOGIN')
  // A server that says nothing at all knows RFC 1939: USER and PASS.
  return own ?? (user || capabilities.tags.size === 0 ? 'USER' : (first('SCRAM-SHA-256') ?? null))
}

/**
 * Logs in.
 *
 * @throws {Pop3Error} `auth` and the other refusals; `unsupported` where no mechanism fits
 */
export async function logIn(
  dialogue: Dialogue,
  capabilities: Capabilities,
  { login, mechanism: wanted }: ConnectOptions,
): Promise<void> {
  const { socket, limits } = dialogue.wire
  const secure = socket instanceof TLSSocket
  const mechanism = wanted ?? chooseMechanism(login, capabilities, secure)
  if (mechanism === null) {
    const offered = capabilities.mechanisms.join(', ') || 'nothing'
    throw new Pop3Error('unsupported', `no way to log in here: the server offers ${printable(offered)}`)
  }
  if (mechanism === 'USER') {
    if ('token' in login) throw new Pop3Error('unsupported', 'USER takes no token')
    if (/[\r\n\0]/.test(login.name + login.password))
      throw new Pop3Error('unsupported', 'USER and PASS cannot carry this name or password')
    await dialogue.ask(`USER ${login.name}`, () => {}, { login: true, alone: true, secret: true })
    await dialogue.ask(`PASS ${login.password}`, () => {}, { login: true, alone: true, secret: true })
    return
  }
  const exchange = startClientExchange(mechanism, login, {
    tools: TOOLS,
    channelBinding: secure ? channelBindingOf(socket) : null,
    serverOffersPlus: capabilities.mechanisms.includes('SCRAM-SHA-256-PLUS'),
    mostIterations: limits.scramIterations,
  })
  if (exchange === null)
    throw new Pop3Error('unsupported', `${mechanism} cannot work with these credentials on this connection`)
  const initial = exchange.initial === null ? null : encodeBase64(exchange.initial) || '='
  const command = `AUTH ${mechanism}`
  const inCommand = initial !== null && command.length + initial.length + 3 <= LONGEST_AUTH_COMMAND
  await dialogue
    .exchange(inCommand ? `${command} ${initial}` : command, async (wire) => {
      let unsaid = inCommand ? null : exchange.initial
      for (;;) {
        const status = await wire.status(limits.challengeOctets)
        if (status.status === 'err') throw new Refused(refusalOf(status, command, true))
        if (status.status === 'ok') {
          if (exchange.trusted) return
          throw wire.fail(new Pop3Error('protocol', `${command}: the server said +OK without its proof`))
        }
        const challenge = decodeBase64(status.text.trim())
        if (challenge === null)
          throw wire.fail(new Pop3Error('protocol', `${command}: a challenge that is not base64`))
        let move: ClientMove
        if (unsaid !== null && challenge.length === 0) {
          move = { send: unsaid }
          unsaid = null
        } else move = exchange.respond(challenge)
        if ('derive' in move) {
          const { password, salt, iterations } = move.derive
          move = exchange.derived(await hash(password, salt, iterations, 32, 'sha256'))
        }
        if ('stop' in move) await cancel(wire, command, move.stop)
        else if ('send' in move) wire.write(Buffer.from(`${encodeBase64(move.send)}\r\n`, 'latin1'))
      }
    })
    .catch((error: unknown) => {
      throw error instanceof Refused ? error.refusal : error
    })
}

/** A refusal on its way out of an exchange that is read to its end. */
class Refused extends Error {
  override readonly name = 'Refused'
  readonly refusal: Pop3Error

  constructor(refusal: Pop3Error) {
    super(refusal.message)
    this.refusal = refusal
  }
}

/** RFC 5034 §4: `*` ends the exchange; whatever the server says then, we do not go on with it. */
async function cancel(wire: Wire, command: string, why: string): Promise<never> {
  wire.write(Buffer.from('*\r\n', 'latin1'))
  throw wire.fail(new Pop3Error('auth', `${command}: ${why}`))
}
