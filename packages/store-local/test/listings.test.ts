import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LocalStore, openLocalStore } from '../src/index.ts'
import { accountId, deliverOne, envelope, inbox, openMaildrop, randomMessage } from './deliveries.ts'
import { memoryFolder, removeFolder } from './places.ts'

let directory: string
let store: LocalStore
let account: string

beforeEach(async () => {
  directory = await memoryFolder()
  // Room for one listing of 2,500 messages, not for two.
  store = await openLocalStore({ directory, floorOctets: 0, listingCacheOctets: 300_000 })
  account = await accountId(store)
})

afterEach(async () => {
  await store.close()
  await removeFolder(directory)
})

/** Delivers so many copies, a hundred a mail. */
async function deliverMany(count: number, folder = 'inbox'): Promise<void> {
  for (let done = 0; done < count; done += 100) {
    const staged = await store.stage(randomMessage(10))
    await staged.commit(
      envelope(),
      Array.from({ length: Math.min(100, count - done) }, () => ({
        account,
        folder,
        prefix: new Uint8Array(0),
      })),
    )
  }
}

async function listing(folder = 'inbox', view: 'classic' | `device:${string}` = 'classic') {
  await using maildrop = await openMaildrop(store, { account, folder, view })
  return maildrop.listing
}

test('a listing of several pages is whole, in order, and continued when mail comes', async () => {
  await deliverMany(2500)
  const before = await listing()
  expect(before.count).toBe(2500)
  expect(new Set(before.ids).size).toBe(2500)
  expect([...before.ids].sort()).toEqual(before.ids)
  expect(await listing()).toBe(before)
  const id = await deliverOne(store, account, randomMessage(10))
  const after = await listing()
  expect(after.count).toBe(2501)
  expect(after.ids.slice(0, 2500)).toEqual(before.ids)
  expect(after.ids[2500]).toBe(id)
  expect(after.totalOctets).toBe(before.totalOctets + (after.sizes[2500] as number))
  expect(before.count, 'the old one is as it was').toBe(2500)
})

test('many sessions asking at once get the same listing', async () => {
  await deliverMany(2500)
  const keys = ['a', 'b', 'c', 'd'].map((name) => ({ ...inbox(account), view: `device:${name}` as const }))
  const maildrops = await Promise.all(keys.map((key) => openMaildrop(store, key)))
  for (const { listing } of maildrops) expect(listing.ids).toEqual(maildrops[0]?.listing.ids)
  for (const maildrop of maildrops) await maildrop[Symbol.asyncDispose]()
})

test('what mail comes while a long listing is read is in it wholly or not at all', async () => {
  await deliverMany(2500)
  const opening = openMaildrop(store, inbox(account))
  const delivering = deliverMany(100)
  const maildrop = await opening
  expect([2500, 2600]).toContain(maildrop.listing.count)
  await delivering
  await maildrop[Symbol.asyncDispose]()
  expect((await listing()).count).toBe(2600)
})

test('listings past the cache are made again, the least recently used first', async () => {
  await deliverMany(2500)
  await deliverMany(2500, 'lists')
  const first = await listing()
  await listing('lists')
  const again = await listing()
  expect(again).not.toBe(first)
  expect(again.ids).toEqual(first.ids)
})

test('a device that hides does not disturb the other views', async () => {
  await deliverMany(300)
  const classic = await listing()
  const phone = await openMaildrop(store, { ...inbox(account), view: 'device:phone' })
  expect(await phone.commit([...Array(299).keys()])).toEqual({ ok: true })
  await phone[Symbol.asyncDispose]()
  expect((await listing('inbox', 'device:phone')).ids).toEqual([classic.ids[299]])
  expect(await listing()).toBe(classic)
})

test('thousands of deletions are one step', async () => {
  await deliverMany(5000)
  const maildrop = await openMaildrop(store, inbox(account))
  const even = [...Array(5000).keys()].filter((i) => i % 2 === 0)
  expect(await maildrop.commit(even)).toEqual({ ok: true })
  expect(await maildrop.commit(even), 'again').toEqual({ ok: true })
  const expected = maildrop.listing.ids.filter((_, i) => i % 2 === 1)
  await maildrop[Symbol.asyncDispose]()
  expect((await listing()).ids).toEqual(expected)
  expect((await store.directory.usage(account)).messages).toBe(2500)
  expect((await store.verify()).problems).toEqual([])
})
