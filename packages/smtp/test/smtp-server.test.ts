import { expect, test } from 'vitest'
import { startBench } from './harness.ts'

test('takes a message and says 250 after the hook has it', async () => {
  await using bench = await startBench()
  const client = await bench.client()
  expect(await client.reply()).toBe('220 mx.test ESMTP')
  expect(await client.ask('EHLO client.test')).toContain('PIPELINING')
  expect(await client.ask('MAIL FROM:<a@b.test>')).toBe('250 2.1.0 Sender ok')
  expect(await client.ask('RCPT TO:<c@d.test>')).toBe('250 2.1.5 Recipient ok')
  expect(await client.ask('DATA')).toMatch(/^354 /)
  expect(await client.ask('Subject: x\r\n\r\n..stuffed\r\n.')).toBe('250 2.0.0 Stored as 1')
  expect(bench.taken[0]?.body).toBe('Subject: x\r\n\r\n.stuffed\r\n')
})
