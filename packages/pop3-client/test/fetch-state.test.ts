import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type FetchEntry, FetchStateError, jsonFileState } from '../src/index.ts'

const entry = (atMs: number, stage: FetchEntry['stage'] = 'fetched'): FetchEntry => ({ stage, atMs })

async function newPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fetch-state-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return join(folder, 'anna.jsonl')
}

test('is there again when opened again', async () => {
  const path = await newPath()
  {
    await using state = jsonFileState(path)
    expect((await state.load()).size).toBe(0)
    await state.put([['a', entry(1, 'begun')]], false)
    await state.put([['a', entry(2)]], true)
    await state.put([['b "quoted"\u2028', { ...entry(3), short: true, missingSinceMs: 4 }]], true)
    await state.put([['c', entry(5)]], true)
    await state.forget(['c', 'never there'])
  }
  await using again = jsonFileState(path)
  expect([...(await again.load())]).toEqual([
    ['a', entry(2)],
    ['b "quoted"\u2028', { ...entry(3), short: true, missingSinceMs: 4 }],
  ])
  expect((await stat(path)).mode & 0o077).toBe(0)
})

test('a last line cut off anywhere is left out, and what follows is whole', async () => {
  const path = await newPath()
  const line = `${JSON.stringify({ id: 'b', stage: 'fetched', atMs: 2 })}\n`
  for (let cut = 0; cut < line.length; cut++) {
    await writeFile(path, `${JSON.stringify({ id: 'a', stage: 'fetched', atMs: 1 })}\n${line.slice(0, cut)}`)
    await using state = jsonFileState(path)
    expect([...(await state.load()).keys()]).toEqual(['a'])
    await state.put([['c', entry(3)]], true)
    expect([...(await state.load()).keys()]).toEqual(['a', 'c'])
  }
})

test.each([
  'not json',
  '{}',
  '{"id":1,"stage":"fetched","atMs":1}',
  '{"id":"a","stage":"odd","atMs":1}',
  '[]',
  'null',
])('a line such as %s stops everything, for fear of fetching twice', async (line) => {
  const path = await newPath()
  await writeFile(path, `{"id":"a","stage":"fetched","atMs":1}\n${line}\n`)
  await using state = jsonFileState(path)
  const error: unknown = await state.load().catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(FetchStateError)
  expect(error).toMatchObject({ code: 'state-corrupt', message: expect.stringContaining(':2 ') })
})

test('is written anew when most of it is out of date', async () => {
  const path = await newPath()
  {
    await using state = jsonFileState(path)
    for (let i = 0; i < 1_200; i++) await state.put([['a', entry(i)]], false)
  }
  expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(1_201)
  await using again = jsonFileState(path)
  expect([...(await again.load())]).toEqual([['a', entry(1_199)]])
  expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(2)
})

test('changes made at once all arrive', async () => {
  const path = await newPath()
  await using state = jsonFileState(path)
  await Promise.all(Array.from({ length: 50 }, (_, i) => state.put([[`id${i}`, entry(i)]], false)))
  expect((await state.load()).size).toBe(50)
})

test('a folder that is not there is an error, not an empty state', async () => {
  const path = join(await newPath(), 'below', 'a-file')
  await appendFile(join(path, '..', '..'), '')
  await expect(jsonFileState(path).load()).rejects.toMatchObject({ code: 'ENOTDIR' })
})
