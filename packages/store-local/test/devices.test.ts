import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { deviceView } from '@restante/maildrop'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLocalStore } from '../src/index.ts'
import { accountId, deliverOne, inbox, openMaildrop, randomMessage } from './deliveries.ts'
import { memoryFolder, removeFolder } from './places.ts'

const NOW_MS = Date.UTC(2026, 10, 1, 8)
let directory: string

beforeEach(async () => {
  directory = await memoryFolder()
})

afterEach(() => removeFolder(directory))

const open = () => openLocalStore({ directory, now: () => NOW_MS, floorOctets: 0, removeAfter: 'any_device' })

test('polls write nothing durable; expire does, once', async () => {
  await using store = await open()
  const account = await accountId(store)
  await deliverOne(store, account, randomMessage(100))
  const index = new DatabaseSync(join(directory, 'index.db'))
  const version = () => index.prepare('PRAGMA data_version').get()
  const before = version()
  for (const view of ['classic', deviceView('phone'), 'recent'] as const) {
    for (let i = 0; i < 5; i++) {
      await using maildrop = await openMaildrop(store, { ...inbox(account), view })
      await maildrop.commit([])
    }
  }
  expect(await store.devices(account)).toMatchObject([{ lastPickUpMs: NOW_MS }, { name: 'phone' }])
  expect(version()).toEqual(before)
  await store.expire(NOW_MS)
  expect(index.prepare('SELECT device, at_ms FROM pick_ups ORDER BY device').all()).toEqual([
    { device: '', at_ms: NOW_MS },
    { device: 'phone', at_ms: NOW_MS },
  ])
  index.close()
})

test('pick-ups outlive a restart of the machine', async () => {
  const store = await open()
  const account = await accountId(store)
  await (await openMaildrop(store, { ...inbox(account), view: deviceView('phone') }))[Symbol.asyncDispose]()
  await store.close()
  for (const name of readdirSync(directory)) if (name.startsWith('run')) rmSync(join(directory, name))
  await using again = await open()
  expect(await again.devices(account)).toMatchObject([
    { name: '', lastPickUpMs: null },
    { name: 'phone', lastPickUpMs: NOW_MS },
  ])
})

test('an erased account leaves no trace of its devices', async () => {
  await using store = await open()
  const account = await accountId(store)
  await (await openMaildrop(store, { ...inbox(account), view: deviceView('phone') }))[Symbol.asyncDispose]()
  await store.devices(account)
  await (await openMaildrop(store, { ...inbox(account), view: deviceView('laptop') }))[Symbol.asyncDispose]()
  await store.expire(NOW_MS)
  await store.directory.eraseAccount(account)
  const run = readdirSync(directory).find((name) => /^run.*\.db$/.test(name)) ?? ''
  for (const file of ['index.db', run]) {
    const database = new DatabaseSync(join(directory, file))
    expect(database.prepare('SELECT count(*) AS v FROM pick_ups').get(), file).toEqual({ v: 0 })
    database.close()
  }
})

test('another process sees what was noted here, and applies the policy of all', async () => {
  await using pop3d = await open()
  await using learner = await open()
  const account = await accountId(pop3d)
  const id = await deliverOne(pop3d, account, randomMessage(100))
  const phone = await openMaildrop(pop3d, { ...inbox(account), view: deviceView('phone') })
  await phone.commit([0])
  await phone[Symbol.asyncDispose]()
  await pop3d.devices(account)
  expect(await learner.devices(account)).toMatchObject([{}, { name: 'phone', lastPickUpMs: NOW_MS }])
  expect(await learner.removeAfter(account)).toEqual({ own: null, applied: 'any_device' })
  expect(await learner.expire(NOW_MS)).toMatchObject({ retired: 1 })
  expect(await pop3d.find(id)).toBeNull()
})
