import { afterEach, beforeEach, expect, test } from 'vitest'
import { startChild } from './child.ts'
import { memoryFolder, removeFolder } from './places.ts'

let directory: string

beforeEach(async () => {
  directory = await memoryFolder()
})
afterEach(() => removeFolder(directory))

async function recorded(...failing: readonly string[]): Promise<readonly string[]> {
  const child = startChild('./recording-process.ts', directory, ...failing)
  await child.ended
  expect(child.process.exitCode).toBe(0)
  return child.lines
}

test('files are flushed, then their names, then the rows; then they are renamed, their names flushed, then it is told', async () => {
  const lines = (await recorded()).filter((line) => !line.startsWith('write'))
  expect(lines.slice(0, 7)).toEqual([
    'flush tmp/FILE',
    'flush tmp/FILE',
    'flush Maildir/tmp',
    'flush Maildir/tmp',
    'log',
    'rename tmp new',
    'rename tmp new',
  ])
  expect([...lines.slice(7, 11)].sort()).toEqual([
    'flush Maildir/new',
    'flush Maildir/new',
    'flush Maildir/tmp',
    'flush Maildir/tmp',
  ])
  expect(lines.slice(11)).toEqual(['told 2', 'kept 1 1', 'left 0'])
})

test.each(['write', 'flush', 'log'])(
  'where a %s fails nothing is stored and nothing is left',
  async (call) => {
    expect((await recorded(call)).slice(-3)).toEqual(['told io', 'kept 0 0', 'left 0'])
  },
)
