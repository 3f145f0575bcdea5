import { concatOctets, latin1Octets, type Octets, utf8Octets, utf8Text } from '@restante/mail'
import { decodeBase64, encodeBase64 } from '../base64.ts'
import type { MechanismName, SaslTools } from '../sasl/exchange.ts'

/** Who logs in. */
export type ClientCredentials =
  | { readonly name: string; readonly password: string }
  | { readonly name: string; readonly token: string }

/** What a SCRAM client needs from outside. */
export interface ClientSurroundings {
  readonly tools: SaslTools
  /** The channel binding of the connection for -PLUS; null where it has none. */
  readonly channelBinding: { readonly type: string; readonly octets: Uint8Array } | null
  /** Whether the server offered -PLUS, so that it notices if someone between took it away (RFC 5802 §6). */
  readonly serverOffersPlus: boolean
  /** Most iterations of the password hash a server may ask for; more is taken for an attack. */
  readonly mostIterations: number
}

/** What a client does next in an AUTH exchange. */
export type ClientMove =
  | { readonly send: Uint8Array }
  /** Hi(password, salt, iterations) of RFC 5802 §2.2 with SHA-256 is wanted: 32 octets, to `derived`. */
  | {
      readonly derive: {
        readonly password: Uint8Array
        readonly salt: Uint8Array
        readonly iterations: number
      }
    }
  /** The server broke the exchange, or could not prove that it knows us. */
  | { readonly stop: string }

/** A client's half of one AUTH command. */
export interface ClientExchange {
  readonly mechanism: MechanismName
  /** For the AUTH command itself (RFC 5034 §4); null where the server speaks first. */
  readonly initial: Uint8Array | null
  respond(challenge: Uint8Array): ClientMove
  derived(saltedPassword: Uint8Array): ClientMove
  /** Whether a +OK may be believed: with SCRAM only after the server's proof. */
  readonly trusted: boolean
}

/** RFC 5802 §5.1 asks for at least 4,096; a server that asks for fewer weakens the password it is told. */
const FEWEST_ITERATIONS = 4_096
const LONGEST_SALT: Octets = 1_024
const STOPPED: ClientMove = { stop: 'the server said more than the mechanism has' }

/**
 * Starts a mechanism; null where it cannot work with these credentials (a token for SCRAM, NUL in a name) or this
 * connection (-PLUS without channel binding).
 */
export function startClientExchange(
  mechanism: MechanismName,
  credentials: ClientCredentials,
  surroundings: ClientSurroundings,
): ClientExchange | null {
  const { name } = credentials
  if ('token' in credentials) {
    const { token } = credentials
    if (!/^[!-~]+$/.test(token) || /[\u0000\u0001]/.test(name)) return null
    if (mechanism === 'OAUTHBEARER')
      return bearer(mechanism, `n,a=${saslName(name)},\x01auth=Bearer ${token}\x01\x01`)
    if (mechanism === 'XOAUTH2') return bearer(mechanism, `user=${name}\x01auth=Bearer ${token}\x01\x01`)
    return null
  }
  const { password } = credentials
  if (name === '' || password === '' || name.includes('\0') || password.includes('\0')) return null
  switch (mechanism) {
    case 'PLAIN':
      return plain(utf8Octets(`\0${name}\0${password}`))
    case 'LOGIN':
      return login([utf8Octets(name), utf8Octets(password)])
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-256-PLUS':
      return scram(mechanism, name, password, surroundings)
    default:
      return null
  }
}

function plain(initial: Uint8Array): ClientExchange {
  return {
    mechanism: 'PLAIN',
    initial,
    respond: () => STOPPED,
    derived: () => STOPPED,
    trusted: true,
  }
}

/** On refusal the server sends a JSON text and waits for one more answer (RFC 7628 §3.2.3). */
function bearer(mechanism: 'OAUTHBEARER' | 'XOAUTH2', initial: string): ClientExchange {
  let told = false
  return {
    mechanism,
    initial: utf8Octets(initial),
    respond() {
      if (told) return STOPPED
      told = true
      return { send: mechanism === 'XOAUTH2' ? new Uint8Array(0) : Uint8Array.of(1) }
    },
    derived: () => STOPPED,
    trusted: true,
  }
}

function login(answers: Uint8Array[]): ClientExchange {
  return {
    mechanism: 'LOGIN',
    initial: null,
    respond() {
      const send = answers.shift()
      return send === undefined ? STOPPED : { send }
    },
    derived: () => STOPPED,
    trusted: true,
  }
}

function scram(
  mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS',
  name: string,
  password: string,
  { tools, channelBinding, serverOffersPlus, mostIterations }: ClientSurroundings,
): ClientExchange | null {
  const plus = mechanism === 'SCRAM-SHA-256-PLUS'
  if (plus && channelBinding === null) return null
  // y = we could, but think the server cannot.
  const flag = plus ? `p=${channelBinding?.type}` : channelBinding === null || serverOffersPlus ? 'n' : 'y'
  const gs2Header = `${flag},,`
  const nonce = tools.nonce()
  const firstBare = `n=${saslName(name)},r=${nonce}`
  let stage: 'first' | 'derive' | 'final' | 'over' = 'first'
  let serverFirst = ''
  let serverNonce = ''
  let serverSignature: Uint8Array = new Uint8Array(0)
  let trusted = false

  /** nonce "," salt "," iteration-count ["," extensions] */
  function first(text: string): ClientMove {
    const parts = /^r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=([1-9]\d{0,9})(?:,.*)?$/s.exec(text)
    if (parts === null) return { stop: 'the SCRAM challenge makes no sense' }
    serverNonce = parts[1] as string
    const salt = decodeBase64(parts[2] as string)
    const iterations = Number(parts[3])
    if (!serverNonce.startsWith(nonce) || serverNonce.length === nonce.length)
      return { stop: 'the SCRAM nonce is not ours' }
    if (salt === null || salt.length === 0 || salt.length > LONGEST_SALT)
      return { stop: 'the SCRAM salt is no salt' }
    if (iterations < FEWEST_ITERATIONS || iterations > mostIterations)
      return { stop: `the server asks for ${iterations} SCRAM iterations` }
    serverFirst = text
    stage = 'derive'
    return { derive: { password: utf8Octets(password.normalize('NFKC')), salt, iterations } }
  }

  return {
    mechanism,
    initial: utf8Octets(gs2Header + firstBare),
    respond(challenge) {
      const text = utf8Text(challenge)
      if (text === null) return { stop: 'the SCRAM challenge is not text' }
      if (stage === 'first') return first(text)
      if (stage !== 'final') return STOPPED
      stage = 'over'
      const proof = decodeBase64(/^v=([A-Za-z0-9+/=]+)(?:,.*)?$/s.exec(text)?.[1] ?? '')
      if (proof === null || proof.length !== 32 || !tools.equal(proof, serverSignature))
        return { stop: 'the server does not know our password' }
      trusted = true
      return { send: new Uint8Array(0) }
    },
    derived(saltedPassword) {
      if (stage !== 'derive') return STOPPED
      stage = 'final'
      const header = latin1Octets(gs2Header)
      const bound = plus && channelBinding !== null ? concatOctets([header, channelBinding.octets]) : header
      const withoutProof = `c=${encodeBase64(bound)},r=${serverNonce}`
      const message = utf8Octets(`${firstBare},${serverFirst},${withoutProof}`)
      const clientKey = tools.hmacSha256(saltedPassword, latin1Octets('Client Key'))
      const signature = tools.hmacSha256(tools.sha256(clientKey), message)
      const serverKey = tools.hmacSha256(saltedPassword, latin1Octets('Server Key'))
      serverSignature = tools.hmacSha256(serverKey, message)
      const proof = clientKey.map((octet, i) => octet ^ (signature[i] as number))
      return { send: latin1Octets(`${withoutProof},p=${encodeBase64(proof)}`) }
    },
    get trusted() {
      return trusted
    },
  }
}

/** RFC 5801 §4: `,` and `=` cannot stand for themselves in a name. */
function saslName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C')
}
