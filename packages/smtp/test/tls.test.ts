import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { startBench, until } from './harness.ts'
import { AUTH } from './replay.ts'

const RENEWED = {
  key: readFileSync(new URL('data/renewed.key.pem', import.meta.url)),
  cert: readFileSync(new URL('data/renewed.cert.pem', import.meta.url)),
}

describe('STARTTLS', () => {
  test('forgets everything said before, and offers AUTH only inside', async () => {
    await using bench = await startBench({ auth: AUTH })
    const client = await bench.client()
    await client.begin()
    expect(await client.ask('STARTTLS')).toBe('220 2.0.0 Ready to start TLS')
    await client.startTls({ servername: 'mx.test' })
    expect(await client.ask('RCPT TO:<c@d.test>')).toBe('503 5.5.1 Say hello first')
    const hello = await client.ask('EHLO client.test')
    expect(hello).toContain('AUTH PLAIN LOGIN')
    expect(hello).not.toContain('STARTTLS')
    expect(await client.ask('STARTTLS')).toBe('503 5.5.1 TLS is already active')
    expect(await client.ask('DATA')).toBe('503 5.5.1 Send MAIL first')
    expect(await client.ask('AUTH PLAIN AGFubmEAc2VjcmV0')).toBe('235 2.7.0 Authentication succeeded')
    await client.ask('MAIL FROM:<a@b.test>')
    await client.ask('RCPT TO:<c@d.test>')
    await client.ask('DATA')
    await client.ask('.')
    expect(bench.taken[0]?.envelope).toMatchObject({
      protocol: 'ESMTPSA',
      tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384',
      authenticatedAs: 'anna@acme.example',
    })
    const tls = bench.events.find((event) => event.event === 'tls')
    expect(tls).toMatchObject({ servername: 'mx.test' })
  })

  test('runs nothing that was sent in the clear behind it', async () => {
    await using bench = await startBench()
    const client = await bench.client()
    await client.reply()
    await client.ask('EHLO client.test')
    const injected = `${'NOOP\r\n'.repeat(500)}EHLO evil.test\r\nMAIL FROM:<evil@b.test>\r\nRC`
    client.write(`STARTTLS\r\n${injected}`)
    expect(await client.reply()).toBe('220 2.0.0 Ready to start TLS')
    await client.startTls().catch(() => {})
    client.write('PT TO:<c@d.test>\r\nRSET\r\nQUIT\r\n')
    const said = await client.rest()
    expect(said).not.toContain('250 2.1.0')
    expect(bench.events.some((event) => event.event === 'transaction')).toBe(false)
  })

  test('a garbage handshake costs one session', async () => {
    await using bench = await startBench()
    const client = await bench.client()
    await client.reply()
    await client.ask('STARTTLS')
    client.write('this is not TLS\r\n'.repeat(10))
    await client.rest()
    await until(() => bench.events.some((event) => event.event === 'session-end'))
    expect(bench.events).toContainEqual(
      expect.objectContaining({ event: 'fault', where: 'tls', fault: 'peer' }),
    )
    const next = await bench.client()
    expect(await next.reply()).toBe('220 mx.test ESMTP')
  })

  test('offers REQUIRETLS inside, where the host honours it', async () => {
    await using bench = await startBench({ requireTlsExtension: true })
    const client = await bench.client()
    await client.reply()
    expect(await client.ask('EHLO client.test')).not.toContain('REQUIRETLS')
    expect(await client.ask('MAIL FROM:<a@b.test> REQUIRETLS')).toMatch(/^555 /)
    await client.ask('STARTTLS')
    await client.startTls()
    expect(await client.ask('EHLO client.test')).toContain('REQUIRETLS')
    expect(await client.ask('MAIL FROM:<a@b.test> REQUIRETLS')).toBe('250 2.1.0 Sender ok')
  })

  test('refuses TLS before 1.2', async () => {
    await using bench = await startBench()
    const client = await bench.client()
    await client.reply()
    await client.ask('STARTTLS')
    await expect(
      client.startTls({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).rejects.toThrow()
  })

  test('a handshake that never comes is given up', async () => {
    let nowMs = 0
    await using bench = await startBench({ nowMs: () => nowMs, limits: { handshakeMs: 100 } })
    const client = await bench.client()
    await client.reply()
    await client.ask('STARTTLS')
    nowMs = 101
    expect(await client.rest()).toBe('')
  })
})

describe('implicit TLS', () => {
  test('serves inside TLS, without STARTTLS', async () => {
    await using bench = await startBench({ implicitTls: true })
    const client = await bench.client()
    await client.startTls()
    expect(await client.reply()).toBe('220 mx.test ESMTP')
    expect(await client.ask('EHLO client.test')).not.toContain('STARTTLS')
    expect(await client.ask('STARTTLS')).toBe('503 5.5.1 TLS is already active')
    expect(bench.events[0]).toMatchObject({ event: 'connection', tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384' })
  })

  test('garbage instead of a handshake costs one connection', async () => {
    await using bench = await startBench({ implicitTls: true, limits: { connectionsPerAddress: 1 } })
    const garbage = await bench.client()
    garbage.write('EHLO client.test\r\n')
    await garbage.rest()
    await until(() => bench.events.length > 0)
    expect(bench.events[0]).toMatchObject({ event: 'fault', where: 'tls', fault: 'peer' })
    const client = await bench.client()
    await client.startTls()
    expect(await client.reply()).toBe('220 mx.test ESMTP')
  })

  test('a handshake that never comes is given up', async () => {
    await using bench = await startBench({ implicitTls: true, limits: { handshakeMs: 30 } })
    const client = await bench.client()
    expect(await client.rest()).toBe('')
  })
})

test('a new certificate serves new sessions and drops none', async () => {
  await using bench = await startBench()
  const old = await bench.client()
  await old.reply()
  await old.ask('STARTTLS')
  const before = await old.startTls()
  expect(before.getPeerCertificate().subject.CN).toBe('mx.test')
  bench.server.setTls(RENEWED)
  expect(await old.ask('NOOP')).toBe('250 2.0.0 Ok')
  const fresh = await bench.client()
  await fresh.reply()
  await fresh.ask('STARTTLS')
  const after = await fresh.startTls()
  expect(after.getPeerCertificate().subject.CN).toBe('renewed.mx.test')
  expect(() => bench.server.setTls({ key: 'no key', cert: 'no certificate' })).toThrow()
  const last = await bench.client()
  await last.reply()
  await last.ask('STARTTLS')
  expect((await last.startTls()).getPeerCertificate().subject.CN).toBe('renewed.mx.test')
})
