import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')

test('the example of the README runs and says what it promises', async () => {
  const said: unknown[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...words) => void said.push(...words))
  await import('./example.ts')
  log.mockRestore()
  expect(said).toEqual([
    { sizeOctets: 41, bodyOffset: 35, needsStuffing: true },
    ['x-spam-flag'],
    'Subject: Hello\r\n\r\n',
    'anna@acme.example',
    'tag',
    '550 5.1.1 No mailbox bo@acme.example here; check the address',
  ])
})

test('the README shows that very file', () => {
  expect(read('../README.md')).toContain(
    read('./example.ts').replace('../src/index.ts', '@restante/mail').trim(),
  )
})
