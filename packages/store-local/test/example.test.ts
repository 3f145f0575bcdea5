import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { memoryFolder, removeFolder } from './places.ts'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')

test('the example of the README runs and says what it promises', async () => {
  const said: unknown[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...words) => void said.push(...words))
  const folder = await memoryFolder()
  vi.stubEnv('TMPDIR', folder)
  try {
    await import('./example.ts')
  } finally {
    vi.unstubAllEnvs()
    log.mockRestore()
    await removeFolder(folder)
  }
  expect(said).toEqual([
    62,
    'Return-Path: <bob@sender.example>\r\nSubject: hello\r\n\r\nHi Anna\r\n',
    { failed: 'in-use' },
    [],
  ])
})

test('the README shows the example as it is', () => {
  const shown = read('./example.ts').replace('../src/index.ts', '@restante/store-local')
  expect(read('../README.md')).toContain(shown.trim())
})
