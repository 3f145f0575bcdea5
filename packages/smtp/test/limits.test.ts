import { REPLIES } from '@restante/mail'
import { describe, expect, test } from 'vitest'
import { AddressLimits, limitKey } from '../src/address-limits.ts'
import { createSmtpServer, DEFAULT_LIMITS, SmtpOptionsError } from '../src/index.ts'
import { holdsAddress, plainAddress, resolveSettings } from '../src/settings.ts'
import { startBench, until } from './harness.ts'

const OPEN = { connectionsPerAddress: null, connectionsPerAddressPerMinute: null, errorsPerAddress: null }

describe('limits by address', () => {
  test('connections at once', () => {
    const limits = new AddressLimits({ ...DEFAULT_LIMITS, ...OPEN, connectionsPerAddress: 2 }, () => 0)
    expect([limits.admit('a'), limits.admit('a'), limits.admit('a'), limits.admit('b')]).toEqual([
      'ok',
      'ok',
      'too-many',
      'ok',
    ])
    limits.release('a')
    expect(limits.admit('a')).toBe('ok')
  })

  test('connections a minute', () => {
    let nowMs = 0
    const limits = new AddressLimits(
      { ...DEFAULT_LIMITS, ...OPEN, connectionsPerAddressPerMinute: 2 },
      () => nowMs,
    )
    expect([limits.admit('a'), limits.admit('a'), limits.admit('a')]).toEqual(['ok', 'ok', 'too-fast'])
    nowMs = 60_000
    expect(limits.admit('a')).toBe('ok')
  })

  test('errors in ten minutes', () => {
    let nowMs = 0
    const limits = new AddressLimits({ ...DEFAULT_LIMITS, ...OPEN, errorsPerAddress: 2 }, () => nowMs)
    limits.admit('a')
    expect([limits.addError('a'), limits.addError('a'), limits.addError('a')]).toEqual([false, false, true])
    expect(limits.admit('a')).toBe('too-many-errors')
    nowMs = 600_000
    expect(limits.admit('a')).toBe('ok')
  })

  test('null switches each off', () => {
    const limits = new AddressLimits({ ...DEFAULT_LIMITS, ...OPEN }, () => 0)
    for (let count = 0; count < 1_000; count++) {
      expect(limits.admit('a')).toBe('ok')
      expect(limits.addError('a')).toBe(false)
    }
  })

  test('remembers a bounded number of addresses', () => {
    const limits = new AddressLimits(
      { ...DEFAULT_LIMITS, ...OPEN, connectionsPerAddressPerMinute: 1 },
      () => 0,
    )
    limits.admit('first')
    limits.release('first')
    for (let count = 0; count < 50_000; count++) {
      limits.admit(`${count}`)
      limits.release(`${count}`)
    }
    expect(limits.admit('first')).toBe('ok')
    expect(limits.admit('49999')).toBe('too-fast')
  })

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0db8:1:2::1', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::', 'fe80:0:0:0'],
  ])('%s counts as %s', (address, key) => {
    expect(limitKey(address)).toBe(key)
  })
})

describe('networks', () => {
  const { proxies } = resolveSettings({
    mode: 'smtp',
    hostname: 'mx.test',
    trustedProxies: ['192.0.2.0/24', '2001:db8::/32', '198.51.100.7'],
    policy: { rcpt: () => null },
    data: async () => ({ code: 250, enhanced: '', reason: '', text: '' }),
  })
  test.each([
    ['192.0.2.200', true],
    ['::ffff:192.0.2.200', true],
    ['192.0.3.1', false],
    ['198.51.100.7', true],
    ['2001:db8:ffff::1', true],
    ['2001:db9::1', false],
    ['', false],
    ['not an address', false],
  ])('%j: %j', (address, held) => {
    expect(holdsAddress(proxies, address)).toBe(held)
  })

  test('plain addresses', () => {
    expect([plainAddress('::ffff:192.0.2.1'), plainAddress('fe80::1%eth0'), plainAddress(undefined)]).toEqual(
      ['192.0.2.1', 'fe80::1', ''],
    )
  })
})

describe('options', () => {
  const good = {
    mode: 'smtp',
    hostname: 'mx.test',
    policy: { rcpt: () => null },
    data: async () => ({ code: 250, enhanced: '', reason: '', text: '' }),
  } as const
  test.each([
    ['no rcpt hook', { policy: {} }],
    ['no host name', { hostname: '' }],
    ['a host name of two words', { hostname: 'mx test' }],
    ['implicit TLS without a certificate', { implicitTls: true }],
    ['required TLS without a certificate', { requireTls: true }],
    ['submission without auth', { mode: 'submission' }],
    ['a limit that is no number', { limits: { recipients: Number.NaN } }],
    ['a network that is none', { trustedProxies: ['192.0.2.0/33'] }],
    ['a proxy that is no address', { trustedProxies: ['localhost'] }],
  ])('are refused with %s', (_name, change) => {
    expect(() => createSmtpServer({ ...good, ...change } as never)).toThrow(SmtpOptionsError)
  })
})

describe('a listener', () => {
  test('takes a bounded number of connections', async () => {
    await using bench = await startBench({ limits: { connections: 1 } })
    const first = await bench.client()
    await first.reply()
    const second = await bench.client()
    expect(await second.rest()).toBe('421 4.3.2 Too many connections; try again later\r\n')
    await first.ask('QUIT')
    await first.rest()
    const third = await bench.client()
    expect(await third.reply()).toBe('220 mx.test ESMTP')
  })

  test('takes a bounded number of connections from one address', async () => {
    await using bench = await startBench({ limits: { connectionsPerAddress: 1 } })
    const first = await bench.client()
    await first.reply()
    const second = await bench.client()
    expect(await second.rest()).toBe('421 4.3.2 Too many connections; try again later\r\n')
    expect(bench.events).toContainEqual(
      expect.objectContaining({ event: 'refusal', stage: 'connect', reason: 'too-busy' }),
    )
    first.destroy()
    await until(() => bench.events.some((event) => event.event === 'session-end'))
    const third = await bench.client()
    expect(await third.reply()).toBe('220 mx.test ESMTP')
  })

  test('takes a bounded number of connections a minute from one address', async () => {
    await using bench = await startBench({ limits: { connectionsPerAddressPerMinute: 1 } })
    const first = await bench.client()
    await first.reply()
    const second = await bench.client()
    expect(await second.rest()).toBe('421 4.7.0 Too many connections from your address; slow down\r\n')
  })

  test('adds up the errors of an address', async () => {
    await using bench = await startBench({ limits: { errorsPerAddress: 2 } })
    const first = await bench.client()
    await first.reply()
    await first.ask('NONSENSE')
    const second = await bench.client()
    await second.reply()
    await second.ask('NONSENSE')
    expect(await second.ask('NONSENSE')).toBe('421 4.7.0 Too many errors; closing')
    const third = await bench.client()
    expect(await third.rest()).toBe('421 4.7.0 Too many errors; closing\r\n')
  })

  test('slows down before it hangs up', async () => {
    await using bench = await startBench({
      limits: { errorsBeforeDelay: 1, errorsBeforeClose: 2, errorDelayMs: 40 },
    })
    const client = await bench.client()
    await client.reply()
    client.write('NONSENSE\r\nNONSENSE\r\nNONSENSE\r\n')
    expect(await client.reply()).toBe('500 5.5.2 Unknown command')
    expect(client.unread).toBe('')
    expect(await client.reply()).toBe('500 5.5.2 Unknown command')
    expect(await client.reply()).toBe('421 4.7.0 Too many errors; closing')
  })

  test('hears 4xx refusals out for a while', async () => {
    const rcpt = () => REPLIES['over-quota']
    await using bench = await startBench({
      policy: { rcpt },
      limits: { junkCommands: 4, errorsBeforeClose: 1 },
    })
    const client = await bench.client()
    await client.begin()
    const codes: string[] = []
    for (let count = 0; count < 4; count++) codes.push((await client.ask('RCPT TO:<c@d.test>')).slice(0, 3))
    expect(codes).toEqual(['452', '452', '452', '421'])
  })

  test('refuses a peer that speaks before a pausing greeting', async () => {
    await using bench = await startBench({ limits: { greetingPauseMs: 60_000 } })
    const client = await bench.client()
    client.write('EHLO client.test\r\n')
    expect(await client.rest()).toBe('421 4.7.0 You spoke before the greeting\r\n')
  })

  test('greets after the pause', async () => {
    await using bench = await startBench({ limits: { greetingPauseMs: 10 } })
    const client = await bench.client()
    expect(await client.begin()).toBe('250 2.1.5 Recipient ok')
  })

  test('gives up on a line that never ends', async () => {
    await using bench = await startBench()
    const client = await bench.client()
    await client.reply()
    client.write('x'.repeat(1_000_000))
    expect(await client.rest()).toBe('421 4.5.2 Line too long\r\n')
  })

  test('reads AUTH lines of 12,288 octets', async () => {
    await using bench = await startBench({ auth: () => null, authWithoutTls: 'always' })
    const client = await bench.client()
    await client.reply()
    await client.ask('EHLO client.test')
    const password = 'p'.repeat(9_000)
    const token = Buffer.from(`\0anna\0${password}`).toString('base64')
    expect(await client.ask(`AUTH PLAIN ${token}`)).toBe('535 5.7.8 Name or password is wrong')
    await client.ask('AUTH PLAIN')
    expect(await client.ask(token)).toBe('535 5.7.8 Name or password is wrong')
    expect(await client.ask(`AUTH PLAIN ${'A'.repeat(13_000)}`)).toBe('500 5.5.2 Line too long')
  })

  test.each([
    ['DATA', ''],
    ['BDAT 500000', 'BDAT 60000000\r\n'],
  ])('cuts off a message far over the limit (%s)', async (verb, second) => {
    const limits = { messageOctets: 1_000_000, oversizeSlackOctets: 1_000_000 }
    await using bench = await startBench({ limits })
    const client = await bench.client()
    await client.begin()
    client.write(`${verb}\r\n`)
    if (verb === 'DATA') await client.reply()
    const block = Buffer.alloc(500_000, `${'x'.repeat(78)}\r\n`)
    client.write(block)
    client.write(second)
    let accepted = 0
    const closed = new Promise((resolve) => client.socket.once('close', resolve))
    for (let count = 0; count < 120 && !client.socket.destroyed; count++) {
      if (!client.socket.write(block))
        await Promise.race([new Promise((resolve) => client.socket.once('drain', resolve)), closed])
      accepted += block.length
    }
    await closed
    expect(accepted).toBeLessThan(40_000_000)
    expect(client.unread).toContain('552 5.3.4 Message exceeds the limit of 1000000 octets')
    expect(bench.taken).toEqual([])
    await until(() => bench.events.some((event) => event.event === 'session-end'))
    expect(bench.events.at(-1)).toMatchObject({ event: 'session-end', reason: 'cut-off' })
  })

  test('keeps no replies for a peer that reads none', async () => {
    await using bench = await startBench({ limits: { junkCommands: 1e9 } })
    const client = await bench.client()
    await client.reply()
    client.socket.pause()
    const before = process.memoryUsage().heapUsed
    const noops = Buffer.alloc(30_000_000, 'NOOP\r\n')
    client.write(noops)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000)
    client.destroy()
    await until(() => bench.events.some((event) => event.event === 'session-end'))
  })

  test('answers a peer that has closed its side', async () => {
    await using bench = await startBench()
    const client = await bench.client()
    client.socket.end('EHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nx\r\n.\r\n')
    expect(await client.rest()).toMatch(/354 .*\r\n250 2\.0\.0 Stored as 1\r\n$/)
    await until(() => bench.events.some((event) => event.event === 'session-end'))
  })

  test('sums each session up', async () => {
    await using bench = await startBench()
    const client = await bench.client()
    await client.begin()
    await client.ask('NONSENSE')
    await client.ask('QUIT')
    await client.rest()
    await until(() => bench.events.some((event) => event.event === 'session-end'))
    expect(bench.events.at(-1)).toMatchObject({
      event: 'session-end',
      helo: 'client.test',
      commands: 5,
      errors: 1,
      transactions: 1,
      reason: 'quit',
      octetsIn: 76,
    })
  })

  test('writes the replies to pipelined commands in one piece', async () => {
    await using bench = await startBench()
    const client = await bench.client()
    await client.reply()
    let pieces = 0
    client.socket.on('data', () => {
      pieces++
    })
    client.write('EHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nRSET\r\n')
    for (let count = 0; count < 4; count++) await client.reply()
    expect(pieces).toBe(1)
  })
})

test('listening where somebody listens already is an error', async () => {
  await using bench = await startBench()
  const second = createSmtpServer({
    mode: 'smtp',
    hostname: 'mx.test',
    policy: { rcpt: () => null },
    data: async () => ({ code: 250, enhanced: '', reason: '', text: '' }),
  })
  await expect(second.listen({ host: '127.0.0.1', port: bench.port })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  })
  await second.close()
  const client = await bench.client()
  expect(await client.reply()).toBe('220 mx.test ESMTP')
})

describe('a MAIL that is put off', () => {
  test('takes the commands pipelined behind it along, none of them an error', async () => {
    await using bench = await startBench({
      policy: { mail: () => REPLIES['disk-full'], rcpt: () => null },
    })
    const client = await bench.client()
    await client.reply()
    await client.ask('EHLO peer')
    for (let round = 0; round < 40; round++) {
      client.write('MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n')
      expect([await client.reply(), await client.reply(), await client.reply()]).toEqual([
        '452 4.3.1 Not enough storage; try again later',
        '503 5.5.1 Send MAIL first',
        '503 5.5.1 Send MAIL first',
      ])
    }
  })

  test('does not excuse a peer that goes on without one', async () => {
    await using bench = await startBench({ limits: { recipients: 3, errorsBeforeClose: 4 } })
    const client = await bench.client()
    await client.reply()
    await client.ask('EHLO peer')
    client.write('MAIL FROM:<bad\r\n'.concat('RCPT TO:<c@d.example>\r\n'.repeat(20)))
    expect((await client.rest()).match(/^503 /gm)?.length).toBe(4 + 3)
  })
})
