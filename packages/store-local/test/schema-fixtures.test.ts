import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { deviceView, parseRecordQuery } from '@restante/maildrop'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLocalStore } from '../src/index.ts'
import { accountId, deliverOne, inbox, octetsOf, openMaildrop, randomMessage } from './deliveries.ts'
import { memoryFolder, removeFolder } from './places.ts'

const DATA = fileURLToPath(new URL('./data', import.meta.url))
const FIXED_MS = Date.UTC(2026, 10, 1, 8)
const PRESENT = 2

let directory: string

beforeEach(async () => {
  directory = await memoryFolder()
})

afterEach(() => removeFolder(directory))

function unpack(name: string): void {
  const folder = join(DATA, name)
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.gz')) continue
    const target = join(directory, file.slice(0, -'.gz'.length))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, gunzipSync(readFileSync(join(folder, file))))
  }
}

const fixtures = readdirSync(DATA).filter((name) => name.startsWith('schema-'))

test('every schema of the index has its fixture', () => {
  expect(fixtures.sort()).toEqual(Array.from({ length: PRESENT }, (_, i) => `schema-${i + 1}`))
})

test.each(fixtures)('%s opens with all that is in it, and goes on', async (name) => {
  unpack(name)
  await using store = await openLocalStore({ directory, now: () => FIXED_MS, floorOctets: 0 })
  const copies = readdirSync(directory).filter((file) => file.includes('.before-'))
  expect(copies.sort(), 'what was migrated is kept beside it').toEqual(
    name === `schema-${PRESENT}` ? [] : [`facts.before-2.db`, `index.before-${PRESENT}.db`],
  )
  const anna = await accountId(store)
  expect(await store.directory.account(anna)).toMatchObject({ quotaOctets: 2_000_000_000 })
  expect(await store.directory.domain('acme.example')).toMatchObject({ catchAll: 'anna@acme.example' })
  expect(await store.directory.alias('office@acme.example')).not.toBeNull()
  expect((await store.directory.credentials(anna)).map(({ device }) => device)).toEqual(['phone'])
  const classic = await openMaildrop(store, inbox(anna))
  expect(classic.listing.count).toBe(2)
  await classic[Symbol.asyncDispose]()
  const phone = await openMaildrop(store, { ...inbox(anna), view: deviceView('phone') })
  expect(phone.listing.count).toBe(1)
  await phone[Symbol.asyncDispose]()
  const held = []
  for await (const copy of store.copies(anna, 'quarantine')) held.push(copy)
  expect(held).toMatchObject([{ hold: { class: 'spam', reason: 'It looks like spam.' } }])
  expect(await store.records.get(held[0]?.id ?? '')).toMatchObject({ subject: 'Invoice for November' })
  const asked = parseRecordQuery('invoice from:builder attachment:pdf verdict:quarantine size:>1B', FIXED_MS)
  if ('wrong' in asked) throw new Error(asked.wrong)
  expect((await store.search(anna, asked.query)).found).toMatchObject([
    { id: held[0]?.id, folder: 'quarantine' },
  ])
  expect(Buffer.from((await octetsOf(store, held[0]?.id ?? '')) ?? []).toString()).toMatch(/held/)
  expect(await store.learning.lessons.head()).toBe(1)
  expect((await store.verify()).problems).toEqual([])
  await deliverOne(store, anna, randomMessage(100))
  expect((await store.directory.usage(anna)).messages).toBe(4)
})
