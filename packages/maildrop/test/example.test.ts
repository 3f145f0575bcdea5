import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')

test('the example of the README runs and says what it promises', async () => {
  const said: unknown[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...words) => void said.push(...words))
  await import('./example.ts')
  log.mockRestore()
  expect(said).toEqual(['+OK 2 messages (82 octets)', 'Return-Path: <bob@sender.example>\r\n', 2])
})

test.each(['./example.ts', './kept-suite.test.ts'])('the README shows %s as it is', (path) => {
  const shown = read(path)
    .replace('../src/index.ts', '@restante/maildrop')
    .replace('../src/testkit/index.ts', '@restante/maildrop/testkit')
  expect(read('../README.md')).toContain(shown.trim())
})
