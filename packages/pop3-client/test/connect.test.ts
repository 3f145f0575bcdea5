import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { connect as connectTls, createServer } from 'node:tls'
import type { ScramSource } from '@restante/pop3-server'
import { selfSignedCertificate } from '@restante/runtime'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ConnectOptions, connectPop3 } from '../src/index.ts'
import { scriptServer } from './script-server.ts'
import { CERTIFICATE, rejection, start } from './start.ts'

const scram: ScramSource<string> = {
  credentials(name) {
    const salt = Buffer.from('salt of anna')
    const salted = pbkdf2Sync('secret', salt, 4096, 32, 'sha256')
    const hmac = (text: string) => createHmac('sha256', salted).update(text).digest()
    const storedKey = createHash('sha256').update(hmac('Client Key')).digest()
    if (name !== 'anna') return null
    return {
      salt,
      iterations: 4096,
      storedKey,
      serverKey: hmac('Server Key'),
      settle: (proven) => (proven ? { maildrop: name } : null),
    }
  },
}

async function mechanisms() {
  return start({
    scram,
    mechanisms: ['PLAIN', 'LOGIN', 'OAUTHBEARER', 'XOAUTH2'],
    authenticate: (request) => {
      const right =
        'token' in request
          ? request.token === 'tok.en'
          : 'password' in request && request.password === 'secret'
      return right ? { maildrop: 'anna' } : null
    },
  })
}

type Way = 'plain' | 'stls' | 'implicit'
const password = { name: 'anna', password: 'secret' }
const token = { name: 'anna', token: 'tok.en' }

test.each<[Way, ConnectOptions['mechanism'], ConnectOptions['login'], string]>([
  ['plain', undefined, password, 'SCRAM-SHA-256'],
  ['implicit', undefined, password, 'PLAIN'],
  ['stls', undefined, password, 'PLAIN'],
  ['stls', 'LOGIN', password, 'LOGIN'],
  ['stls', 'USER', password, 'USER'],
  ['plain', 'PLAIN', password, 'PLAIN'],
  ['implicit', 'SCRAM-SHA-256', password, 'SCRAM-SHA-256'],
  ['implicit', 'SCRAM-SHA-256-PLUS', password, 'SCRAM-SHA-256-PLUS'],
  ['stls', 'SCRAM-SHA-256-PLUS', password, 'SCRAM-SHA-256-PLUS'],
  ['implicit', undefined, token, 'OAUTHBEARER'],
  ['implicit', 'XOAUTH2', token, 'XOAUTH2'],
])('over %s, asked for %s, logs in as %j by %s', async (way, mechanism, login, used) => {
  const server = await mechanisms()
  const client = await connectPop3({
    ...server[way],
    login,
    ...(mechanism === undefined ? {} : { mechanism }),
  })
  expect((await client.stat()).count).toBe(3)
  await client.quit()
  const event = await server.event('login')
  expect(event.mechanism).toBe(used)
  expect(event.session.tls?.protocol ?? null).toBe(way === 'plain' ? null : 'TLSv1.3')
})

/** A TLS 1.2 end in front of a server, as a proxy or an intruder would be. */
async function frontOf(
  port: number,
  certificate: { readonly key: string; readonly cert: string },
): Promise<number> {
  const options = {
    ...certificate,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    ALPNProtocols: ['pop3'],
  } as const
  const sockets: { destroy(): void }[] = []
  const front = createServer(options, (socket) => {
    const back = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    sockets.push(socket, back)
    for (const each of [socket, back]) each.on('error', () => {})
    socket.pipe(back).pipe(socket)
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    front.close()
  })
  const address = front.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

test('SCRAM-SHA-256-PLUS binds to the certificate under TLS 1.2', async () => {
  const server = await mechanisms()
  const options = { ...server.implicit, mechanism: 'SCRAM-SHA-256-PLUS', rejectUnauthorized: false } as const
  const own = await connectPop3({ ...options, port: await frontOf(server.tlsPort, CERTIFICATE) })
  await own.quit()
  const intruder = await frontOf(server.tlsPort, selfSignedCertificate(['localhost'], Date.now()))
  expect(await rejection(connectPop3({ ...options, port: intruder }))).toMatchObject({ code: 'auth' })
})

test.each<[Way, ConnectOptions['mechanism'], ConnectOptions['login']]>([
  ['stls', undefined, { name: 'anna', password: 'sesame' }],
  ['stls', 'USER', { name: 'anna', password: 'sesame' }],
  ['stls', 'SCRAM-SHA-256-PLUS', { name: 'anna', password: 'sesame' }],
  ['plain', 'SCRAM-SHA-256', { name: 'nobody', password: 'secret' }],
  ['implicit', 'OAUTHBEARER', { name: 'anna', token: 'sesame' }],
  ['implicit', 'XOAUTH2', { name: 'anna', token: 'sesame' }],
])('over %s by %s, %j is refused as such', async (way, mechanism, login) => {
  const server = await mechanisms()
  const error = await rejection(
    connectPop3({ ...server[way], login, ...(mechanism === undefined ? {} : { mechanism }) }),
  )
  expect(error).toMatchObject({ name: 'Pop3Error', code: 'auth', passes: false })
  expect(String(error)).not.toContain('secret')
  expect(String(error)).not.toContain('sesame')
})

test('a long token does not go into the command line', async () => {
  const long = 'x'.repeat(9_000)
  const server = await start({
    mechanisms: ['OAUTHBEARER'],
    authenticate: (request) => ('token' in request && request.token === long ? { maildrop: 'anna' } : null),
  })
  const client = await connectPop3({ ...server.implicit, login: { name: 'anna', token: long } })
  await client.quit()
})

describe('trust', () => {
  test.each<[string, Partial<ConnectOptions>]>([
    ['a certificate nobody vouches for', { ca: selfSignedCertificate(['other'], Date.now()).cert }],
    ['a certificate for another name', { servername: 'mail.example' }],
  ])('%s is refused, and nothing is told', async (_, options) => {
    const server = await start()
    for (const way of [server.implicit, server.stls])
      expect(await rejection(connectPop3({ ...way, ...options }))).toMatchObject({ code: 'tls' })
    expect(server.events.filter(({ type }) => type.startsWith('login'))).toEqual([])
  })

  test('unless it is waived', async () => {
    const server = await start()
    const { ca: _, ...unknown } = server.stls
    const client = await connectPop3({ ...unknown, servername: 'mail.example', rejectUnauthorized: false })
    await client.quit()
  })

  test('an address needs no server name', async () => {
    const server = await start()
    const { servername: _, ...unnamed } = server.implicit
    await (await connectPop3(unnamed)).quit()
  })

  test('stls with a server that has none tells nothing', async () => {
    const script = await scriptServer(() => null)
    const error = await rejection(connectPop3({ ...script.options, tls: 'stls' }))
    expect(error).toMatchObject({ code: 'tls' })
    expect(script.heard).toEqual(['STLS'])
  })

  test('TLS spoken to a server that speaks none', async () => {
    const { plain } = await start()
    expect(await rejection(connectPop3({ ...plain, tls: 'implicit' }))).toMatchObject({ code: 'tls' })
  })
})

describe('getting there', () => {
  test('nobody listens', async () => {
    const server = await start()
    await server.server.close()
    expect(await rejection(connectPop3(server.plain))).toMatchObject({
      code: 'closed',
      cause: { code: 'ECONNREFUSED' },
      passes: true,
    })
    expect(await rejection(connectPop3(server.implicit))).toMatchObject({ code: 'closed' })
  })

  test('the maildrop is in use', async () => {
    const { connect } = await start()
    await connect()
    expect(await rejection(connect())).toMatchObject({ code: 'in-use', responseCode: 'IN-USE', passes: true })
  })

  test('too many connections', async () => {
    const { connect } = await start({ limits: { connections: 1 } })
    await connect()
    expect(await rejection(connect())).toMatchObject({ code: 'sys-temp' })
  })

  test.each([
    ['sys-temp', 'sys-temp'],
    ['sys-perm', 'sys-perm'],
    ['login-delay', 'login-delay'],
  ] as const)('a login that fails with %s', async (failed, code) => {
    const { connect } = await start({ authenticate: () => ({ failed }) })
    expect(await rejection(connect())).toMatchObject({ code })
  })

  test('a signal that fired before, or fires while waiting', async () => {
    const { plain } = await start()
    await expect(connectPop3({ ...plain, signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no')
    const silent = await scriptServer(() => () => {})
    const giving = new AbortController()
    const connecting = connectPop3({ ...silent.options, signal: giving.signal })
    giving.abort(new Error('enough'))
    await expect(connecting).rejects.toThrow('enough')
  })
})
