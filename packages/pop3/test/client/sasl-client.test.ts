import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { latin1Octets, latin1Text, utf8Octets } from '@restante/mail'
import { describe, expect, test } from 'vitest'
import {
  type ClientCredentials,
  type ClientExchange,
  type ClientMove,
  type ClientSurroundings,
  type MechanismName,
  type SaslTools,
  startClientExchange,
  startExchange,
} from '../../src/index.ts'

const tools = (nonce: string): SaslTools => ({
  hmacSha256: (key, message) => createHmac('sha256', key).update(message).digest(),
  sha256: (octets) => createHash('sha256').update(octets).digest(),
  nonce: () => nonce,
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
})
const around = (more: Partial<ClientSurroundings> = {}): ClientSurroundings => ({
  tools: tools('rOprNGfwEbeRWgbNEkqO'),
  channelBinding: null,
  serverOffersPlus: false,
  mostIterations: 100_000,
  ...more,
})
const pencil: ClientCredentials = { name: 'user', password: 'pencil' }

function start(
  mechanism: MechanismName,
  more: Partial<ClientSurroundings> = {},
  who = pencil,
): ClientExchange {
  const exchange = startClientExchange(mechanism, who, around(more))
  if (exchange === null) throw new Error('no exchange')
  return exchange
}

/** Answers a `derive` as the caller would. */
function derive(exchange: ClientExchange, move: ClientMove): ClientMove {
  if (!('derive' in move)) return move
  const { password, salt, iterations } = move.derive
  return exchange.derived(pbkdf2Sync(password, salt, iterations, 32, 'sha256'))
}

const sent = (move: ClientMove): string => ('send' in move ? latin1Text(move.send) : JSON.stringify(move))
const SERVER_FIRST = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'

describe('SCRAM-SHA-256', () => {
  test('says what RFC 7677 §3 says', () => {
    const exchange = start('SCRAM-SHA-256')
    expect(latin1Text(exchange.initial as Uint8Array)).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
    const final = derive(exchange, exchange.respond(latin1Octets(SERVER_FIRST)))
    expect(sent(final)).toBe(
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    )
    expect(exchange.trusted).toBe(false)
    expect(sent(exchange.respond(latin1Octets('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')))).toBe('')
    expect(exchange.trusted).toBe(true)
  })

  test('believes no server that does not know the password', () => {
    const exchange = start('SCRAM-SHA-256')
    derive(exchange, exchange.respond(latin1Octets(SERVER_FIRST)))
    const forged = Buffer.alloc(32, 1).toString('base64')
    expect(exchange.respond(latin1Octets(`v=${forged}`))).toHaveProperty('stop')
    expect(exchange.trusted).toBe(false)
  })

  test.each([
    ['a nonce that is not ours', SERVER_FIRST.replace('rOpr', 'xOpr')],
    ['our nonce alone', 'r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'],
    ['too few iterations', SERVER_FIRST.replace('4096', '4095')],
    ['iterations to keep us busy', SERVER_FIRST.replace('4096', '2000000000')],
    ['no salt', SERVER_FIRST.replace(/s=[^,]*/, 's=')],
    ['bad base64', SERVER_FIRST.replace(/s=[^,]*/, 's=a')],
    ['an endless salt', SERVER_FIRST.replace(/s=[^,]*/, `s=${'AAAA'.repeat(400)}`)],
    ['an extension we must know', `m=x,${SERVER_FIRST}`],
    ['an error', 'e=other-error'],
    ['nothing', ''],
  ])('stops at %s', (_, challenge) => {
    expect(start('SCRAM-SHA-256').respond(latin1Octets(challenge))).toHaveProperty('stop')
  })

  test('escapes names and tells whether -PLUS was on offer', () => {
    const who = { name: 'a,b=c', password: 'x' }
    const binding = { type: 'tls-exporter', octets: Uint8Array.of(1, 2) }
    const first = (more: Partial<ClientSurroundings>) =>
      latin1Text(start('SCRAM-SHA-256', more, who).initial as Uint8Array)
    expect(first({})).toMatch(/^n,,n=a=2Cb=3Dc,/)
    expect(first({ channelBinding: binding })).toMatch(/^y,,/)
    expect(first({ channelBinding: binding, serverOffersPlus: true })).toMatch(/^n,,/)
  })
})

/** Plays both halves against each other; the password is `pencil`. */
function play(mechanism: MechanismName, who: ClientCredentials, channel: string | null = null): string {
  const binding = channel === null ? null : { type: 'tls-exporter', octets: latin1Octets(channel) }
  const client = startClientExchange(mechanism, who, around({ channelBinding: binding }))
  if (client === null) return 'cannot'
  const server = startExchange(mechanism, {
    tools: tools('server-nonce-of-18-characters'),
    offersPlus: channel !== null && mechanism.endsWith('-PLUS'),
    channelBinding: (type) => (type === 'tls-exporter' ? latin1Octets('the channel') : null),
  })
  const salt = latin1Octets('salt')
  const salted = pbkdf2Sync('pencil', salt, 4096, 32, 'sha256')
  const { hmacSha256, sha256 } = tools('')
  let move = server.respond(client.initial)
  for (let turn = 0; turn < 10; turn++) {
    if ('scram' in move)
      move = server.scram({
        salt,
        iterations: 4096,
        storedKey: sha256(hmacSha256(salted, latin1Octets('Client Key'))),
        serverKey: hmacSha256(salted, latin1Octets('Server Key')),
      })
    else if ('authenticate' in move) {
      const said = move.authenticate
      const right =
        'scram' in said
          ? said.scram.proven
          : 'token' in said
            ? said.token === 'tok.en'
            : said.password === 'pencil'
      if (!right) return 'refused'
      move = server.accepted()
      if ('over' in move) return client.trusted ? `in as ${said.name}` : 'untrusted'
    } else if ('challenge' in move) {
      const answer = derive(client, client.respond(move.challenge))
      if (!('send' in answer)) return `stopped: ${JSON.stringify(answer)}`
      move = server.respond(answer.send)
      if ('over' in move) return client.trusted ? `in as ${who.name}` : 'untrusted'
    } else return JSON.stringify(move)
  }
  return 'endless'
}

describe('client and server halves', () => {
  const token: ClientCredentials = { name: 'a,n=na', token: 'tok.en' }
  test.each<[MechanismName, ClientCredentials, string | null, string]>([
    ['PLAIN', pencil, null, 'in as user'],
    ['LOGIN', pencil, null, 'in as user'],
    ['SCRAM-SHA-256', pencil, null, 'in as user'],
    ['SCRAM-SHA-256-PLUS', pencil, 'the channel', 'in as user'],
    ['SCRAM-SHA-256-PLUS', pencil, 'another one', '{"refuse":"auth-failed"}'],
    ['SCRAM-SHA-256-PLUS', pencil, null, 'cannot'],
    ['OAUTHBEARER', token, null, 'in as a,n=na'],
    ['XOAUTH2', token, null, 'in as a,n=na'],
    ['OAUTHBEARER', pencil, null, 'cannot'],
    ['PLAIN', token, null, 'cannot'],
    ['PLAIN', { name: 'user', password: 'wrong' }, null, 'refused'],
    ['SCRAM-SHA-256', { name: 'user', password: 'wrong' }, null, 'refused'],
    ['PLAIN', { name: 'us\0er', password: 'pencil' }, null, 'cannot'],
    ['XOAUTH2', { name: 'a\x01auth=Bearer evil', token: 'tok.en' }, null, 'cannot'],
    ['OAUTHBEARER', { name: 'anna', token: 'two words' }, null, 'cannot'],
  ])('%s as %j over %s: %s', (mechanism, who, channel, expected) => {
    expect(play(mechanism, who, channel)).toBe(expected)
  })

  test.each<MechanismName>(['PLAIN', 'LOGIN', 'OAUTHBEARER'])(
    '%s stops when asked for ever more',
    (mechanism) => {
      const who = mechanism === 'OAUTHBEARER' ? token : pencil
      const exchange = start(mechanism, {}, who as typeof pencil)
      const moves = [1, 2, 3].map(() => exchange.respond(utf8Octets('more?')))
      expect(moves.at(-1)).toHaveProperty('stop')
    },
  )
})
