import { createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { describe, expect, test } from 'vitest'
import type { ScramCredentials } from '../src/index.ts'
import { localhost, other, start } from './start.ts'
import { connectPlain, connectSecure, logIn, secure } from './wire.ts'

const subject = (socket: unknown) => (socket as TLSSocket).getPeerX509Certificate()?.subject

describe('TLS', () => {
  test('implicit TLS, ALPN pop3 honoured, CAPA without STLS', async () => {
    const { tlsPort, event } = await start({ allowPlainLogin: 'never' })
    const wire = await logIn(await connectSecure(tlsPort, { ALPNProtocols: ['h2', 'pop3'] }))
    expect((wire.socket as TLSSocket).alpnProtocol).toBe('pop3')
    expect((await wire.askMulti('CAPA')).body).not.toContain('STLS')
    expect((await event('login')).session.tls?.protocol).toBe('TLSv1.3')
    expect(await wire.ask('STAT')).toBe('+OK 2 52')
  })

  test('a wrong ALPN protocol is refused', async () => {
    const { tlsPort, event } = await start()
    await expect(connectSecure(tlsPort, { ALPNProtocols: ['h2'] })).rejects.toThrow(
      /alert|ALPN|disconnected|ECONNRESET/i,
    )
    expect((await event('session-end')).reason).toBe('handshake-failed')
  })

  test('TLS 1.2 is spoken, 1.1 is not', async () => {
    const { tlsPort } = await start()
    const wire = await connectSecure(tlsPort, { maxVersion: 'TLSv1.2' })
    expect(await wire.line()).toMatch(/^\+OK/)
    await expect(
      connectSecure(tlsPort, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).rejects.toThrow()
  })

  test('SNI chooses the certificate, on both ways into TLS', async () => {
    const { port, tlsPort, event } = await start({
      tls: { ...localhost, hosts: { 'other.example': other, '*.wild.example': other } },
    })
    expect(subject((await connectSecure(tlsPort)).socket)).toBe('CN=localhost')
    expect(subject((await connectSecure(tlsPort, { servername: 'nobody.example' })).socket)).toBe(
      'CN=localhost',
    )
    expect(subject((await connectSecure(tlsPort, { servername: 'OTHER.example' })).socket)).toBe(
      'CN=other.example',
    )
    expect(subject((await connectSecure(tlsPort, { servername: 'a.wild.example' })).socket)).toBe(
      'CN=other.example',
    )
    expect(subject((await connectSecure(tlsPort, { servername: 'a.b.wild.example' })).socket)).toBe(
      'CN=localhost',
    )
    const wire = await connectPlain(port)
    await wire.line()
    await wire.ask('STLS')
    const secured = await secure(wire, { servername: 'other.example' })
    expect(subject(secured.socket)).toBe('CN=other.example')
    await secured.ask('USER anna')
    await secured.ask('PASS secret')
    expect((await event('login')).session.tls?.serverName).toBe('other.example')
  })

  test('setTls changes new handshakes and drops nobody', async () => {
    const { server, tlsPort } = await start()
    const before = await logIn(await connectSecure(tlsPort))
    server.setTls(other)
    expect(subject((await connectSecure(tlsPort)).socket)).toBe('CN=other.example')
    expect(await before.ask('STAT')).toBe('+OK 2 52')
    expect(() => server.setTls({ key: 'x', cert: 'y' })).toThrow()
    expect(subject((await connectSecure(tlsPort)).socket)).toBe('CN=other.example')
  })

  test('a session ticket of one server resumes on another with the same keys', async () => {
    const ticketKeys = randomBytes(48)
    const first = await start({ tls: { ...localhost, ticketKeys } })
    const second = await start({ tls: { ...localhost, ticketKeys } })
    const third = await start()
    const wire = await connectSecure(first.tlsPort)
    const session = await new Promise<Buffer>((resolve) => wire.socket.once('session', resolve))
    await wire.ask('QUIT')
    expect(((await connectSecure(second.tlsPort, { session })).socket as TLSSocket).isSessionReused()).toBe(
      true,
    )
    expect(((await connectSecure(third.tlsPort, { session })).socket as TLSSocket).isSessionReused()).toBe(
      false,
    )
  })

  test.each(['GET / HTTP/1.0\r\n\r\n', '\x16\x03\x01\xff\xff\x01garbage', '\0'.repeat(1000), ''])(
    'garbage in place of a handshake is harmless: %j',
    async (garbage) => {
      const { tlsPort, event } = await start()
      const socket = connect(tlsPort, '127.0.0.1')
      socket.on('error', () => {})
      socket.end(Buffer.from(garbage, 'latin1'))
      socket.resume()
      expect((await event('session-end')).reason).toMatch(/handshake-failed|dropped/)
      expect(await (await connectSecure(tlsPort)).line()).toMatch(/^\+OK/)
    },
  )

  test('garbage after STLS ends that session only', async () => {
    const { port, event } = await start()
    const wire = await connectPlain(port)
    await wire.line()
    await wire.ask('STLS')
    wire.write('USER anna\r\nPASS secret\r\n')
    await wire.closed()
    expect((await event('session-end')).session.account).toBe(null)
    expect(await (await connectPlain(port)).line()).toMatch(/^\+OK/)
  })

  test('STLS while earlier answers are still on their way', async () => {
    const { port, store } = await start()
    store.add('boris', `a: b\r\n\r\n${'x'.repeat(70)}\r\n`.repeat(2_000))
    const wire = await connectPlain(port)
    await wire.line()
    wire.write(`${'CAPA\r\n'.repeat(8_000)}STLS\r\nCAPA\r\n`)
    for (let i = 0; i < 8_000; i++) await wire.multi()
    expect(await wire.line()).toMatch(/^\+OK Begin TLS/)
    expect(wire.pending).toBe('')
    const secured = await secure(wire)
    expect((await secured.askMulti('CAPA')).body).not.toContain('STLS')
  })

  test('STLS without a certificate is refused and not offered', async () => {
    const { port } = await start({ tls: undefined } as never)
    const wire = await connectPlain(port)
    await wire.line()
    expect((await wire.askMulti('CAPA')).body).not.toContain('STLS')
    expect(await wire.ask('STLS')).toMatch(/^-ERR/)
  })
})

/** The client's half of one SCRAM-SHA-256 exchange over a socket. */
async function scram(
  wire: Awaited<ReturnType<typeof connectPlain>>,
  name: string,
  password: string,
  binding: string,
  bound: Buffer,
): Promise<string> {
  const gs2 = binding === '' ? 'n,,' : `p=${binding},,`
  const bare = `n=${name},r=fyko`
  const mechanism = binding === '' ? 'SCRAM-SHA-256' : 'SCRAM-SHA-256-PLUS'
  const challenge = await wire.ask(`AUTH ${mechanism} ${Buffer.from(gs2 + bare).toString('base64')}`)
  if (!challenge.startsWith('+ ')) return challenge
  const serverFirst = Buffer.from(challenge.slice(2), 'base64').toString()
  const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst) as unknown as string[]
  const salted = pbkdf2Sync(password, Buffer.from(salt as string, 'base64'), Number(iterations), 32, 'sha256')
  const hmac = (key: Buffer, text: string | Buffer) => createHmac('sha256', key).update(text).digest()
  const clientKey = hmac(salted, 'Client Key')
  const { createHash } = await import('node:crypto')
  const storedKey = createHash('sha256').update(clientKey).digest()
  const c = Buffer.concat([Buffer.from(gs2), bound]).toString('base64')
  const withoutProof = `c=${c},r=${nonce}`
  const message = `${bare},${serverFirst},${withoutProof}`
  const signature = hmac(storedKey, message)
  const proof = Buffer.from(clientKey.map((octet, i) => octet ^ (signature[i] as number)))
  const reply = await wire.ask(
    Buffer.from(`${withoutProof},p=${proof.toString('base64')}`).toString('base64'),
  )
  if (!reply.startsWith('+ ')) return reply
  expect(Buffer.from(reply.slice(2), 'base64').toString()).toBe(
    `v=${hmac(hmac(salted, 'Server Key'), message).toString('base64')}`,
  )
  return wire.ask('')
}

function verifier(password: string): ScramCredentials {
  const salt = Buffer.from('sixteen octets!!')
  const salted = pbkdf2Sync(password, salt, 4096, 32, 'sha256')
  const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const { createHash } = process.getBuiltinModule('node:crypto')
  return {
    salt,
    iterations: 4096,
    storedKey: createHash('sha256').update(hmac(salted, 'Client Key')).digest(),
    serverKey: hmac(salted, 'Server Key'),
  }
}

describe('SCRAM', () => {
  const scramOptions = {
    scram: {
      credentials: (name: string) => (name === 'anna' ? verifier('secret') : null),
      inventedSaltKey: Buffer.alloc(32, 1),
    },
    authenticate: (request: { mechanism: string; name: string }) =>
      request.mechanism.startsWith('SCRAM') ? { maildrop: request.name } : null,
  }

  test('without TLS, and a wrong password', async () => {
    const { port } = await start({ ...scramOptions, allowPlainLogin: 'never' })
    const wire = await connectPlain(port)
    await wire.line()
    expect((await wire.askMulti('CAPA')).body).toContain('SASL SCRAM-SHA-256\r\n')
    expect(await scram(wire, 'anna', 'wrong', '', Buffer.alloc(0))).toMatch(/^-ERR \[AUTH\]/)
    expect(await scram(wire, 'anna', 'secret', '', Buffer.alloc(0))).toMatch(/^\+OK/)
    expect(await wire.ask('STAT')).toBe('+OK 2 52')
  })

  test('a name nobody has is shown an invented salt, always the same, and fails like any other', async () => {
    const { port } = await start(scramOptions)
    const wire = await connectPlain(port)
    await wire.line()
    const first = async (name: string) => {
      const reply = await wire.ask(`AUTH SCRAM-SHA-256 ${Buffer.from(`n,,n=${name},r=x`).toString('base64')}`)
      await wire.ask('*')
      return /s=[^,]+,i=\d+$/.exec(Buffer.from(reply.slice(2), 'base64').toString())?.[0]
    }
    expect(await first('nobody')).toBe(await first('nobody'))
    expect(await first('nobody')).not.toBe(await first('someone'))
    expect((await first('nobody'))?.length).toBe((await first('anna'))?.length)
    expect(await scram(wire, 'nobody', 'secret', '', Buffer.alloc(0))).toMatch(/^-ERR \[AUTH\]/)
  })

  test('-PLUS with tls-exporter and tls-server-end-point; another channel is refused', async () => {
    const { tlsPort } = await start(scramOptions)
    const exporter = (socket: unknown) =>
      (socket as TLSSocket).exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
    const endPoint = (socket: unknown) => {
      const { createHash } = process.getBuiltinModule('node:crypto')
      return createHash('sha256')
        .update((socket as TLSSocket).getPeerX509Certificate()?.raw as Buffer)
        .digest()
    }
    const one = await connectSecure(tlsPort)
    await one.line()
    expect(await scram(one, 'anna', 'secret', 'tls-exporter', Buffer.alloc(32))).toMatch(/^-ERR \[AUTH\]/)
    expect(await scram(one, 'anna', 'secret', 'tls-exporter', exporter(one.socket))).toMatch(/^\+OK/)
    await one.ask('QUIT')
    const two = await connectSecure(tlsPort)
    await two.line()
    expect(await scram(two, 'anna', 'secret', 'tls-server-end-point', endPoint(two.socket))).toMatch(/^\+OK/)
    await two.ask('QUIT')
    const three = await connectSecure(tlsPort, { maxVersion: 'TLSv1.2' })
    await three.line()
    const unique = (three.socket as TLSSocket).getFinished() as Buffer
    expect(await scram(three, 'anna', 'secret', 'tls-unique', unique)).toMatch(/^\+OK/)
  })

  test('a backend that settles logins itself is told whether the proof fits, and never lets the unproven in', async () => {
    const settled: boolean[] = []
    const { port } = await start({
      scram: {
        credentials: (name) => ({
          ...verifier('secret'),
          settle(proven) {
            settled.push(proven)
            return { maildrop: name }
          },
        }),
      },
    })
    const wire = await connectPlain(port)
    await wire.line()
    expect(await scram(wire, 'anna', 'wrong', '', Buffer.alloc(0))).toMatch(/^-ERR \[AUTH\]/)
    expect(await scram(wire, 'anna', 'secret', '', Buffer.alloc(0))).toMatch(/^\+OK/)
    expect(settled).toEqual([false, true])
  })
})
