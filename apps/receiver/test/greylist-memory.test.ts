import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  type GreylistMemory,
  type GreylistMemoryOptions,
  openGreylistMemory,
} from '../src/greylist-memory.ts'

let directory: string
let memory: GreylistMemory | null
let clock = 1_000_000
let errors: unknown[]
beforeEach(async () => {
  memory = null
  errors = []
  directory = await mkdtemp(join(tmpdir(), 'restante-greylist-'))
})
afterEach(async () => {
  memory?.close()
  await rm(directory, { recursive: true, force: true })
})
const open = (options: Partial<GreylistMemoryOptions> = {}): GreylistMemory => {
  memory?.close()
  memory = openGreylistMemory({
    file: join(directory, 'greylist.db'),
    rememberMs: 10_000,
    now: () => clock,
    onError: (error) => errors.push(error),
    ...options,
  })
  return memory
}

test('what is written is read at once, and after a restart', async () => {
  const record = { firstMs: clock, lastMs: clock + 5, passes: 2 }
  await open().write('a', record)
  expect(await memory?.read('a')).toEqual(record)
  expect(await open().read('a')).toEqual(record)
  expect(await memory?.read('b')).toBeNull()
})

test('accepted mail counts for its sender and recipient', async () => {
  open().accepted('mia@friend.example', 'anna@acme.example', clock)
  memory?.accepted('mia@friend.example', 'anna@acme.example', clock)
  const history = async (recipient: string) =>
    (await open().history('mia@friend.example', recipient)).accepted
  expect(await history('anna@acme.example')).toBe(2)
  expect(await history('ben@acme.example')).toBe(0)
})

test('what was not touched for long is forgotten, and never more kept than allowed', async () => {
  open()
  for (let i = 0; i < 20; i++)
    await memory?.write(`key ${i}`, { firstMs: clock, lastMs: clock + i, passes: 0 })
  open({ recordsMax: 5 })
  const left = async () =>
    (await Promise.all([...Array(20).keys()].map((i) => memory?.read(`key ${i}`)))).filter(
      (each) => each !== null,
    )
  expect((await left()).map((each) => each?.lastMs)).toEqual([15, 16, 17, 18, 19].map((i) => clock + i))
  clock += 10_018
  open()
  expect(await left()).toHaveLength(2)
})

test('more changes than are held back are written at once', async () => {
  open()
  for (let i = 0; i < 2_500; i++)
    await memory?.write(`key ${i}`, { firstMs: clock, lastMs: clock, passes: 0 })
  expect(await memory?.read('key 3')).not.toBeNull()
  expect(await memory?.read('key 2499')).not.toBeNull()
})

test('a file that is no database is begun anew, and that is told', async () => {
  await writeFile(join(directory, 'greylist.db'), 'x'.repeat(10_000))
  await open().write('a', { firstMs: 1, lastMs: clock, passes: 1 })
  expect(await open().read('a')).not.toBeNull()
  expect(errors).toHaveLength(1)
})
