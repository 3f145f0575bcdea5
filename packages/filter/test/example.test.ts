import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')

test('the example of the README runs and says what it promises', async () => {
  const said: unknown[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...words) => void said.push(...words))
  await import('./example.ts')
  log.mockRestore()
  expect(said).toEqual([
    'BAYES_SPAM',
    expect.stringMatching(/^(?:tagged|quarantined) [\d.]+\/[\d.]+; looks like known spam/),
  ])
})

test('the README shows that very file', () => {
  expect(read('../README.md')).toContain(
    read('./example.ts').replace('../src/index.ts', '@restante/filter').trim(),
  )
})
