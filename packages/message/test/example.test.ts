import { readFileSync } from 'node:fs'
import { afterAll, expect, test, vi } from 'vitest'
import { stopDeepLooks } from '../src/index.ts'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

afterAll(stopDeepLooks)

test('the example of the README runs and says what it promises', async () => {
  const said: string[] = []
  const log = vi
    .spyOn(console, 'log')
    .mockImplementation((...words: unknown[]) => void said.push(words.join(' ')))
  await import('./example.ts')
  log.mockRestore()
  expect(said).toEqual([
    'Your Bank cheap.example Confirm your account',
    'Confirm at www.bank.example | minutes of the garden club',
    'bank.example -> evil.example',
    'no-date,no-message-id',
    'Confirm your account',
  ])
})

test('the README shows that very file', () => {
  expect(read('../README.md')).toContain(
    read('./example.ts').replace('../src/index.ts', '@restante/message').trim(),
  )
})
