import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')

test('the example of the README runs and says what it promises', async () => {
  const said: unknown[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...words) => void said.push(...words))
  await import('./example.ts')
  log.mockRestore()
  expect(said).toEqual([1, 2, [62, 26], 'Subject: from mutt\r\n\r\nHi\r\n', 1])
})

test('the README shows the example as it is', () => {
  const shown = read('./example.ts').replace('../src/index.ts', '@restante/store-maildir')
  expect(read('../README.md')).toContain(shown.trim())
})
