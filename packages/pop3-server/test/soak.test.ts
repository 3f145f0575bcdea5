import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { arrayStore } from './array-store.ts'
import { start } from './start.ts'
import { connectSecure } from './wire.ts'

test('a half-closed TLS connection gets its answers too', async () => {
  const { tlsPort } = await start()
  const raw = connect({ port: tlsPort, host: '127.0.0.1', allowHalfOpen: true })
  const socket = connectTls({ socket: raw, rejectUnauthorized: false })
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const ended = new Promise((resolve) => socket.once('end', resolve))
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  socket.end('USER anna\r\nPASS secret\r\nRETR 2\r\n')
  await ended
  expect(Buffer.concat(chunks).toString()).toMatch(/..second\r\n...\r\n.\r\n$/)
  socket.destroy()
})

test('clients that come, say anything and go anyhow leave nothing behind', async () => {
  const store = arrayStore()
  for (let i = 0; i < 8; i++)
    store.add(`u${i}`, 'a: b\r\n\r\n.x\r\n', `c: d\r\n\r\n${'y'.repeat(70)}\r\n`.repeat(3_000))
  const { port, tlsPort, server, events } = await start({ limits: { lingerMs: 100 } }, store)
  const command = fc.constantFrom(
    'STAT',
    'LIST',
    'UIDL',
    'RETR 1',
    'RETR 2',
    'TOP 2 1',
    'DELE 1',
    'RSET',
    'NOOP',
    'XYZ',
    'CAPA',
    'QUIT',
    'STLS',
  )
  const session = fc.record({
    secure: fc.boolean(),
    name: fc.nat(7),
    commands: fc.array(command, { maxLength: 12 }),
    reads: fc.boolean(),
    leaves: fc.constantFrom('end', 'destroy', 'resetAndDestroy', 'quit'),
    afterMs: fc.nat(30),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(session, { minLength: 1, maxLength: 12 }), async (sessions) => {
      await Promise.all(
        sessions.map(async ({ secure, name, commands, reads, leaves, afterMs }) => {
          const socket = secure
            ? connectTls({ port: tlsPort, host: '127.0.0.1', rejectUnauthorized: false })
            : connect(port, '127.0.0.1')
          socket.on('error', () => {})
          const closed = new Promise((resolve) => socket.once('close', resolve))
          if (reads) socket.resume()
          socket.write(`USER u${name}\r\nPASS secret\r\n${commands.map((text) => `${text}\r\n`).join('')}`)
          await new Promise((resolve) => setTimeout(resolve, afterMs))
          if (leaves === 'quit') socket.write('QUIT\r\n')
          else if (secure && leaves === 'resetAndDestroy') socket.destroy()
          else socket[leaves]()
          socket.resume()
          setTimeout(() => socket.destroy(), 50)
          await closed
        }),
      )
    }),
    { numRuns: 25 },
  )
  await vi.waitFor(() => expect(server.sessionCount).toBe(0), { timeout: 10_000 })
  expect(store.locked.size).toBe(0)
  expect(events.filter((event) => event.type === 'error')).toEqual([])
  const begun = events.filter((event) => event.type === 'connection').length
  expect(events.filter((event) => event.type === 'session-end').length).toBe(begun)
  expect(await (await connectSecure(tlsPort)).line()).toMatch(/^\+OK/)
}, 60_000)
