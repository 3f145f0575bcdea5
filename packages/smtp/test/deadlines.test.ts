import { describe, expect, test } from 'vitest'
import { Deadlines } from '../src/deadlines.ts'
import { DEFAULT_LIMITS } from '../src/index.ts'
import { startBench, until } from './harness.ts'

const LIMITS = {
  ...DEFAULT_LIMITS,
  handshakeMs: 10,
  commandMs: 100,
  dataWindowMs: 1_000,
  dataOctetsPerSecond: 10,
  dataMs: 5_000,
  sessionMs: 10_000,
}

describe('clocks', () => {
  test('a command is due from the end of the one before', () => {
    const clocks = new Deadlines(LIMITS, 0)
    expect(clocks.isDue(100, 'command')).toBe(false)
    expect(clocks.isDue(101, 'command')).toBe(true)
    clocks.commandEnds(101)
    expect(clocks.isDue(201, 'command')).toBe(false)
    expect(clocks.isDue(202, 'command')).toBe(true)
  })

  test('stand still while we work', () => {
    const clocks = new Deadlines(LIMITS, 0)
    clocks.working = true
    expect(clocks.isDue(9_000, 'command')).toBe(false)
    clocks.commandEnds(9_000)
    expect(clocks.isDue(9_100, 'command')).toBe(false)
  })

  test('a session ends, however busy', () => {
    const clocks = new Deadlines(LIMITS, 0)
    clocks.commandEnds(10_000)
    expect(clocks.isDue(10_000, 'command')).toBe(false)
    expect(clocks.isDue(10_001, 'command')).toBe(true)
  })

  test('mail data must keep the minimum rate in every window', () => {
    const clocks = new Deadlines(LIMITS, 0)
    clocks.contentBegins(500)
    clocks.contentGrows(10)
    expect(clocks.isDue(1_500, 'content')).toBe(false)
    expect(clocks.isDue(1_501, 'content')).toBe(false)
    clocks.contentGrows(9)
    expect(clocks.isDue(2_502, 'content')).toBe(true)
  })

  test('the rate counts anew after we made the peer wait', () => {
    const clocks = new Deadlines(LIMITS, 0)
    clocks.contentBegins(0)
    clocks.windowBegins(4_000)
    expect(clocks.isDue(4_900, 'content')).toBe(false)
  })

  test('a message ends, however steadily it trickles', () => {
    const clocks = new Deadlines(LIMITS, 0)
    clocks.contentBegins(0)
    for (let ms = 500; ms <= 5_000; ms += 500) {
      clocks.contentGrows(1_000)
      expect(clocks.isDue(ms, 'content')).toBe(false)
    }
    expect(clocks.isDue(5_001, 'content')).toBe(true)
  })

  test('a handshake and a peer that does not read have their own', () => {
    const clocks = new Deadlines(LIMITS, 0)
    clocks.handshakeBegins(50)
    expect(clocks.isDue(60, 'handshake')).toBe(false)
    expect(clocks.isDue(61, 'handshake')).toBe(true)
    clocks.outputBlocks(1_000)
    expect(clocks.isDue(1_100, 'content')).toBe(false)
    expect(clocks.isDue(1_101, 'content')).toBe(true)
    clocks.outputFlows(1_101)
    expect(clocks.isDue(1_201, 'command')).toBe(false)
  })
})

/** A listener whose clock stands still until it is told, and whose sweep is quick. */
const SWEPT = {
  commandMs: 160,
  dataWindowMs: 160,
  dataMs: 100_000,
  sessionMs: 1_000_000,
  dataOctetsPerSecond: 100,
}

describe('a listener', () => {
  test('says 421 to a silent peer', async () => {
    let nowMs = 0
    await using bench = await startBench({ nowMs: () => nowMs, limits: SWEPT })
    const client = await bench.client()
    await client.reply()
    nowMs = 161
    expect(await client.rest()).toBe('421 4.4.2 Waited too long; closing\r\n')
    await until(() => bench.events.some((event) => event.event === 'session-end'))
    expect(bench.events.at(-1)).toMatchObject({ event: 'session-end', reason: 'timeout' })
  })

  test('is not fooled by a command that trickles', async () => {
    let nowMs = 0
    await using bench = await startBench({ nowMs: () => nowMs, limits: SWEPT })
    const client = await bench.client()
    await client.reply()
    for (let octet = 0; octet < 20; octet++) {
      nowMs += 10
      client.write('N')
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    expect(await client.rest()).toBe('421 4.4.2 Waited too long; closing\r\n')
  })

  test.each(['DATA', 'BDAT 1000'])('is not fooled by mail data that trickles (%s)', async (verb) => {
    let nowMs = 0
    await using bench = await startBench({ nowMs: () => nowMs, limits: SWEPT })
    const client = await bench.client()
    await client.begin()
    client.write(`${verb}\r\n`)
    if (verb === 'DATA') await client.reply()
    for (let octet = 0; octet < 10; octet++) {
      client.write('x')
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    nowMs = 161
    expect(await client.rest()).toBe('421 4.4.2 Waited too long; closing\r\n')
    expect(bench.events).toContainEqual(expect.objectContaining({ event: 'transaction', reason: 'timeout' }))
  })

  test('waits for its own hooks, not for the peer', async () => {
    let nowMs = 0
    await using bench = await startBench({
      nowMs: () => nowMs,
      limits: SWEPT,
      policy: {
        rcpt: async () => {
          nowMs += 1_000
          await new Promise((resolve) => setTimeout(resolve, 60))
          return null
        },
      },
    })
    const client = await bench.client()
    expect(await client.begin()).toBe('250 2.1.5 Recipient ok')
  })
})
