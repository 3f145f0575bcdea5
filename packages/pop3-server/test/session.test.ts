import { describe, expect, test } from 'vitest'
import { start } from './start.ts'
import { connectPlain, connectSecure, logIn, secure } from './wire.ts'

describe('a session', () => {
  test('lists, retrieves, deletes and quits', async () => {
    const { port, store } = await start()
    const wire = await logIn(await connectPlain(port))
    expect(await wire.ask('STAT')).toBe('+OK 2 52')
    expect((await wire.askMulti('LIST')).body).toBe('1 23\r\n2 29\r\n')
    expect((await wire.askMulti('RETR 2')).body).toBe('Subject: two\r\n\r\n..second\r\n...\r\n')
    expect(await wire.ask('DELE 1')).toMatch(/^\+OK/)
    expect(await wire.ask('QUIT')).toMatch(/^\+OK/)
    expect(await wire.closed()).toBe('')
    expect(store.drops.get('anna')?.length).toBe(1)
    expect(store.locked.size).toBe(0)
  })

  test('a dropped connection deletes nothing and frees the maildrop', async () => {
    const { port, store, event } = await start()
    const wire = await logIn(await connectPlain(port))
    await wire.ask('DELE 1')
    wire.write('QUIT')
    wire.destroy()
    await event('session-end')
    expect(store.drops.get('anna')?.length).toBe(2)
    expect(store.locked.size).toBe(0)
  })

  test('thousands of pipelined commands are answered in order', async () => {
    const { port } = await start()
    const wire = await logIn(await connectPlain(port))
    const rounds = 2_000
    wire.write('STAT\r\nRETR 1\r\n'.repeat(rounds))
    for (let i = 0; i < rounds; i++) {
      expect(await wire.line()).toBe('+OK 2 52')
      expect((await wire.multi()).body).toBe('Subject: one\r\n\r\nfirst\r\n')
    }
  })

  test('a half-closed connection still gets its answers', async () => {
    const { port } = await start()
    const wire = await connectPlain(port, true)
    wire.write('USER anna\r\nPASS secret\r\nSTAT\r\nRETR 1\r\n')
    wire.socket.end()
    const said = await wire.closed()
    expect(said).toContain('+OK 2 52\r\n')
    expect(said).toMatch(/first\r\n\.\r\n$/)
  })

  test('the maildrop is held by one session, and free the moment QUIT is answered', async () => {
    const { port } = await start()
    const first = await logIn(await connectPlain(port))
    const second = await connectPlain(port)
    await second.line()
    await second.ask('USER anna')
    expect(await second.ask('PASS secret')).toMatch(/^-ERR \[IN-USE\] /)
    await first.ask('QUIT')
    await second.ask('USER anna')
    expect(await second.ask('PASS secret')).toMatch(/^\+OK/)
  })
})

describe('TLS', () => {
  test('implicit', async () => {
    const { tlsPort } = await start({ allowPlainLogin: 'never' })
    const wire = await logIn(await connectSecure(tlsPort, { ALPNProtocols: ['pop3'] }))
    expect((wire.socket as import('node:tls').TLSSocket).alpnProtocol).toBe('pop3')
    expect((await wire.askMulti('CAPA')).body).not.toContain('STLS')
    expect(await wire.ask('STAT')).toBe('+OK 2 52')
  })

  test('STLS forgets what was said and buffered before', async () => {
    const { port } = await start({ allowPlainLogin: 'loopback' })
    const wire = await connectPlain(port)
    await wire.line()
    await wire.ask('USER anna')
    wire.write('STLS\r\nCAPA\r\nUSER anna\r\n')
    expect(await wire.line()).toMatch(/^\+OK Begin TLS/)
    const secured = await secure(wire)
    expect(await secured.ask('PASS secret')).toMatch(/^-ERR Send USER first/)
    expect(await secured.ask('STLS')).toMatch(/^-ERR/)
    await secured.ask('USER anna')
    expect(await secured.ask('PASS secret')).toMatch(/^\+OK/)
    expect(await secured.ask('STLS')).toMatch(/^-ERR/)
  })
})
