import { describe, expect, test } from 'vitest'
import type { Policy } from '../src/index.ts'
import { startBench, until } from './harness.ts'

const V2 = Buffer.concat([
  Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c', 'latin1'),
  Buffer.from([192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0, 25]),
])
const trustedProxies = ['127.0.0.0/8']

describe('the PROXY header', () => {
  test.each([
    ['version 1', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 4660 25\r\n')],
    ['version 2', V2],
  ])('tells who the peer is (%s)', async (_name, header) => {
    await using bench = await startBench({ trustedProxies })
    const client = await bench.client()
    for (const octet of header) await client.writeAlone(String.fromCharCode(octet))
    expect(await client.reply()).toBe('220 mx.test ESMTP')
    client.write('EHLO client.test\r\n')
    await client.reply()
    expect(bench.events[0]).toMatchObject({
      event: 'connection',
      remoteAddress: '192.0.2.1',
      remotePort: 4660,
      localAddress: '198.51.100.2',
      localPort: 25,
      proxyAddress: '127.0.0.1',
    })
  })

  test('may come in one piece with the first commands', async () => {
    await using bench = await startBench({ trustedProxies })
    const client = await bench.client()
    client.write(Buffer.concat([V2, Buffer.from('EHLO client.test\r\nNOOP\r\n')]))
    expect(await client.reply()).toBe('220 mx.test ESMTP')
    await client.reply()
    expect(await client.reply()).toBe('250 2.0.0 Ok')
  })

  test('may come before implicit TLS', async () => {
    await using bench = await startBench({ trustedProxies, implicitTls: true })
    const client = await bench.client()
    client.write(V2)
    await client.startTls()
    expect(await client.reply()).toBe('220 mx.test ESMTP')
    expect(bench.events[0]).toMatchObject({ remoteAddress: '192.0.2.1' })
  })

  test('counts against the announced address', async () => {
    await using bench = await startBench({ trustedProxies, limits: { connectionsPerAddress: 1 } })
    const first = await bench.client()
    first.write('PROXY TCP4 192.0.2.1 198.51.100.2 1 25\r\n')
    await first.reply()
    const second = await bench.client()
    second.write('PROXY TCP4 192.0.2.1 198.51.100.2 2 25\r\n')
    expect(await second.reply()).toMatch(/^421 /)
    const third = await bench.client()
    third.write('PROXY TCP4 192.0.2.2 198.51.100.2 3 25\r\n')
    expect(await third.reply()).toMatch(/^220 /)
  })

  test('from anybody else is an unknown command', async () => {
    await using bench = await startBench({ trustedProxies: ['192.0.2.0/24'] })
    const client = await bench.client()
    await client.reply()
    expect(await client.ask('PROXY TCP4 192.0.2.1 198.51.100.2 1 25')).toBe('500 5.5.2 Unknown command')
  })

  test('must come from a trusted proxy', async () => {
    await using bench = await startBench({ trustedProxies })
    const client = await bench.client()
    client.write('EHLO client.test\r\n')
    expect(await client.rest()).toBe('')
    expect(bench.events).toMatchObject([{ event: 'fault', where: 'proxy', fault: 'peer' }])
  })

  test('must come in time', async () => {
    await using bench = await startBench({ trustedProxies, limits: { handshakeMs: 30 } })
    const client = await bench.client()
    client.write('PROXY ')
    expect(await client.rest()).toBe('')
    await until(() => bench.events.length > 0)
  })
})

describe('XCLIENT', () => {
  test('gives the announced client its own evidence and its own connect decision', async () => {
    const asked: string[] = []
    const policy: Policy = {
      rcpt: () => null,
      async connect(session) {
        asked.push(`${session.remoteAddress} ${session.clientName}`)
        return session.remoteAddress === '192.0.2.66'
          ? { code: 554, enhanced: '5.7.1', reason: 'listed', text: 'Listed' }
          : null
      },
    }
    await using bench = await startBench({ xclientFrom: ['127.0.0.1'], policy })
    const client = await bench.client()
    await client.reply()
    await client.ask('EHLO relay.test')
    client.write(
      'XCLIENT NAME=far.test ADDR=192.0.2.7 LOGIN=anna\r\nEHLO far.test\r\nMAIL FROM:<a@b.test>\r\n',
    )
    expect(await client.reply()).toBe('220 mx.test ESMTP')
    await client.reply()
    await client.reply()
    await client.ask('RCPT TO:<c@d.test>')
    await client.ask('DATA')
    await client.ask('.')
    expect(bench.taken[0]?.envelope).toMatchObject({
      clientIp: '192.0.2.7',
      helo: 'far.test',
      authenticatedAs: 'anna',
      protocol: 'ESMTPA',
    })
    const other = await bench.client()
    await other.reply()
    expect(await other.ask('XCLIENT ADDR=192.0.2.66')).toBe('554 5.7.1 Listed')
    expect(asked).toEqual(['127.0.0.1 null', '192.0.2.7 far.test', '127.0.0.1 null', '192.0.2.66 null'])
  })
})
