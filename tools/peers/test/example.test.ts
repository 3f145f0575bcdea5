import { expect, test } from 'vitest'
import { requirePeer, runPeer } from '../src/index.ts'

const fetchmail = requirePeer('fetchmail')

test.skipIf(fetchmail.missing)(`fetchmail tells its version${fetchmail.note}`, async () => {
  const done = await runPeer('fetchmail', ['--version'], { timeoutMs: 20_000 })
  expect(done.exitCode, done.errorText).toBe(0)
  expect(done.text).toContain('fetchmail release')
})
