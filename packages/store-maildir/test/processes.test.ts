import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { MaildropStore } from '@restante/maildrop'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openMaildirStore } from '../src/index.ts'
import { type Child, startChild } from './child.ts'
import { accountId, deliverOne, inbox, openMaildrop, randomMessage } from './deliveries.ts'
import { memoryFolder, removeFolder } from './places.ts'

let directory: string
let store: MaildropStore
let account: string
let children: Child[]

beforeEach(async () => {
  directory = await memoryFolder()
  store = await openMaildirStore({ directory, floorOctets: 0 })
  account = await accountId(store)
  children = []
})

afterEach(async () => {
  for (const child of children) await child.kill()
  await store[Symbol.asyncDispose]()
  await removeFolder(directory)
})

async function child(): Promise<Child> {
  const started = startChild('./locking-process.ts', directory, account)
  children.push(started)
  await started.said('ready')
  return started
}

test('a maildrop open in another process is in use, until it is given back', async () => {
  const other = await child()
  expect(await other.ask('lock')).toMatch(/^locked /)
  expect(await store.open(inbox(account))).toEqual({ failed: 'in-use' })
  const device = await openMaildrop(store, { ...inbox(account), view: 'device:phone' })
  await device[Symbol.asyncDispose]()
  await other.ask('unlock')
  const mine = await openMaildrop(store, inbox(account))
  expect(await other.ask('lock')).toBe('in-use')
  await mine[Symbol.asyncDispose]()
})

test('what a killed process held is free at once: locks, claims', async () => {
  const other = await child()
  const token = Number((await other.ask('lock')).split(' ')[1])
  expect(await other.ask('claim role:learner')).toBe('claimed')
  expect(await store.claim('role:learner')).toBeNull()
  await other.kill()
  const mine = await openMaildrop(store, inbox(account))
  expect(mine.token).toBeGreaterThan(token)
  await mine[Symbol.asyncDispose]()
  const claim = await store.claim('role:learner')
  expect(claim?.name).toBe('role:learner')
  await claim?.[Symbol.asyncDispose]()
})

test('two processes race for one maildrop and are never in it together', async () => {
  const [one, two] = await Promise.all([child(), child()])
  expect(await Promise.all([one.ask('race 60'), two.ask('race 60')])).toEqual(['won 60', 'won 60'])
})

test('a session whose lock was lost deletes nothing', async () => {
  await deliverOne(store, account, randomMessage(100))
  const session = await openMaildrop(store, inbox(account))
  const other = await child()
  // As if the lock table was wiped under a running process.
  const table = new DatabaseSync(join(directory, 'restante.db'))
  table.exec('DELETE FROM held')
  table.close()
  expect(await other.ask('lock')).toMatch(/^locked /)
  expect(await session.commit([0])).toEqual({ failed: 'lost-lock' })
  expect((await store.directory.usage(account)).messages).toBe(1)
  await session[Symbol.asyncDispose]()
  expect(await store.open(inbox(account)), 'disposing gives only its own lock back').toEqual({
    failed: 'in-use',
  })
})

test('what another process delivers shows in the next listing', async () => {
  const other = await child()
  const before = await openMaildrop(store, inbox(account))
  expect(before.listing.count).toBe(0)
  await other.ask('deliver 5')
  expect(before.listing.count, 'an open maildrop is frozen').toBe(0)
  await before[Symbol.asyncDispose]()
  const after = await openMaildrop(store, inbox(account))
  expect(after.listing.count).toBe(5)
  await after[Symbol.asyncDispose]()
})

test('three processes deliver at once', async () => {
  const [one, two] = await Promise.all([child(), child()])
  const mine = Promise.all(Array.from({ length: 100 }, () => deliverOne(store, account, randomMessage(300))))
  expect(await Promise.all([one.ask('deliver 100'), two.ask('deliver 100')])).toEqual([
    'delivered 100',
    'delivered 100',
  ])
  await mine
  const maildrop = await openMaildrop(store, inbox(account))
  expect(maildrop.listing.count).toBe(300)
  expect(new Set(maildrop.listing.ids).size).toBe(300)
  await maildrop[Symbol.asyncDispose]()
})

test('several processes may be the first', async () => {
  const fresh = await memoryFolder()
  try {
    const started = Array.from({ length: 4 }, () =>
      startChild('./locking-process.ts', join(fresh, 'data'), 'none'),
    )
    children.push(...started)
    await Promise.all(started.map((each) => each.said('ready')))
    expect(await Promise.all(started.map((each) => each.ask('close')))).toEqual(Array(4).fill('closed'))
  } finally {
    await removeFolder(fresh)
  }
})

test('a poll of an unchanged maildrop writes no file and changes no row but its lock', async () => {
  await deliverOne(store, account, randomMessage(100))
  const look = async (): Promise<unknown> => {
    const maildrop = await openMaildrop(store, inbox(account))
    expect(maildrop.listing.count).toBe(1)
    expect(await maildrop.commit([])).toEqual({ ok: true })
    await maildrop[Symbol.asyncDispose]()
    const database = new DatabaseSync(join(directory, 'restante.db'))
    const rows = ['folders', 'copies', 'journal', 'hidden', 'held'].map((table) =>
      database.prepare(`SELECT * FROM ${table}`).all(),
    )
    database.close()
    const { ino, mtimeNs } = statSync(join(directory, 'mail/anna@acme.example/Maildir/restante-uidl'), {
      bigint: true,
    })
    return { rows, ino, mtimeNs }
  }
  const before = await look()
  for (let i = 0; i < 10; i++) expect(await look()).toEqual(before)
})

test('what one process deletes and another adopts never comes back', async () => {
  const [one, two] = await Promise.all([child(), child()])
  const maildir = join(directory, 'mail/anna@acme.example/Maildir')
  for (let i = 0; i < 20; i++) writeFileSync(join(maildir, 'new', `${i}.other`), `Subject: ${i}\n\nhi\n`)
  expect(await Promise.all([one.ask('empty'), two.ask('look 30')])).toEqual(['emptied 20', 'looked'])
  const maildrop = await openMaildrop(store, inbox(account))
  expect(maildrop.listing.count).toBe(0)
  await maildrop[Symbol.asyncDispose]()
  expect(readdirSync(join(maildir, 'new'))).toEqual([])
})
