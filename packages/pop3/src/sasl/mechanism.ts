import { utf8Text } from '@restante/mail'
import type { Credentials } from '../step.ts'
import {
  decodeSaslName,
  type MechanismName,
  type SaslExchange,
  type SaslMove,
  type SaslSurroundings,
} from './exchange.ts'
import { startScram } from './scram.ts'

/** Starts the exchange of a mechanism. */
export function startExchange(mechanism: MechanismName, surroundings: SaslSurroundings): SaslExchange {
  switch (mechanism) {
    case 'PLAIN':
      return simple(null, readPlain)
    case 'LOGIN':
      return startLogin()
    case 'OAUTHBEARER':
    case 'XOAUTH2':
      return simple(EMPTY, (text) => readBearer(mechanism, text))
    default:
      return startScram(mechanism, surroundings)
  }
}

const EMPTY = new Uint8Array(0)
const REFUSED: SaslMove = { refuse: 'bad-exchange' }

/** One message from the client says it all; on refusal an OAuth client is told why and answers once more. */
function simple(
  greeting: Uint8Array | null,
  read: (text: string) => Credentials | 'auth-failed' | null,
): SaslExchange {
  let told = false
  return {
    respond(message) {
      if (told) return { over: true }
      if (message === null) return { challenge: greeting ?? EMPTY }
      const text = utf8Text(message)
      const credentials = text === null ? null : read(text)
      if (credentials === null) return REFUSED
      return credentials === 'auth-failed' ? { refuse: credentials } : { authenticate: credentials }
    },
    accepted: () => ({ over: true }),
    refused(failure, challenge) {
      if (greeting === null || failure !== 'auth') return { over: true }
      told = true
      const text = challenge ?? '{"status":"invalid_token","schemes":"bearer"}'
      return { challenge: Uint8Array.from(text, (character) => character.charCodeAt(0) & 0x7f) }
    },
    scram: () => REFUSED,
  }
}

/** message = [authzid] NUL authcid NUL passwd (RFC 4616). Acting for someone else is refused. */
function readPlain(text: string): Credentials | 'auth-failed' | null {
  const parts = text.split('\0')
  if (parts.length !== 3) return null
  const [authorization, name, password] = parts as [string, string, string]
  if (name === '' || password === '') return null
  if (authorization !== '' && authorization !== name) return 'auth-failed'
  return { mechanism: 'PLAIN', name, password }
}

/** client-resp = gs2-header kvsep *kvpair kvsep (RFC 7628 §3.1); XOAUTH2 has `user=` in place of the header. */
function readBearer(mechanism: 'OAUTHBEARER' | 'XOAUTH2', text: string): Credentials | null {
  const parts = text.split('\x01')
  if (parts.length < 4 || parts.at(-1) !== '' || parts.at(-2) !== '') return null
  const head = parts[0] as string
  let name: string | undefined
  if (mechanism === 'XOAUTH2') name = /^user=(.+)$/s.exec(head)?.[1]
  else {
    const header = /^[ny],(?:a=([^,]+))?,$/s.exec(head)
    if (header === null) return null
    name = header[1] === undefined ? '' : decodeSaslName(header[1])
  }
  if (name === undefined) return null
  let token: string | undefined
  for (const pair of parts.slice(1, -2)) {
    const match = /^([A-Za-z]+)=(.*)$/s.exec(pair)
    if (match === null) return null
    if (match[1] === 'auth') {
      const bearer = /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(match[2] as string)
      if (bearer === null || token !== undefined) return null
      token = bearer[1]
    }
  }
  return token === undefined ? null : { mechanism, name, token }
}

function startLogin(): SaslExchange {
  let name: string | null = null
  return {
    respond(message) {
      if (message === null) return { challenge: ascii('Username:') }
      const text = utf8Text(message)
      if (text === null || text === '' || text.includes('\0')) return REFUSED
      if (name === null) {
        name = text
        return { challenge: ascii('Password:') }
      }
      return { authenticate: { mechanism: 'LOGIN', name, password: text } }
    },
    accepted: () => ({ over: true }),
    refused: () => ({ over: true }),
    scram: () => REFUSED,
  }
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
