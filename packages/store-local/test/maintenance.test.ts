import {
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Actor } from '@restante/maildrop'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type LocalStore, openLocalStore, RECOVERED, rebuildIndex } from '../src/index.ts'
import {
  accountId,
  deliverOne,
  envelope,
  inbox,
  octetsOf,
  openMaildrop,
  randomMessage,
} from './deliveries.ts'
import { memoryFolder, removeFolder } from './places.ts'

const ADMIN: Actor = { account: null, by: 'command' }
const DAY_MS = 86_400_000

let directory: string
let nowMs: number
let store: LocalStore
let account: string
let events: string[]

const open = (): Promise<LocalStore> =>
  openLocalStore({
    directory,
    floorOctets: 0,
    segmentMaxOctets: 50_000,
    now: () => nowMs,
    log: (event) => events.push(event),
  })
const segments = (): string[] => readdirSync(join(directory, 'segments')).sort()
const segmentOctets = (): number =>
  segments().reduce((sum, name) => sum + statSync(join(directory, 'segments', name)).size, 0)
async function reopen(): Promise<void> {
  await store.close()
  store = await open()
}

beforeEach(async () => {
  directory = await memoryFolder()
  nowMs = Date.now()
  events = []
  store = await open()
  account = await accountId(store)
})

afterEach(async () => {
  await store.close()
  await removeFolder(directory)
})

/** Delivers so many messages of about 10 KB. */
async function deliverMany(count: number): Promise<Map<string, Uint8Array>> {
  const stored = new Map<string, Uint8Array>()
  for (let i = 0; i < count; i++) {
    const octets = randomMessage(10_000)
    stored.set(await deliverOne(store, account, octets), octets)
  }
  return stored
}

async function expectThere(stored: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [id, octets] of stored) expect(await octetsOf(store, id)).toEqual(new Uint8Array(octets))
}

/** Removes for good, a week and more passing. */
async function removeForGood(ids: readonly string[]): Promise<void> {
  for (const id of ids) await store.discard(id, ADMIN)
  nowMs += 8 * DAY_MS
  await store.expire(nowMs)
}

/** Overwrites octets of a segment file. */
function damage(name: string, position: number, octets: Uint8Array): void {
  const fd = openSync(join(directory, 'segments', name), 'r+')
  writeSync(fd, octets, 0, octets.length, position)
  closeSync(fd)
}

describe('compaction', () => {
  test('gives the octets of removed mail back and keeps the rest, ids and all', async () => {
    const stored = await deliverMany(40)
    const large = randomMessage(1_200_000)
    const largeId = await deliverOne(store, account, large)
    const gone = [...stored.keys()].filter((_, i) => i % 4 !== 0)
    await removeForGood([...gone, largeId])
    for (const id of gone) stored.delete(id)
    await reopen()
    const before = segmentOctets()
    const report = await store.compact()
    expect(report.bodies).toBe(stored.size)
    expect(report.corrupt).toBe(0)
    expect(report.freedOctets).toBe(before - segmentOctets())
    expect(segmentOctets()).toBeLessThan(before / 3)
    await expectThere(stored)
    expect((await store.verify()).problems).toEqual([])
    expect(await store.compact(), 'nothing is left to do').toMatchObject({ segments: 0, bodies: 0 })
    await reopen()
    await expectThere(stored)
  })

  test('leaves alone what an open maildrop may still show', async () => {
    const stored = await deliverMany(10)
    const session = await openMaildrop(store, inbox(account))
    await removeForGood([...stored.keys()])
    await reopenBeside(async (other) => {
      await other.compact({ deadShare: 0 })
      for (let i = 0; i < session.listing.count; i++) {
        expect(await session.readAt(i, 0, 1_000_000)).toEqual(
          new Uint8Array(stored.get(session.listing.ids[i] as string) as Uint8Array),
        )
      }
      await session[Symbol.asyncDispose]()
    })
    await reopen()
    await store.compact()
    expect(segmentOctets()).toBe(0)
  })

  test('a reader in the middle of a message reads on while its segment is rewritten', async () => {
    const stored = await deliverMany(8)
    const [first, second] = [...stored.keys()] as [string, string]
    await removeForGood([...stored.keys()].slice(2))
    const session = await openMaildrop(store, inbox(account))
    const start = await session.readAt(0, 0, 4000)
    const stream = (await store.read(second)) as AsyncIterable<Uint8Array>
    // The open segment is sealed by closing its writer: here by another opener taking over after a pretended crash.
    await reopenBeside(async (other) => {
      await deliverOne(other, account, randomMessage(10))
    })
    const rest = await session.readAt(0, 4000, 1_000_000)
    expect(Buffer.concat([start, rest])).toEqual(Buffer.from(stored.get(first) as Uint8Array))
    const chunks: Uint8Array[] = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(Buffer.concat(chunks)).toEqual(Buffer.from(stored.get(second) as Uint8Array))
    await session[Symbol.asyncDispose]()
  })

  test('merges many small segments', async () => {
    const stored = new Map<string, Uint8Array>()
    for (let i = 0; i < 17; i++) {
      const octets = randomMessage(500)
      stored.set(await deliverOne(store, account, octets), octets)
      await reopen()
    }
    expect(segments().length).toBe(17)
    await store.compact()
    expect(segments().length).toBe(1)
    await expectThere(stored)
  })

  test('a body whose octets are damaged stays where it is, and is named', async () => {
    const stored = await deliverMany(3)
    const [bad, dead, good] = [...stored.keys()] as [string, string, string]
    await removeForGood([dead])
    await reopen()
    const [name] = segments() as [string]
    damage(name, 16 + 52 + 100, Buffer.from('damaged'))
    expect(await store.compact({ deadShare: 0 })).toMatchObject({ corrupt: 1, bodies: 1 })
    expect(events).toContain('store-body-corrupt')
    expect(segments()).toContain(name)
    expect(await octetsOf(store, good)).toEqual(new Uint8Array(stored.get(good) as Uint8Array))
    await expect(octetsOf(store, bad)).rejects.toMatchObject({ code: 'corrupt' })
  })

  test('one process at a time', async () => {
    await deliverMany(3)
    const claim = await store.claim('store:compaction')
    await expect(store.compact()).rejects.toMatchObject({ code: 'busy' })
    await claim?.[Symbol.asyncDispose]()
  })

  async function reopenBeside(work: (other: LocalStore) => Promise<void>): Promise<void> {
    const other = await open()
    try {
      await work(other)
    } finally {
      await other.close()
    }
  }
})

describe('verification', () => {
  test('a sound store has no problems, and progress is told', async () => {
    await deliverMany(5)
    const seen: number[] = []
    const report = await store.verify({ onProgress: ({ bodies }) => seen.push(bodies) })
    expect(report).toMatchObject({ bodies: 5, problems: [] })
    expect(seen.at(-1)).toBe(5)
  })

  test('a damaged body is reported by id and account, and everything else keeps working', async () => {
    const stored = await deliverMany(3)
    const [bad, ...others] = [...stored.keys()] as [string, string, string]
    damage((segments() as [string])[0], 16 + 52 + 100, Buffer.from('damaged'))
    const { problems } = await store.verify()
    expect(problems).toEqual([
      { kind: 'corrupt-body', detail: expect.stringContaining(`${bad} of anna@acme.example`) },
    ])
    const maildrop = await openMaildrop(store, inbox(account))
    expect(maildrop.listing.count).toBe(3)
    expect(() => maildrop.readAt(0, 0, 1_000_000)).toThrow(
      expect.objectContaining({ code: 'corrupt', message: expect.stringContaining(bad) }),
    )
    for (const [i, id] of others.entries()) {
      expect(await maildrop.readAt(i + 1, 0, 1_000_000)).toEqual(new Uint8Array(stored.get(id) as Uint8Array))
    }
    await maildrop[Symbol.asyncDispose]()
    await deliverOne(store, account, randomMessage(10))
  })

  test('a missing segment and an unknown one are reported', async () => {
    await deliverMany(1)
    await reopen()
    const [name] = segments() as [string]
    const path = join(directory, 'segments', name)
    copyFileSync(path, join(directory, 'segments', 'STRANGER-1-1.seg'))
    rmSync(path)
    const { problems } = await store.verify()
    expect(problems.map(({ kind }) => kind).sort()).toEqual([
      'corrupt-body',
      'missing-segment',
      'unknown-segment',
    ])
    await reopen()
    expect(events).toContain('store-index-old')
  })

  test('statistics count what is there', async () => {
    const stored = await deliverMany(4)
    await store.discard([...stored.keys()][0] as string, ADMIN)
    expect(await store.stats()).toMatchObject({
      accounts: 1,
      messages: 3,
      removedMessages: 1,
      bodies: 4,
      held: 0,
      records: 0,
    })
  })
})

describe('leftovers of dead processes', () => {
  test('bodies staged but never committed are removed by the next opener', async () => {
    const staged = await store.stage(randomMessage(1_500_000))
    const [name] = segments() as [string]
    const copy = readFileSync(join(directory, 'segments', name))
    await staged.discard()
    expect(segments()).toEqual([])
    const { writeFileSync } = await import('node:fs')
    writeFileSync(join(directory, 'segments', '00000000000000000000000000-b1.seg'), copy)
    await reopen()
    expect(segments()).toEqual([])
    expect(events).toContain('store-leftovers-removed')
  })

  test('those of this and other living processes stay', async () => {
    const staged = await store.stage(randomMessage(1_500_000))
    const other = await open()
    await other.close()
    expect(segments().length).toBe(1)
    const [outcome] = await staged.commit(envelope(), [
      { account, folder: 'inbox', prefix: new Uint8Array(0) },
    ])
    expect(outcome).toHaveProperty('stored')
  })
})

describe('rebuilding the index', () => {
  test('from a backup: known mail where it was, newer mail in folder recovered', async () => {
    const before = await deliverMany(5)
    const backup = join(directory, 'index-backup.db')
    await store.backupIndex(backup)
    const after = await deliverMany(3)
    const prefix = Buffer.from('X-Prefix: yes\r\n')
    const body = Buffer.from('Subject: old\r\n\r\nhi\r\n')
    const staged = await store.stage(body)
    const splice = { offset: 9, length: 3, replacement: Buffer.from('[tagged] new') }
    await staged.commit(envelope(), [{ account, folder: 'inbox', prefix, splice }])
    await store.close()
    expect(await rebuildIndex({ directory, backup })).toMatchObject({
      records: 9,
      recovered: 4,
      lost: 0,
      accounts: 0,
    })
    store = await open()
    await expectThere(before)
    expect((await store.verify()).problems).toEqual([])
    const recovered = await openMaildrop(store, { account, folder: RECOVERED, view: 'classic' })
    expect(recovered.listing.count).toBe(4)
    const texts: string[] = []
    for (let i = 0; i < 4; i++)
      texts.push(Buffer.from(await recovered.readAt(i, 0, 1_000_000)).toString('latin1'))
    expect(texts.sort()).toEqual(
      [
        ...[...after.values()].map((octets) => Buffer.from(octets).toString('latin1')),
        'X-Prefix: yes\r\nSubject: [tagged] new\r\n\r\nhi\r\n',
      ].sort(),
    )
    await recovered[Symbol.asyncDispose]()
    const kept = await openMaildrop(store, inbox(account))
    expect([...kept.listing.ids].sort()).toEqual([...before.keys()].sort())
    await kept[Symbol.asyncDispose]()
  })

  test('an old index put in place by hand is noticed, and nothing is removed until it is rebuilt', async () => {
    await deliverMany(1)
    await store.close()
    const backup = readFileSync(join(directory, 'index.db'))
    store = await open()
    const after = await deliverMany(2)
    await store.close()
    const { renameSync, utimesSync, writeFileSync } = await import('node:fs')
    writeFileSync(join(directory, 'index.db'), backup)
    // Its process is gone by then; in this test it is this very one.
    const newer = join(directory, 'segments', segments().at(-1) as string)
    renameSync(newer, join(directory, 'segments', '00000000000000000000000001-1-1.seg'))
    events = []
    store = await open()
    expect(events).toContain('store-index-old')
    await deliverMany(1)
    await expect(store.compact({ deadShare: 0 })).rejects.toMatchObject({ code: 'corrupt' })
    await reopen()
    await expect(store.compact({ deadShare: 0 }), 'still').rejects.toMatchObject({ code: 'corrupt' })
    await store.close()
    expect(await rebuildIndex({ directory })).toMatchObject({ recovered: 2, lost: 0 })
    store = await open()
    await store.compact({ deadShare: 0 })
    const recovered = await openMaildrop(store, { account, folder: RECOVERED, view: 'classic' })
    expect(recovered.listing.count).toBe(after.size)
    await recovered[Symbol.asyncDispose]()

    // The same where the file is one the index knows as open, but was written long after.
    await store.close()
    const later = readFileSync(join(directory, 'index.db'))
    store = await open()
    await deliverMany(1)
    const [name] = segments().slice(-1) as [string]
    await store.close()
    const { DatabaseSync } = await import('node:sqlite')
    writeFileSync(join(directory, 'index.db'), later)
    const index = new DatabaseSync(join(directory, 'index.db'))
    const dead = '00000000000000000000000000-1-1.seg'
    index.prepare('INSERT INTO segments (name, state, created_at_ms, octets) VALUES (?, 0, 0, 0)').run(dead)
    index.close()
    const path = join(directory, 'segments', dead)
    writeFileSync(path, readFileSync(join(directory, 'segments', name)))
    rmSync(join(directory, 'segments', name))
    utimesSync(path, new Date(), new Date(Date.now() + 2 * 3_600_000))
    events = []
    store = await open()
    expect(events).toContain('store-index-old')
    expect(segments()).toContain(dead)
    await store.close()
    expect(await rebuildIndex({ directory })).toMatchObject({ recovered: 1, lost: 0 })
    store = await open()
  })

  test('from nothing: every account and every message, in folder recovered', async () => {
    const stored = await deliverMany(4)
    await store.close()
    for (const name of readdirSync(directory)) if (name.startsWith('index.db')) rmSync(join(directory, name))
    expect(await rebuildIndex({ directory })).toMatchObject({ recovered: 4, accounts: 1 })
    store = await open()
    const anna = await store.directory.accountByAddress('anna@acme.example')
    expect(anna?.id).toBe(account)
    const recovered = await openMaildrop(store, { account, folder: RECOVERED, view: 'classic' })
    expect(recovered.listing.count).toBe(stored.size)
    await recovered[Symbol.asyncDispose]()
    expect((await store.verify()).problems).toEqual([])
  })

  test('mail removed for good long before does not come back', async () => {
    const stored = await deliverMany(4)
    const [gone, ...left] = [...stored.keys()] as [string, ...string[]]
    await removeForGood([gone])
    await store.close()
    // The index says when it last changed; make that long after the mail came.
    const { DatabaseSync } = await import('node:sqlite')
    const index = new DatabaseSync(join(directory, 'index.db'))
    index.exec(`UPDATE sequence SET value = ${Date.now() + 30 * DAY_MS} WHERE name = 'changed_ms'`)
    index.close()
    expect(await rebuildIndex({ directory })).toMatchObject({ records: 4, recovered: 0, lost: 0 })
    store = await open()
    for (const id of left) expect(await octetsOf(store, id)).not.toBeNull()
    expect(await octetsOf(store, gone)).toBeNull()
  })

  test('damage in a segment costs the damaged record only', async () => {
    await deliverMany(4)
    await store.close()
    const [name] = segments() as [string]
    damage(name, 16 + 4, Buffer.alloc(30, 0xee))
    for (const each of readdirSync(directory)) if (each.startsWith('index.db')) rmSync(join(directory, each))
    expect(await rebuildIndex({ directory })).toMatchObject({ records: 3, recovered: 3 })
    store = await open()
  })

  test('not while the store is open, and nobody opens it meanwhile', async () => {
    await expect(rebuildIndex({ directory })).rejects.toMatchObject({ code: 'busy' })
    await deliverMany(1)
    await store.close()
    const rebuilding = rebuildIndex({ directory })
    await expect(open()).rejects.toMatchObject({ code: 'busy' })
    await rebuilding
    store = await open()
    expect((await store.directory.usage(account)).messages).toBe(1)
  })
})
