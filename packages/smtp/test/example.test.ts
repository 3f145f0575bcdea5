import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { Client } from './harness.ts'

const EXAMPLE = fileURLToPath(new URL('example.ts', import.meta.url))

test('the example of the README runs', async () => {
  const child = spawn(process.execPath, [EXAMPLE], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const port = Number(/^listening on (\d+)$/.exec((await lines.next()).value ?? '')?.[1])
  const client = await Client.open(port)
  await client.reply()
  await client.ask('EHLO client.test')
  await client.ask('MAIL FROM:<a@b.test>')
  expect(await client.ask('RCPT TO:<bob@example.org>')).toMatch(/^550 5\.1\.1 /)
  expect(await client.ask('RCPT TO:<anna@example.org>')).toMatch(/^250 /)
  await client.ask('DATA')
  expect(await client.ask('Hello\r\n.')).toMatch(/^250 2\.0\.0 Stored as /)
  expect((await lines.next()).value).toBe('7 octets for 1')
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})

test('and is the one in the README', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  expect(readme).toContain(readFileSync(EXAMPLE, 'utf8'))
})
