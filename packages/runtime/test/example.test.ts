import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')

test('the example of the README runs and says what it promises', async () => {
  const said: unknown[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...words) => void said.push(...words))
  await import('./example.ts')
  log.mockRestore()
  expect(said).toEqual([
    10_000_000,
    { host: '127.0.0.1', port: 1995 },
    'restante.yaml:1:1: hostnam: unknown key; did you mean “hostname”?',
    '-----BEGIN CERTIFICATE-----',
  ])
})

test('the README shows that very file', () => {
  expect(read('../README.md')).toContain(
    read('./example.ts').replace('../src/index.ts', '@restante/runtime').trim(),
  )
})
