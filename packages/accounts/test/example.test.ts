import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'

test('the example of the README runs and says what it promises', async () => {
  const said: unknown[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...words) => void said.push(...words))
  await import('./example.ts')
  log.mockRestore()
  expect(said).toEqual(['anna@acme.example sees inbox as classic', 'lists -> anna@acme.example', 'auth'])
})

test('the README shows that very file', () => {
  const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const file = readFileSync(new URL('./example.ts', import.meta.url), 'utf8')
  expect(page).toContain(file.replace('../src/index.ts', '@restante/accounts').trim())
})
