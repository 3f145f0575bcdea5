import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { REPLIES } from '@restante/mail'
import { expect, test } from 'vitest'
import { createSmtpServer } from '../src/index.ts'
import { Client, startBench, until } from './harness.ts'

const BYE = '421 4.3.2 Shutting down; try again in a minute\r\n'

test('idle sessions hear 421, running transactions finish, new ones are not taken', async () => {
  await using bench = await startBench()
  const idle = await bench.client()
  await idle.reply()
  const busy = await bench.client()
  await busy.begin()
  await busy.ask('DATA')
  const closed = bench.server.close({ drainMs: 60_000 })
  expect(await idle.rest()).toBe(BYE)
  await expect(Client.open(bench.port)).rejects.toThrow()
  busy.write('x\r\n.\r\n')
  expect(await busy.rest()).toBe(`250 2.0.0 Stored as 1\r\n${BYE}`)
  await closed
  expect(bench.taken).toHaveLength(1)
})

test('what does not finish in time is ended', async () => {
  await using bench = await startBench()
  const busy = await bench.client()
  await busy.begin()
  await busy.ask('DATA')
  const handshaking = await bench.client()
  await handshaking.reply()
  await handshaking.ask('STARTTLS')
  await bench.server.close({ drainMs: 30 })
  expect(await busy.rest()).toBe(BYE)
  expect(bench.taken).toEqual([])
  expect(bench.server.connections).toBe(0)
})

test('a transaction given up during the drain ends the session', async () => {
  await using bench = await startBench()
  const client = await bench.client()
  await client.begin()
  const closed = bench.server.close({ drainMs: 60_000 })
  expect(await client.ask('NOOP')).toBe('250 2.0.0 Ok')
  client.write('RSET\r\n')
  expect(await client.rest()).toBe(`250 2.0.0 Flushed\r\n${BYE}`)
  await closed
})

test('closing twice and closing unopened are harmless', async () => {
  await using bench = await startBench()
  await Promise.all([bench.server.close(), bench.server.close()])
  await bench.server.close()
})

test('a hook under way at the deadline is told', async () => {
  let aborted = false
  await using bench = await startBench({
    data: async (_envelope, body, { signal }) => {
      signal.addEventListener('abort', () => {
        aborted = true
      })
      for await (const _ of body);
      return REPLIES.accepted
    },
  })
  const client = await bench.client()
  await client.begin()
  await client.ask('DATA')
  await bench.server.close({ drainMs: 0 })
  await until(() => aborted)
  expect(aborted).toBe(true)
})

test('listens on a Unix socket, without limits by address', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smtp-'))
  const path = join(folder, 'lmtp')
  const server = createSmtpServer({
    mode: 'lmtp',
    hostname: 'mx.test',
    limits: { connectionsPerAddress: 1 },
    policy: { rcpt: () => null },
    data: async () => REPLIES.accepted,
  })
  await server.listen({ path })
  for (let count = 0; count < 3; count++) {
    const client = new Client(connect({ path }))
    expect(await client.begin('LHLO client.test')).toBe('250 2.1.5 Recipient ok')
    client.write('QUIT\r\n')
  }
  await server.close({ drainMs: 1_000 })
  rmSync(folder, { recursive: true })
})

test('listens on an inherited socket', async () => {
  const parent: Server = createServer()
  await new Promise<void>((resolve) => parent.listen(0, '127.0.0.1', resolve))
  const { fd } = (parent as unknown as { _handle: { fd: number } })._handle
  const child = spawn(process.execPath, [fileURLToPath(new URL('inherited.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
  })
  const [line] = (await once(child.stdout as Readable, 'data')) as [Buffer]
  const { port } = parent.address() as { port: number }
  expect(line.toString()).toBe(`${port}\n`)
  parent.close()
  const client = await Client.open(port)
  expect(await client.reply()).toBe('220 mx.test ESMTP')
  client.destroy()
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})
