import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type LocalStore, openLocalStore } from '../src/index.ts'
import {
  accountId,
  deliver,
  deliverOne,
  envelope,
  inbox,
  octetsOf,
  openMaildrop,
  randomMessage,
} from './deliveries.ts'
import { memoryFolder, removeFolder } from './places.ts'

let directory: string
let faults: string
let store: LocalStore
let account: string
let events: string[]

const order = (name: string, text = ''): void => writeFileSync(join(faults, name), text)
const lift = (name: string): void => rmSync(join(faults, name), { force: true })
const journal = (): string[] => readFileSync(join(faults, 'journal'), 'utf8').trim().split('\n')
const clearJournal = (): void => writeFileSync(join(faults, 'journal'), '')
const open = (): Promise<LocalStore> =>
  openLocalStore({
    directory,
    floorOctets: 1000,
    filesModule: new URL('./recording-files.ts', import.meta.url).href,
    log: (event) => events.push(event),
  })

beforeEach(async () => {
  directory = await memoryFolder()
  faults = join(directory, 'faults')
  mkdirSync(faults)
  process.env['STORE_FAULTS'] = faults
  events = []
  store = await open()
  account = await accountId(store)
})

afterEach(async () => {
  await store.close()
  await removeFolder(directory)
})

describe('the order of things', () => {
  test('body flush comes before index commit comes before acknowledgement', async () => {
    clearJournal()
    await deliverOne(store, account, randomMessage(1000))
    const steps = journal().map((line) => line.replace(/ .*/, ''))
    // A new segment is made, named in the folder and in the index; only then the record, and so on.
    expect(steps).toEqual([
      'create',
      'write',
      'flush-directory',
      'index-commit',
      'index-committed',
      'write',
      'flush',
      'index-commit',
      'index-committed',
      'reply',
    ])
    clearJournal()
    await deliverOne(store, account, randomMessage(1000))
    expect(journal().map((line) => line.replace(/ .*/, ''))).toEqual([
      'write',
      'flush',
      'index-commit',
      'index-committed',
      'reply',
    ])
  })

  test('the same for a body in a segment of its own', async () => {
    await deliverOne(store, account, randomMessage(10))
    clearJournal()
    await deliverOne(store, account, randomMessage(1_500_000))
    const steps = journal().map((line) => line.replace(/ .*/, ''))
    expect(steps[0]).toBe('create')
    // Named in the index before its record is whole.
    expect(steps.indexOf('index-committed')).toBeLessThan(steps.indexOf('flush'))
    expect(steps.slice(steps.indexOf('flush'))).toEqual([
      'flush',
      'flush-directory',
      'index-commit',
      'index-committed',
      'reply',
    ])
    expect(steps.lastIndexOf('write')).toBeLessThan(steps.indexOf('flush'))
  })

  test('many deliveries at once share one flush', async () => {
    await deliverOne(store, account, randomMessage(10))
    const staged = await Promise.all(Array.from({ length: 40 }, () => store.stage(randomMessage(1000))))
    clearJournal()
    await Promise.all(
      staged.map((each) =>
        each.commit(envelope(), [{ account, folder: 'inbox', prefix: new Uint8Array(0) }]),
      ),
    )
    const steps = journal()
    expect(steps.filter((line) => line.startsWith('flush ')).length).toBeLessThan(10)
    expect((await store.directory.usage(account)).messages).toBe(41)
  })
})

describe('failing files', () => {
  for (const operation of ['write', 'flush'] as const) {
    test(`a failed ${operation} is not acknowledged, poisons the segment and is never tried again on it`, async () => {
      const before = randomMessage(500)
      const id = await deliverOne(store, account, before)
      const poisoned = journal()
        .findLast((line) => line.startsWith('flush '))
        ?.split(' ')[1]
      order(`fail-${operation}`, 'EIO')
      await expect(deliver(store, account, randomMessage(500))).rejects.toMatchObject({
        name: 'StoreError',
        code: 'io',
      })
      lift(`fail-${operation}`)
      clearJournal()
      const after = randomMessage(500)
      const next = await deliverOne(store, account, after)
      expect(journal().some((line) => line.endsWith(` ${poisoned}`))).toBe(false)
      expect(journal()[0]).toMatch(/^create /)
      expect(events).toContain('store-write-failed')
      expect(await octetsOf(store, id)).toEqual(new Uint8Array(before))
      expect(await octetsOf(store, next)).toEqual(new Uint8Array(after))
      const maildrop = await openMaildrop(store, inbox(account))
      expect(maildrop.listing.ids).toEqual([id, next])
      await maildrop[Symbol.asyncDispose]()
      expect((await store.verify()).problems).toEqual([])
    })

    test(`a failed ${operation} of a large body stores nothing and leaves no file`, async () => {
      const staged = await store.stage(randomMessage(1_500_000))
      order(`fail-${operation}`, 'EIO')
      await expect(
        staged.commit(envelope(), [{ account, folder: 'inbox', prefix: new Uint8Array(0) }]),
      ).rejects.toMatchObject({ code: 'io' })
      lift(`fail-${operation}`)
      expect((await store.directory.usage(account)).messages).toBe(0)
      expect((await store.verify()).problems).toEqual([])
      const large = randomMessage(1_500_000)
      expect(await octetsOf(store, await deliverOne(store, account, large))).toEqual(new Uint8Array(large))
    })
  }

  test('a segment that cannot be made is no acknowledgement either', async () => {
    for (const operation of ['create', 'flush-directory']) {
      order(`fail-${operation}`, 'EIO')
      await expect(deliver(store, account, randomMessage(500))).rejects.toMatchObject({ code: 'io' })
      lift(`fail-${operation}`)
    }
    await deliverOne(store, account, randomMessage(500))
    expect((await store.directory.usage(account)).messages).toBe(1)
  })

  test('a failed index commit acknowledges nothing, and the next delivery works', async () => {
    await deliverOne(store, account, randomMessage(500))
    order('fail-index-commit', 'EIO')
    await expect(deliver(store, account, randomMessage(500))).rejects.toMatchObject({ code: 'io' })
    lift('fail-index-commit')
    expect((await store.directory.usage(account)).messages).toBe(1)
    await deliverOne(store, account, randomMessage(500))
    expect((await store.directory.usage(account)).messages).toBe(2)
    expect((await store.verify()).problems).toEqual([])
  })

  test('ENOSPC is disk-full, and deletions go on', async () => {
    await deliverOne(store, account, randomMessage(500))
    order('fail-write', 'ENOSPC')
    await expect(deliver(store, account, randomMessage(500))).rejects.toMatchObject({ code: 'disk-full' })
    await expect(store.stage(randomMessage(1_500_000))).rejects.toMatchObject({ code: 'disk-full' })
    const maildrop = await openMaildrop(store, inbox(account))
    expect(await maildrop.commit([0])).toEqual({ ok: true })
    await maildrop[Symbol.asyncDispose]()
  })
})

test('below the free-space floor deliveries are refused and deletions are not', async () => {
  await deliverOne(store, account, randomMessage(500))
  await store.close()
  order('free', '5000')
  store = await open()
  expect(store.hasRoomFor(3000)).toBe(true)
  expect(store.hasRoomFor(4001)).toBe(false)
  await expect(store.stage(randomMessage(10_000))).rejects.toMatchObject({ code: 'disk-full' })
  await deliverOne(store, account, randomMessage(100))
  await store.close()
  order('free', '999')
  store = await open()
  expect(store.hasRoomFor(0)).toBe(false)
  await expect(store.stage(randomMessage(1))).rejects.toMatchObject({ code: 'disk-full' })
  const maildrop = await openMaildrop(store, inbox(account))
  expect(await maildrop.commit([0, 1])).toEqual({ ok: true })
  await maildrop[Symbol.asyncDispose]()
  expect((await store.directory.usage(account)).messages).toBe(0)
})

test('a crashed writer thread takes its unanswered requests with it and is replaced', async () => {
  const kept = randomMessage(700)
  const id = await deliverOne(store, account, kept)
  order('crash-flush')
  const outcomes = await Promise.allSettled([
    deliver(store, account, randomMessage(500)),
    deliver(store, account, randomMessage(500)),
  ])
  lift('crash-flush')
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'StoreError', code: 'io' } })
  }
  expect(events).toContain('store-writer-failed')
  const after = randomMessage(700)
  const next = await deliverOne(store, account, after)
  expect(await octetsOf(store, id)).toEqual(new Uint8Array(kept))
  expect(await octetsOf(store, next)).toEqual(new Uint8Array(after))
})

test.each([
  ['index-commit', 1, 0],
  ['index-committed', 1, 0],
  ['index-commit', 2, 0],
  ['index-committed', 2, 1],
] as const)(
  'a writer thread that crashes at %s %i leaves %i whole large messages',
  async (step, nth, count) => {
    await deliverOne(store, account, randomMessage(10))
    const large = randomMessage(1_500_000)
    const staged = await store.stage(large)
    order(`crash-${step}`, String(nth))
    await expect(
      staged.commit(envelope(), [{ account, folder: 'inbox', prefix: new Uint8Array(0) }]),
    ).rejects.toMatchObject({ code: 'io' })
    lift(`crash-${step}`)
    const maildrop = await openMaildrop(store, inbox(account))
    expect(maildrop.listing.count).toBe(1 + count)
    for (let i = 1; i <= count; i++) {
      expect(await maildrop.readAt(i, 0, 2_000_000)).toEqual(new Uint8Array(large))
    }
    await maildrop[Symbol.asyncDispose]()
    expect((await store.verify()).problems).toEqual([])
    expect(readdirSync(join(directory, 'segments')).filter((name) => /-b\d+\.seg$/.test(name)).length).toBe(
      count,
    )
  },
)

test('compaction gives up where its output cannot be written, and loses nothing', async () => {
  const stored = new Map<string, Uint8Array>()
  for (let i = 0; i < 6; i++) {
    const octets = randomMessage(5000)
    stored.set(await deliverOne(store, account, octets), octets)
  }
  const [gone] = [...stored.keys()] as [string]
  await store.discard(gone, { account: null, by: 'command' })
  stored.delete(gone)
  await store.close()
  store = await open()
  await store.expire(Date.now() + 8 * 86_400_000)
  for (const operation of ['create', 'write', 'flush', 'flush-directory', 'index-commit']) {
    order(`fail-${operation}`, 'EIO')
    await expect(store.compact({ deadShare: 0.01 }), operation).rejects.toMatchObject({ code: 'io' })
    lift(`fail-${operation}`)
    for (const [id, octets] of stored) expect(await octetsOf(store, id)).toEqual(new Uint8Array(octets))
  }
  expect(await store.compact({ deadShare: 0.01 })).toMatchObject({ bodies: 5, corrupt: 0 })
  for (const [id, octets] of stored) expect(await octetsOf(store, id)).toEqual(new Uint8Array(octets))
  expect((await store.verify()).problems).toEqual([])
})
