import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

test('the example of the README runs and says what it promises', async () => {
  const said: unknown[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...words) => void said.push(...words))
  await import('./example.ts')
  log.mockRestore()
  expect(said).toEqual([
    'spam',
    expect.any(String),
    expect.stringMatching(/^weight \d+ %: 10 spam \/ 10 good learned$/),
    { ham: 11, spam: 10 },
  ])
})

test('the README shows that very file', () => {
  expect(read('../README.md')).toContain(
    read('./example.ts').replace('../src/index.ts', '@restante/bayes').trim(),
  )
})
