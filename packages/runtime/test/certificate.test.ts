import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:tls'
import { expect, test } from 'vitest'
import { selfSignedCertificate } from '../src/index.ts'

const NOW = Date.UTC(2026, 10, 22)

test('the certificate says who, for how long, and is signed by itself', () => {
  const { cert } = selfSignedCertificate(
    ['mail.acme.example', 'localhost', '127.0.0.1', '::1', '2001:db8::5'],
    NOW,
  )
  const read = new X509Certificate(cert)
  expect(read.subject).toBe('CN=mail.acme.example')
  expect(read.subjectAltName).toBe(
    'DNS:mail.acme.example, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:2001:DB8:0:0:0:0:0:5',
  )
  expect(read.verify(read.publicKey)).toBe(true)
  expect(read.checkHost('mail.acme.example')).toBe('mail.acme.example')
  expect(Date.parse(read.validFrom)).toBe(NOW - 86_400_000)
  expect(read.ca).toBe(true)
})

test('past 2049 the time has four-digit years', () => {
  const { cert } = selfSignedCertificate(['a'], Date.UTC(2049, 11, 1), 90)
  expect(new X509Certificate(cert).validTo).toContain('2050')
})

test('a client that trusts it connects, one that does not refuses', async () => {
  const pair = selfSignedCertificate(['localhost', '127.0.0.1'], Date.now())
  const server = createServer(pair, (socket) => socket.end('hello')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const client = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: pair.cert })
  expect(String((await once(client, 'data'))[0])).toBe('hello')
  const stranger = connect({ port, host: '127.0.0.1', servername: 'localhost' })
  expect(((await once(stranger, 'error'))[0] as { code: string }).code).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
  server.close()
})
