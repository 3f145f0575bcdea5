import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Pop3Event } from '../src/index.ts'
import { arrayStore } from './array-store.ts'
import { start } from './start.ts'
import { connectPlain, logIn } from './wire.ts'

describe('a backend in trouble', () => {
  test('whatever it throws, the peer reads [SYS/TEMP] and the log gets the error', async () => {
    const { port, store, events } = await start({
      authenticate: (request) => {
        if (request.name === 'throw') throw new Error('secret stack')
        if (request.name === 'reject') return Promise.reject(new Error('secret stack'))
        return { maildrop: request.name }
      },
    })
    const wire = await connectPlain(port)
    await wire.line()
    for (const name of ['throw', 'reject']) {
      await wire.ask(`USER ${name}`)
      expect(await wire.ask('PASS secret')).toBe('-ERR [SYS/TEMP] Temporary trouble here, try again later')
    }
    store.trouble.open = 'throw'
    await wire.ask('USER anna')
    expect(await wire.ask('PASS secret')).toMatch(/^-ERR \[SYS\/TEMP\]/)
    store.trouble = { read: 'throw', commit: 'throw', release: 'throw' }
    await wire.ask('USER anna')
    await wire.ask('PASS secret')
    expect(await wire.ask('RETR 1')).toMatch(/^-ERR \[SYS\/TEMP\]/)
    expect(await wire.ask('DELE 1')).toMatch(/^\+OK/)
    expect(await wire.ask('QUIT')).toMatch(/^-ERR \[SYS\/TEMP\]/)
    expect(await wire.closed()).toBe('')
    expect(events.flatMap((event) => (event.type === 'error' ? [event.place] : []))).toEqual([
      'authenticate',
      'authenticate',
      'open',
      'read',
      'commit',
      'release',
    ])
    expect(store.drops.get('anna')?.length).toBe(2)
  })

  test.each([
    ['lost-lock', 'SYS/TEMP'],
    ['unavailable', 'SYS/TEMP'],
    ['read-only', 'SYS/PERM'],
  ] as const)('a commit that answers %s is [%s]', async (failure, code) => {
    const { port, store } = await start()
    store.trouble.commit = failure
    const wire = await logIn(await connectPlain(port))
    await wire.ask('DELE 1')
    expect(await wire.ask('QUIT')).toContain(`-ERR [${code}]`)
    expect(store.locked.size).toBe(0)
  })

  test.each([
    ['in-use', 'IN-USE'],
    ['no-such-maildrop', 'SYS/PERM'],
    ['unavailable', 'SYS/TEMP'],
  ] as const)('a maildrop that is %s is [%s]', async (failure, code) => {
    const { port, store, event } = await start()
    store.trouble.open = failure
    const wire = await connectPlain(port)
    await wire.line()
    await wire.ask('USER anna')
    expect(await wire.ask('PASS secret')).toContain(`-ERR [${code}]`)
    expect(await event('login-failed')).toMatchObject({ name: 'anna', mechanism: 'USER' })
  })

  test('a message that breaks off ends the connection without its dot line', async () => {
    const { port, store, event } = await start()
    store.add('boris', `a: b\r\n\r\n${'x'.repeat(998)}\r\n`.repeat(1_000))
    store.trouble.read = 'short'
    const wire = await logIn(await connectPlain(port), 'boris')
    wire.write('RETR 1\r\nNOOP\r\n')
    const said = await wire.closed()
    expect(said.length).toBeGreaterThan(200_000)
    expect(said).not.toMatch(/\n\.\r\n/)
    expect((await event('session-end')).reason).toBe('read-failed')
  })

  test('a maildrop that opens after the client has gone is given back', async () => {
    const store = arrayStore({ anna: [] })
    let goOn = () => {}
    const held = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const open = store.open
    let signal: AbortSignal | undefined
    store.open = async (name, context) => {
      signal = context.signal
      await held
      return open(name, context)
    }
    const { port, server } = await start({}, store)
    const wire = await connectPlain(port)
    wire.write('USER anna\r\nPASS secret\r\n')
    await wire.line()
    await wire.line()
    wire.socket.resetAndDestroy()
    while (signal?.aborted !== true) await wait(5)
    goOn()
    await server.close()
    expect(store.locked.size).toBe(0)
  })

  test('only DELE asks for a commit', async () => {
    const { port, store } = await start()
    store.trouble.commit = 'throw'
    const wire = await logIn(await connectPlain(port))
    await wire.askMulti('RETR 1')
    expect(await wire.ask('QUIT')).toMatch(/^\+OK/)
  })

  test('new mail waits for the next session', async () => {
    const { port, store } = await start()
    const wire = await logIn(await connectPlain(port))
    store.add('anna', 'Subject: three\r\n\r\n')
    expect(await wire.ask('STAT')).toBe('+OK 2 52')
    await wire.ask('QUIT')
    expect(await (await logIn(await connectPlain(port))).ask('STAT')).toBe('+OK 3 70')
  })
})

describe('events', () => {
  test('one session from end to end', async () => {
    const { port, events, event } = await start()
    const wire = await connectPlain(port)
    await wire.line()
    await wire.ask('USER anna')
    await wire.ask('PASS wrong')
    await wire.ask('USER anna')
    await wire.ask('PASS secret')
    await wire.askMulti('RETR 2')
    await wire.askMulti('TOP 1 0')
    await wire.ask('DELE 2')
    await wire.ask('QUIT')
    await wire.closed()
    const end = await event('session-end')
    expect(events.map(({ type }) => type)).toEqual([
      'connection',
      'login-failed',
      'login',
      'retrieved',
      'deleted',
      'session-end',
    ])
    expect(events.find(({ type }) => type === 'login-failed')).toMatchObject({
      name: 'anna',
      failure: 'auth',
      mechanism: 'USER',
    })
    expect(events.find(({ type }) => type === 'retrieved')).toMatchObject({
      messageNumber: 2,
      sizeOctets: 29,
    })
    expect(end).toMatchObject({ reason: 'quit', messages: 2, retrieved: 1, retrievedOctets: 29, deleted: 1 })
    expect(end.session).toMatchObject({ account: 'anna', remoteAddress: '127.0.0.1', tls: null })
    expect(end.octetsIn).toBe(
      'USER anna\r\nPASS wrong\r\nUSER anna\r\nPASS secret\r\nRETR 2\r\nTOP 1 0\r\nDELE 2\r\nQUIT\r\n'.length,
    )
    expect(end.octetsOut).toBeGreaterThan(200)
    expect(new Set(events.map(({ session }) => session.id)).size).toBe(1)
  })

  test('as an iterable: from the call on, until the signal', async () => {
    const { server, port } = await start()
    const controller = new AbortController()
    const heard: Pop3Event['type'][] = []
    const events = server.events({ signal: controller.signal })
    const wire = await logIn(await connectPlain(port))
    await wire.ask('QUIT')
    for await (const event of events) {
      heard.push(event.type)
      if (event.type === 'session-end') controller.abort()
    }
    expect(heard).toEqual(['connection', 'login', 'session-end'])
    const ended = server.events()
    await server.close()
    for await (const event of ended) expect(event).toBe('none')
    for await (const event of server.events()) expect(event).toBe('none')
  })
})

describe('closing', () => {
  test('stops accepting, ends strangers, lets sessions finish', async () => {
    const { server, port, store } = await start()
    const stranger = await connectPlain(port)
    await stranger.line()
    const wire = await logIn(await connectPlain(port))
    const closing = server.close({ drainMs: 60_000 })
    expect(await stranger.closed()).toBe('')
    await expect(connectPlain(port)).rejects.toThrow('ECONNREFUSED')
    expect(await wire.ask('DELE 1')).toMatch(/^\+OK/)
    expect(await wire.ask('QUIT')).toMatch(/^\+OK/)
    await closing
    expect(store.drops.get('anna')?.length).toBe(1)
    expect(server.sessionCount).toBe(0)
    await expect(server.listen()).rejects.toThrow('closed')
  })

  test('drops who does not finish; nothing is deleted, every maildrop is back', async () => {
    const { server, port, store, event } = await start()
    const wire = await logIn(await connectPlain(port))
    await wire.ask('DELE 1')
    await server.close({ drainMs: 50 })
    expect((await event('session-end')).reason).toBe('shutdown')
    expect(store.drops.get('anna')?.length).toBe(2)
    expect(store.locked.size).toBe(0)
  })
})
