import { latin1Octets } from '@restante/mail'
import { INBOX, type MemoryStore } from '@restante/maildrop'
import { describe, expect, test } from 'vitest'
import {
  type FetchOptions,
  type FetchProgress,
  type FetchState,
  fetchNew,
  memoryFetchState,
  type NewMessage,
} from '../src/index.ts'
import { cuttingProxy } from './cutting-proxy.ts'
import { scriptServer } from './script-server.ts'
import { MAIL, rejection, start } from './start.ts'

const DAY_MS = 86_400_000

/** Takes messages into a list, as text. */
function taker(): { readonly taken: string[]; readonly onMessage: (message: NewMessage) => Promise<void> } {
  const taken: string[] = []
  return {
    taken,
    async onMessage(message) {
      taken.push(Buffer.from(await message.whole()).toString('latin1'))
    },
  }
}

async function deliver(store: MemoryStore, text: string): Promise<void> {
  await using staged = await store.stage(latin1Octets(text))
  const account = (await store.directory.accountByAddress('anna'))?.id ?? ''
  await staged.commit(
    {
      reversePath: null,
      recipients: [],
      clientIp: '',
      helo: '',
      receivedAtMs: 1,
      protocol: 'local',
      tls: null,
      authenticatedAs: null,
      sessionId: 's',
    },
    [{ account, folder: INBOX, prefix: new Uint8Array(0) }],
  )
}

test('fetches what is new, once', async () => {
  const { plain, store } = await start()
  const state = memoryFetchState()
  const { taken, onMessage } = taker()
  const progress: FetchProgress[] = []
  const fetch = () => fetchNew({ server: plain, state, onMessage, progress: (each) => progress.push(each) })
  expect(await fetch()).toEqual({
    fetched: 3,
    fetchedOctets: MAIL.join('').length,
    deleted: 0,
    left: 3,
    tooLarge: [],
    short: [],
    failed: [],
    loginDelaySeconds: 0,
  })
  expect(taken).toEqual(MAIL)
  expect(progress.map(({ messages, ofMessages }) => `${messages}/${ofMessages}`)).toEqual([
    '1/3',
    '2/3',
    '3/3',
  ])
  expect(progress.at(-1)).toMatchObject({ octets: MAIL.join('').length, ofOctets: MAIL.join('').length })
  expect(await fetch()).toMatchObject({ fetched: 0, left: 3 })
  await deliver(store, 'Subject: four\r\n\r\n')
  expect(await fetch()).toMatchObject({ fetched: 1, left: 4 })
  expect(taken).toEqual([...MAIL, 'Subject: four\r\n\r\n'])
})

describe('what is kept on the server', () => {
  test('nothing, with delete', async () => {
    const { plain } = await start()
    const { taken, onMessage } = taker()
    const state = memoryFetchState()
    expect(await fetchNew({ server: plain, state, onMessage, keep: 'delete' })).toMatchObject({
      deleted: 3,
      left: 0,
    })
    expect(await fetchNew({ server: plain, state, onMessage, keep: 'delete' })).toMatchObject({
      deleted: 0,
      left: 0,
    })
    expect(taken).toEqual(MAIL)
  })

  test('what was fetched fewer than so many days ago', async () => {
    const { plain, store } = await start()
    const state = memoryFetchState()
    let nowMs = 1_000_000
    const { onMessage } = taker()
    const fetch = () => fetchNew({ server: plain, state, onMessage, keep: { days: 7 }, now: () => nowMs })
    expect(await fetch()).toMatchObject({ fetched: 3, deleted: 0 })
    nowMs += 3 * DAY_MS
    await deliver(store, 'Subject: late\r\n\r\n')
    expect(await fetch()).toMatchObject({ fetched: 1, deleted: 0 })
    nowMs += 4 * DAY_MS - 1
    expect(await fetch()).toMatchObject({ deleted: 0, left: 4 })
    nowMs += 1
    expect(await fetch()).toMatchObject({ deleted: 3, left: 1 })
    nowMs += 3 * DAY_MS
    expect(await fetch()).toMatchObject({ deleted: 1, left: 0 })
  })

  test('what the server does not delete is tried again', async () => {
    const { plain, store } = await start()
    const open = store.open
    let refuse = true
    store.open = async (key) => {
      const opened = await open(key)
      if (!('maildrop' in opened) || !refuse) return opened
      return { maildrop: { ...opened.maildrop, readOnly: true } }
    }
    const state = memoryFetchState()
    const { taken, onMessage } = taker()
    const first = await fetchNew({ server: plain, state, onMessage, keep: 'delete' })
    expect(first).toMatchObject({ fetched: 3, deleted: 0, left: 3 })
    expect(first.failed.map(({ error }) => (error as { code: string }).code)).toEqual(
      Array(3).fill('sys-perm'),
    )
    refuse = false
    expect(await fetchNew({ server: plain, state, onMessage, keep: 'delete' })).toMatchObject({
      deleted: 3,
      left: 0,
    })
    expect(taken).toEqual(MAIL)
  })
})

describe('a drop', () => {
  const texts = Array.from(
    { length: 12 },
    (_, i) => `Subject: ${i}\r\n\r\n.${'line\r\n'.repeat(i * 5)}end\r\n`,
  )

  /** Fetches until it works; how often it did not. */
  async function insist(options: FetchOptions): Promise<number> {
    for (let drops = 0; ; drops++) {
      try {
        await fetchNew(options)
        return drops
      } catch (error) {
        expect(error).toMatchObject({ name: 'Pop3Error' })
        if (drops > 50) throw error
        // The server may need a moment to see the drop.
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    }
  }

  test.each(['forever', 'delete'] as const)(
    'anywhere loses nothing and doubles nothing (%s)',
    async (keep) => {
      const probe = await start({}, texts)
      const measured = await cuttingProxy(probe.port)
      await fetchNew({
        server: { ...probe.plain, port: measured.port },
        state: memoryFetchState(),
        onMessage: () => {},
      })
      const whole = measured.passed
      expect(whole).toBeGreaterThan(2_000)
      for (let cut = 0; cut < whole; cut += 97) {
        const { plain, port, server } = await start({}, texts)
        const proxy = await cuttingProxy(port)
        proxy.cutAfter = cut
        const { taken, onMessage } = taker()
        await insist({ server: { ...plain, port: proxy.port }, state: memoryFetchState(), onMessage, keep })
        expect(taken, `cut after ${cut} octets`).toEqual(texts)
        await server.close()
      }
    },
  )

  test('again and again', async () => {
    const { plain, port } = await start({}, texts)
    const proxy = await cuttingProxy(port)
    const state = memoryFetchState()
    const { taken, onMessage } = taker()
    const options = { server: { ...plain, port: proxy.port }, state, onMessage, keep: 'delete' as const }
    for (let cut = 600; cut < 2_500; cut += 100) {
      proxy.cutAfter = cut
      await fetchNew(options).catch(() => {})
    }
    await insist(options)
    expect(taken).toEqual(texts)
  })

  test('is not hidden by a taker who swallows it', async () => {
    const { plain, port } = await start({}, [`Subject: x\r\n\r\n${'x\r\n'.repeat(100_000)}`])
    const proxy = await cuttingProxy(port)
    proxy.cutAfter = 100_000
    const state = memoryFetchState()
    const server = { ...plain, port: proxy.port }
    const careless = fetchNew({
      server,
      state,
      onMessage: (message) =>
        message.whole().then(
          () => {},
          () => {},
        ),
    })
    expect(await rejection(careless)).toMatchObject({ code: 'closed' })
    expect(
      await insist({ server, state, onMessage: (message) => expect(message.mayRepeat).toBe(false) }),
    ).toBeLessThan(50)
  })
})

describe('a taker', () => {
  test('who rejects gets the message again, and his own error back', async () => {
    const { plain } = await start()
    const state = memoryFetchState()
    const { taken, onMessage } = taker()
    const full = new Error('disk full')
    const rejecting = fetchNew({
      server: plain,
      state,
      keep: 'delete',
      async onMessage(message) {
        if (taken.length === 1) throw full
        await onMessage(message)
      },
    })
    expect(await rejection(rejecting)).toBe(full)
    expect(taken).toEqual(MAIL.slice(0, 1))
    await expect
      .poll(() => fetchNew({ server: plain, state, onMessage, keep: 'delete' }).catch(() => null))
      .toMatchObject({ fetched: 2, deleted: 3 })
    expect(taken).toEqual(MAIL)
  })

  test('may have one message skipped', async () => {
    const { plain } = await start()
    const state = memoryFetchState()
    const { taken, onMessage } = taker()
    const odd = new Error('odd')
    const report = await fetchNew({
      server: plain,
      state,
      keep: 'delete',
      onRejected: () => 'skip',
      async onMessage(message) {
        if (message.listedOctets === MAIL[1]?.length) throw odd
        await onMessage(message)
      },
    })
    expect(report).toMatchObject({ fetched: 2, deleted: 2, left: 1, failed: [{ error: odd }] })
    expect(await fetchNew({ server: plain, state, onMessage })).toMatchObject({ fetched: 1 })
    expect(taken).toEqual([MAIL[0], MAIL[2], MAIL[1]])
  })

  test('need not read', async () => {
    const { plain } = await start()
    const state = memoryFetchState()
    expect(await fetchNew({ server: plain, state, onMessage: () => {} })).toMatchObject({
      fetched: 3,
      short: [],
    })
    expect(await fetchNew({ server: plain, state, onMessage: () => {} })).toMatchObject({ fetched: 0 })
  })

  test('is told where he may have the message already', async () => {
    const { plain } = await start()
    const remembered = memoryFetchState()
    // The process ends between taking and remembering.
    const forgetful: FetchState = {
      ...remembered,
      async put(entries, durable) {
        if (entries.some(([, { stage }]) => stage === 'fetched')) throw new Error('power cut')
        return remembered.put(entries, durable)
      },
    }
    await expect(fetchNew({ server: plain, state: forgetful, onMessage: () => {} })).rejects.toThrow(
      'power cut',
    )
    const repeats: boolean[] = []
    await expect
      .poll(() =>
        fetchNew({
          server: plain,
          state: remembered,
          onMessage: ({ mayRepeat }) => void repeats.push(mayRepeat),
        }).catch(() => null),
      )
      .toMatchObject({ fetched: 3 })
    expect(repeats).toEqual([true, false, false])
  })

  test('may be stopped by a signal', async () => {
    const { plain } = await start()
    const state = memoryFetchState()
    const giving = new AbortController()
    const { taken, onMessage } = taker()
    const fetching = fetchNew({
      server: plain,
      state,
      signal: giving.signal,
      async onMessage(message) {
        await onMessage(message)
        if (taken.length === 2) giving.abort(new Error('enough'))
      },
    })
    await expect(fetching).rejects.toThrow('enough')
    await expect
      .poll(() => fetchNew({ server: plain, state, onMessage }).catch(() => null))
      .toMatchObject({ fetched: 1 })
    expect(taken).toEqual(MAIL)
  })
})

describe('an odd server', () => {
  const listing = (lines: readonly string[]) => `+OK\r\n${lines.map((line) => `${line}\r\n`).join('')}.\r\n`
  const letters = (says: Readonly<Record<string, string>>) =>
    scriptServer((command) => says[command] ?? (command.startsWith('DELE') ? '+OK\r\n' : null))

  test('larger messages than wanted stay there, and are named', async () => {
    const { plain } = await start()
    const { taken, onMessage } = taker()
    const state = memoryFetchState()
    const some = await fetchNew({ server: plain, state, onMessage, maxMessageOctets: 24, keep: 'delete' })
    expect(some).toMatchObject({ fetched: 2, deleted: 2, left: 1 })
    expect(some.tooLarge).toHaveLength(1)
    expect(await fetchNew({ server: plain, state, onMessage })).toMatchObject({ fetched: 1, tooLarge: [] })
    expect(taken).toEqual([MAIL[0], MAIL[2], MAIL[1]])
  })

  test('a message shorter than announced is taken, but not deleted', async () => {
    const server = await letters({
      LIST: listing(['1 1000']),
      UIDL: listing(['1 a']),
      'RETR 1': '+OK\r\nSubject: x\r\n\r\n.\r\n',
    })
    const state = memoryFetchState()
    const { taken, onMessage } = taker()
    const options = { server: server.options, state, onMessage, keep: 'delete' as const }
    expect(await fetchNew(options)).toMatchObject({ fetched: 1, short: ['a'], deleted: 0, left: 1 })
    expect(await fetchNew(options)).toMatchObject({ fetched: 0, deleted: 0, left: 1 })
    expect(taken).toEqual(['Subject: x\r\n\r\n'])
    expect(server.heard.filter((command) => command.startsWith('DELE'))).toEqual([])
  })

  test('a message without end is given up once, and then let be', async () => {
    const server = await letters({
      LIST: listing(['1 10', '2 14']),
      UIDL: listing(['1 a', '2 b']),
      'RETR 1': `+OK\r\n${'x\r\n'.repeat(100_000)}.\r\n`,
      'RETR 2': '+OK\r\nSubject: y\r\n\r\n.\r\n',
    })
    const state = memoryFetchState()
    const { taken, onMessage } = taker()
    const options = { server: server.options, state, onMessage, keep: 'delete' as const }
    expect(await rejection(fetchNew(options))).toMatchObject({ code: 'too-large' })
    expect(await fetchNew(options)).toMatchObject({ fetched: 1, tooLarge: ['a'], deleted: 1 })
    expect(taken).toEqual(['Subject: y\r\n\r\n'])
  })

  test('a message that is refused does not keep the others back', async () => {
    const mail = (name: string) => `+OK\r\nSubject: ${name}\r\n\r\n.\r\n`
    let refuses = true
    const server = await scriptServer((command) => {
      if (command === 'LIST') return listing(['1 14', '2 14', '3 14'])
      if (command === 'UIDL') return listing(['1 a', '2 b', '3 c'])
      if (command === 'RETR 2' && refuses) return '-ERR [SYS/TEMP] cannot read\r\n'
      return command.startsWith('RETR') ? mail(command.slice(5)) : null
    })
    const state = memoryFetchState()
    const { taken, onMessage } = taker()
    const options = { server: server.options, state, onMessage }
    expect(await fetchNew(options)).toMatchObject({
      fetched: 2,
      failed: [{ id: 'b', error: { code: 'sys-temp' } }],
    })
    refuses = false
    expect(await fetchNew(options)).toMatchObject({ fetched: 1, failed: [] })
    expect(taken).toEqual(['1', '3', '2'].map((name) => `Subject: ${name}\r\n\r\n`))
  })

  test('one unique-id for several messages', async () => {
    const server = await letters({
      LIST: listing(['1 14', '2 14']),
      UIDL: listing(['1 same', '2 same']),
      'RETR 1': '+OK\r\nSubject: 1\r\n\r\n.\r\n',
      'RETR 2': '+OK\r\nSubject: 2\r\n\r\n.\r\n',
    })
    const state = memoryFetchState()
    const { taken, onMessage } = taker()
    expect(await fetchNew({ server: server.options, state, onMessage })).toMatchObject({ fetched: 2 })
    expect(await fetchNew({ server: server.options, state, onMessage })).toMatchObject({ fetched: 0 })
    expect(taken).toEqual(['Subject: 1\r\n\r\n', 'Subject: 2\r\n\r\n'])
  })

  test('a listing that is short by mistake makes nothing come twice', async () => {
    let lists = true
    const server = await scriptServer((command) => {
      if (command.startsWith('RETR')) return '+OK\r\nSubject: x\r\n\r\n.\r\n'
      if (command === 'LIST') return listing(lists ? ['1 14'] : [])
      return command === 'UIDL' ? listing(lists ? ['1 a'] : []) : null
    })
    const state = memoryFetchState()
    let nowMs = 0
    const { taken, onMessage } = taker()
    const fetch = () => fetchNew({ server: server.options, state, onMessage, now: () => nowMs })
    await fetch()
    for (lists of [false, true, false]) {
      nowMs += 29 * DAY_MS
      expect(await fetch()).toMatchObject({ fetched: 0 })
    }
    expect((await state.load()).size).toBe(1)
    nowMs += 30 * DAY_MS
    await fetch()
    expect((await state.load()).size).toBe(0)
    expect(taken).toHaveLength(1)
  })

  test('a server without UIDL', async () => {
    const server = await letters({ LIST: listing(['1 14']), UIDL: '-ERR what\r\n' })
    const fetching = fetchNew({ server: server.options, state: memoryFetchState(), onMessage: () => {} })
    expect(await rejection(fetching)).toMatchObject({ code: 'unsupported' })
  })
})
