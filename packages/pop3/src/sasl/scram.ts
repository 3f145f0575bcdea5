import { concatOctets, equalOctets, latin1Octets, utf8Octets, utf8Text } from '@restante/mail'
import { decodeBase64, encodeBase64 } from '../base64.ts'
import type { ScramCredentials, ScramMechanism } from '../step.ts'
import { decodeSaslName, type SaslExchange, type SaslMove, type SaslSurroundings } from './exchange.ts'

const BAD: SaslMove = { refuse: 'bad-exchange' }

/**
 * The server's half of SCRAM-SHA-256 and -PLUS (RFC 5802, 7677). The verifier is asked for by name; a backend
 * that does not know the name gives an invented one, so that strangers learn nothing.
 */
export function startScram(mechanism: ScramMechanism, surroundings: SaslSurroundings): SaslExchange {
  const tools = surroundings.tools
  if (tools === undefined) throw new Error('SCRAM needs SaslTools')
  const plus = mechanism === 'SCRAM-SHA-256-PLUS'
  let stage: 'first' | 'credentials' | 'final' | 'said' = 'first'
  let name = ''
  let gs2Header = ''
  let bindingType = ''
  let clientFirstBare = ''
  let nonce = ''
  let serverFirst = ''
  let credentials: ScramCredentials | null = null
  let serverSignature: Uint8Array = new Uint8Array(0)

  /** gs2-cbind-flag "," [ authzid ] "," [reserved-mext ","] username "," nonce ["," extensions] */
  function first(text: string): SaslMove {
    const parts =
      /^((?:([ny])|p=([A-Za-z0-9.-]+)),(?:a=([^,]+))?,)(n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s.exec(
        text,
      )
    if (parts === null) return BAD
    const [, header, flag, type, authorization, bare, saslName, clientNonce] = parts
    const decoded = decodeSaslName(saslName as string)
    if (decoded === undefined) return BAD
    if (plus !== (type !== undefined)) return BAD
    // The client thinks we lack -PLUS while we offered it: someone between us took it away.
    if (flag === 'y' && surroundings.offersPlus) return BAD
    if (authorization !== undefined && decodeSaslName(authorization) !== decoded)
      return { refuse: 'auth-failed' }
    if (type !== undefined && (surroundings.channelBinding?.(type) ?? null) === null) return BAD
    name = decoded
    gs2Header = header as string
    bindingType = type ?? ''
    clientFirstBare = bare as string
    nonce = (clientNonce as string) + (tools as NonNullable<typeof tools>).nonce()
    stage = 'credentials'
    return { scram: name, mechanism }
  }

  /** channel-binding "," nonce ["," extensions] "," proof */
  function final(text: string): SaslMove {
    const parts = /^(c=([A-Za-z0-9+/=]+),r=([^,]+)(?:,[^p][^,]*)*),p=([A-Za-z0-9+/=]+)$/s.exec(text)
    if (parts === null || credentials === null || tools === undefined) return BAD
    const [, withoutProof, binding, saidNonce, proofText] = parts
    const proof = decodeBase64(proofText as string)
    const bound = decodeBase64(binding as string)
    if (proof === null || proof.length !== 32 || bound === null || saidNonce !== nonce) return BAD
    const channel = bindingType === '' ? null : (surroundings.channelBinding?.(bindingType) ?? null)
    const expected = latinHeader(gs2Header, channel)
    if (!equalOctets(bound, expected)) return { refuse: 'auth-failed' }
    const message = utf8Octets(`${clientFirstBare},${serverFirst},${withoutProof}`)
    const clientSignature = tools.hmacSha256(credentials.storedKey, message)
    const clientKey = proof.map((octet, i) => octet ^ (clientSignature[i] as number))
    const proven = tools.equal(tools.sha256(clientKey), credentials.storedKey)
    serverSignature = tools.hmacSha256(credentials.serverKey, message)
    return { authenticate: { mechanism, name, scram: { proven } } }
  }

  return {
    respond(message) {
      if (message === null) return { challenge: new Uint8Array(0) }
      if (stage === 'said') return message.length === 0 ? { over: true } : BAD
      const text = utf8Text(message)
      if (text === null) return BAD
      return stage === 'first' ? first(text) : stage === 'final' ? final(text) : BAD
    },
    scram(found) {
      credentials = found
      serverFirst = `r=${nonce},s=${encodeBase64(found.salt)},i=${found.iterations}`
      stage = 'final'
      return { challenge: latin1Octets(serverFirst) }
    },
    accepted() {
      stage = 'said'
      return { challenge: latin1Octets(`v=${encodeBase64(serverSignature)}`) }
    },
    refused: () => ({ over: true }),
  }
}

function latinHeader(header: string, channel: Uint8Array | null): Uint8Array {
  const octets = utf8Octets(header)
  return channel === null ? octets : concatOctets([octets, channel])
}
