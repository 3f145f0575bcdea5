import { createConnection } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { start } from './start.ts'
import { connectPlain, connectSecure, logIn, secure } from './wire.ts'

describe('limits', () => {
  test('connections in all and per address are refused with a code', async () => {
    const { port, events } = await start({ limits: { connections: 3, connectionsPerAddress: 2 } })
    const one = await connectPlain(port)
    const two = await connectPlain(port)
    await one.line()
    await two.line()
    const three = await connectPlain(port)
    expect(await three.line()).toMatch(/^-ERR \[SYS\/TEMP\] Too many connections/)
    await three.closed()
    await one.ask('QUIT')
    await one.closed()
    expect(await (await connectPlain(port)).line()).toMatch(/^\+OK/)
    expect(events.find((event) => event.type === 'refused')).toMatchObject({
      reason: 'connections-per-address',
    })
  })

  test('too many connections in all', async () => {
    const { port, tlsPort, events } = await start({ limits: { connections: 1 } })
    const one = await connectPlain(port)
    await one.line()
    expect(await (await connectPlain(port)).line()).toMatch(/^-ERR \[SYS\/TEMP\]/)
    await expect(connectSecure(tlsPort)).rejects.toThrow()
    expect(events.filter((event) => event.type === 'refused').length).toBe(2)
  })

  test.each([
    ['login-timeout', 'unauthenticatedMs', false],
    ['idle', 'idleMs', true],
  ] as const)('%s', async (reason, limit, loggedIn) => {
    let nowMs = 0
    const { port, event, store } = await start({ now: () => nowMs, limits: { [limit]: 1_000_000 } })
    const wire = await connectPlain(port)
    if (loggedIn) await logIn(wire)
    else await wire.line()
    nowMs = 999_000
    await wait(1_200)
    expect((await wire.askMulti('CAPA')).status).toMatch(/^\+OK/)
    nowMs = 3_000_000
    expect(await wire.closed()).toBe('')
    expect((await event('session-end')).reason).toBe(reason)
    expect(store.locked.size).toBe(0)
  })

  test('a backend that never answers', async () => {
    let nowMs = 0
    const signals: AbortSignal[] = []
    const { port, event } = await start({
      now: () => nowMs,
      authenticate: (_, { signal }) => {
        signals.push(signal)
        return new Promise(() => {})
      },
    })
    const wire = await connectPlain(port)
    wire.write('USER anna\r\nPASS secret\r\n')
    await wire.line()
    await wire.line()
    nowMs = 700_000
    expect((await event('session-end')).reason).toBe('unanswered')
    expect(signals[0]?.aborted).toBe(true)
  })

  test('the time for a handshake starts with it, also after STLS', async () => {
    let nowMs = 0
    const { port, event } = await start({ now: () => nowMs, limits: { handshakeMs: 5_000 } })
    const wire = await connectPlain(port)
    await wire.line()
    nowMs = 60_000
    await wire.ask('STLS')
    nowMs = 64_000
    await wait(1_200)
    const secured = await secure(wire)
    expect((await secured.askMulti('CAPA')).body).toContain('SASL')
    const slow = await connectPlain(port)
    await slow.ask('STLS')
    await slow.line()
    nowMs = 70_000
    expect((await event('session-end')).reason).toBe('handshake-timeout')
  })

  test('a handshake that never ends', async () => {
    let nowMs = 0
    const { tlsPort, event } = await start({ now: () => nowMs, limits: { handshakeMs: 5_000 } })
    const socket = createConnection(tlsPort, '127.0.0.1')
    socket.on('error', () => {})
    await event('connection')
    nowMs = 6_000
    expect((await event('session-end')).reason).toBe('handshake-timeout')
    socket.destroy()
  })

  test('the defaults keep what RFC 1939 asks', async () => {
    const { DEFAULT_LIMITS } = await import('../src/index.ts')
    expect(DEFAULT_LIMITS.idleMs).toBeGreaterThanOrEqual(600_000)
    expect(DEFAULT_LIMITS.commandOctets).toBeGreaterThanOrEqual(255)
    expect(DEFAULT_LIMITS.authOctets).toBeGreaterThanOrEqual(12_288)
  })

  test('eight stalled readers of 50 MB hold little; one is cut off in the end', async () => {
    let nowMs = 0
    const { port, store, event, events } = await start({
      now: () => nowMs,
      limits: { stalledMs: 60_000, idleMs: 1e9 },
    })
    const large = Buffer.concat([
      Buffer.from('a: b\r\n\r\n'),
      Buffer.alloc(50_000_000, `${'x'.repeat(98)}\r\n`),
    ])
    const wires = []
    for (let i = 0; i < 8; i++) {
      store.add(`reader${i}`, large)
      const wire = await logIn(await connectPlain(port), `reader${i}`)
      wire.socket.pause()
      wires.push(wire)
    }
    const before = process.memoryUsage()
    for (const wire of wires) wire.write('RETR 1\r\n'.repeat(50))
    let read = -1
    while (read !== store.readOctets) {
      read = store.readOctets
      await wait(300)
    }
    const after = process.memoryUsage()
    // What the kernel's socket buffers took is not ours; ours is at most what was read from the store.
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(32_000_000)
    nowMs = 50_000
    await wait(1_200)
    expect(events.some((event) => event.type === 'session-end')).toBe(false)
    nowMs = 70_000
    expect((await event('session-end')).reason).toBe('stalled')
    for (const wire of wires) wire.destroy()
  })

  test('failed logins wait longer and longer, and a session that is gone is not waited for', async () => {
    const { port, event } = await start({ limits: { errorDelayMs: 1e8, errorDelayMostMs: 1e8 } })
    const wire = await connectPlain(port)
    await wire.line()
    wire.write('USER anna\r\nPASS wrong\r\nNOOP\r\n')
    expect(await wire.line()).toMatch(/^\+OK/)
    await event('login-failed')
    expect(wire.pending).toBe('')
    wire.socket.resetAndDestroy()
    expect((await event('session-end')).reason).toBe('socket-error')
  })
})

describe('octets on the wire', () => {
  test('status line and first octets leave in one piece', async () => {
    const { port } = await start()
    const wire = await logIn(await connectPlain(port))
    const pieces: string[] = []
    wire.socket.on('data', (chunk: Buffer) => pieces.push(chunk.toString('latin1')))
    await wire.askMulti('RETR 1')
    expect(pieces).toEqual(['+OK 23 octets\r\nSubject: one\r\n\r\nfirst\r\n.\r\n'])
  })

  test('50 MB come back to the octet, over TLS too, also from a store that answers later', async () => {
    const { port, tlsPort, store } = await start()
    const octets = Buffer.alloc(
      50_000_000,
      '.line of text that starts with a dot\r\nand one that does not\r\n',
    )
    octets.set(Buffer.from('\r\n'), octets.length - 2)
    store.add('boris', octets)
    for (const mode of ['sync', 'async'] as const) {
      if (mode === 'async') store.trouble.read = 'async'
      const wire = await logIn(
        mode === 'sync' ? await connectPlain(port) : await connectSecure(tlsPort),
        'boris',
      )
      const { status, body } = await wire.askMulti('RETR 1')
      expect(status).toBe(`+OK ${octets.length} octets`)
      expect(Buffer.from(body.replaceAll('\n..', '\n.').slice(1), 'latin1').equals(octets)).toBe(true)
      await wire.ask('QUIT')
    }
  })

  test('TOP 0 of 19 MB reads its header', async () => {
    const { port, store } = await start()
    store.add('boris', Buffer.concat([Buffer.from('a: b\r\n\r\n'), Buffer.alloc(19_000_000, 'x\r\n')]))
    const wire = await logIn(await connectPlain(port), 'boris')
    expect((await wire.askMulti('TOP 1 0')).body).toBe('a: b\r\n\r\n')
    expect(store.readOctets).toBe(8)
  })
})
