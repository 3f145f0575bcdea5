import { expect, test } from 'vitest'
import { memoryFetchState, type NewMessage, type WatchOptions, type WatchRound, watch } from '../src/index.ts'
import { type Line, scriptServer } from './script-server.ts'
import { rejection, start } from './start.ts'

/** Watches for some rounds without waiting; what came of them, and the waits asked for. */
async function rounds(count: number, options: Omit<WatchOptions, 'wait' | 'random' | 'state'>) {
  const seen: WatchRound[] = []
  const waits: number[] = []
  const wait = async (ms: number) => void waits.push(ms)
  for await (const round of watch({ ...options, state: memoryFetchState(), wait, random: () => 0.5 })) {
    seen.push(round)
    if (seen.length === count) break
  }
  return { seen, waits, next: seen.map(({ nextInMs }) => nextInMs) }
}

const nothing = (_: NewMessage) => {}

test('tells about each round, and waits in between', async () => {
  const { plain } = await start()
  const { seen, waits } = await rounds(3, { server: plain, everyMs: 60_000, onMessage: nothing })
  expect(seen.map(({ report }) => report?.fetched)).toEqual([3, 0, 0])
  expect(waits).toEqual([60_000, 60_000])
})

test('waits at least as long as the server asks', async () => {
  const { plain } = await start({ loginDelay: { seconds: 900 } })
  const { next } = await rounds(2, { server: plain, everyMs: 60_000, onMessage: nothing })
  expect(next).toEqual([900_000, 900_000])
})

test('waits longer after each failure, up to a limit, and is itself again after a success', async () => {
  let connection = 0
  const server = await scriptServer((command): Line => {
    if (command === 'greeting') connection++
    return command === 'greeting' && connection !== 6 ? '-ERR [SYS/TEMP] later\r\n' : null
  })
  const options = {
    server: server.options,
    everyMs: 60_000,
    backoffMs: 1_000,
    backoffMostMs: 6_000,
    onMessage: nothing,
  }
  const { seen, next } = await rounds(7, options)
  expect(seen.map(({ error }) => (error as { code?: string } | null)?.code ?? 'ok')).toEqual([
    ...Array(5).fill('sys-temp'),
    'ok',
    'sys-temp',
  ])
  expect(next).toEqual([1_000, 2_000, 4_000, 6_000, 6_000, 60_000, 1_000])
})

test('a server that says too soon is asked no sooner than usual', async () => {
  const server = await scriptServer((command) =>
    command.startsWith('PASS') ? '-ERR [LOGIN-DELAY] wait\r\n' : null,
  )
  const { next } = await rounds(1, {
    server: server.options,
    everyMs: 60_000,
    backoffMs: 1,
    onMessage: nothing,
  })
  expect(next).toEqual([60_000])
})

test('a taker that fails is a round too', async () => {
  const { plain } = await start()
  const full = new Error('disk full')
  const { seen } = await rounds(1, {
    server: plain,
    everyMs: 1,
    onMessage() {
      throw full
    },
  })
  expect(seen[0]?.error).toBe(full)
})

test.each([
  ['PASS', '-ERR [AUTH] no\r\n', 'auth'],
  ['UIDL', '-ERR what\r\n', 'unsupported'],
])('%s answered by %j ends it', async (verb, line, code) => {
  const server = await scriptServer((command) => (command.startsWith(verb) ? line : null))
  const watching = rounds(5, { server: server.options, everyMs: 1, onMessage: nothing })
  expect(await rejection(watching)).toMatchObject({ code })
  expect(server.connections).toBe(1)
})

test('waits really, and ends quietly with its signal', async () => {
  const { plain } = await start()
  const giving = new AbortController()
  const options = { server: plain, state: memoryFetchState(), onMessage: nothing, signal: giving.signal }
  let seen = 0
  for await (const _ of watch({ ...options, everyMs: 1 })) if (++seen === 3) break
  expect(seen).toBe(3)
  for await (const _ of watch({ ...options, everyMs: 600_000 })) setTimeout(() => giving.abort(), 5)
  for await (const _ of watch({ ...options, everyMs: 600_000 })) seen++
  expect(seen).toBe(3)
})

test('a signal in the middle of a round ends it quietly too', async () => {
  const { plain } = await start()
  const giving = new AbortController()
  const options = { server: plain, state: memoryFetchState(), signal: giving.signal, everyMs: 1 }
  const seen: WatchRound[] = []
  for await (const round of watch({ ...options, onMessage: () => giving.abort() })) seen.push(round)
  expect(seen).toEqual([])
})
