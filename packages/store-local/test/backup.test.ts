import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  checkSchemas,
  type LocalStore,
  openLocalStore,
  readBackup,
  restoreBackup,
  unfoldBackup,
} from '../src/index.ts'
import { accountId, deliverOne, octetsOf, randomMessage } from './deliveries.ts'
import { memoryFolder, removeFolder } from './places.ts'

let folder: string
const at = (name: string): string => join(folder, name)
const open = (name = 'store'): Promise<LocalStore> =>
  openLocalStore({ directory: at(name), floorOctets: 0, segmentMaxOctets: 20_000 })

beforeEach(async () => {
  folder = await memoryFolder()
})

afterEach(() => removeFolder(folder))

/** Every message of an account, by id. */
async function contents(store: LocalStore, account: string): Promise<ReadonlyMap<string, string>> {
  const all = new Map<string, string>()
  for await (const { id, folder } of store.copies(account)) {
    all.set(id, `${folder} ${Buffer.from((await octetsOf(store, id)) ?? []).toString('latin1')}`)
  }
  return all
}

async function fill(store: LocalStore, count: number): Promise<string> {
  const account = await accountId(store)
  for (let i = 0; i < count; i++) {
    await deliverOne(
      store,
      account,
      randomMessage(i === 3 ? 1_200_000 : 3000),
      i % 3 === 0 ? 'lists' : 'inbox',
    )
  }
  return account
}

test('the drill: back up while mail comes and goes, lose everything, restore, compare', async () => {
  const store = await open()
  const account = await fill(store, 20)
  await store.directory.setCredentials(account, '', [{ scheme: 'argon2id', verifier: 'v' }])
  const before = await contents(store, account)
  const progress: number[] = []
  const backing = store.backup(at('backup'), { onProgress: ({ segments }) => progress.push(segments) })
  const during = fill(store, 10)
  const report = await backing
  await during
  expect(report).toMatchObject({ accounts: 1, databases: ['index', 'model'] })
  expect(report.messages).toBeGreaterThanOrEqual(20)
  expect(report.linked, 'sealed segments are links').toBeGreaterThan(0)
  expect(progress).toEqual(report.segments.map((_, i) => i + 1))
  await store.close()
  rmSync(at('store'), { recursive: true })

  expect(await restoreBackup(at('backup'), at('restored'))).toEqual(report)
  await using restored = await open('restored')
  const after = await contents(restored, account)
  for (const [id, octets] of before) expect(after.get(id)).toBe(octets)
  expect(after.size).toBe(report.messages)
  expect((await restored.directory.credentials(account)).map(({ verifier }) => verifier)).toEqual(['v'])
  expect(await restored.verify()).toMatchObject({ problems: [] })
  await deliverOne(restored, account, randomMessage(100))
  await restored.compact({ deadShare: 0 })
  expect(await restored.verify()).toMatchObject({ problems: [] })
  const files = readdirSync(at('backup'), { recursive: true, withFileTypes: true })
  for (const file of files.filter((each) => each.isFile()))
    expect(statSync(join(file.parentPath, file.name)).mode & 0o077, file.name).toBe(0)
})

test('nothing is compacted while a backup is made, and a compacted store backs up', async () => {
  await using store = await open()
  const account = await fill(store, 20)
  const ids = [...(await contents(store, account)).keys()]
  for (const id of ids.slice(0, 15)) await store.discard(id, { account: null, by: 'command' })
  await store.expire(Date.now() + 8 * 86_400_000)
  const backing = store.backup(at('backup'))
  await expect(store.compact()).rejects.toMatchObject({ code: 'busy' })
  await backing
  await store.compact()
  expect(await store.backup(at('second'), { copy: true, records: true })).toMatchObject({
    linked: 0,
    databases: ['index', 'facts', 'model'],
    messages: 5,
  })
  for (const name of ['backup', 'second']) {
    const { directory, remove } = unfoldBackup(at(name))
    const shown = await openLocalStore({ directory, floorOctets: 0 })
    expect(await shown.verify(), name).toMatchObject({ problems: [] })
    expect((await contents(shown, account)).size).toBe(5)
    await shown.close()
    remove()
  }
})

test('the backup of a damaged store names the damage when it is looked at', async () => {
  const store = await open()
  await fill(store, 4)
  await store.close()
  const [segment] = readdirSync(at('store/segments'))
  const again = await open()
  await again.backup(at('backup'), { copy: true })
  await again.close()
  const copy = at(`backup/segments/${segment}`)
  const { size } = statSync(copy)
  truncateSync(copy, 200)
  expect(() => readBackup(at('backup'))).toThrow(/has 200 octets of/)
  appendFileSync(copy, Buffer.alloc(size))
  const { directory, remove } = unfoldBackup(at('backup'))
  const shown = await openLocalStore({ directory, floorOctets: 0 })
  expect((await shown.verify()).problems).not.toEqual([])
  await shown.close()
  remove()
})

test('what is no backup, or no empty folder, is refused with the reason', async () => {
  await using store = await open()
  await fill(store, 2)
  mkdirSync(at('full'))
  writeFileSync(at('full/x'), '')
  await expect(store.backup(at('full'))).rejects.toMatchObject({ code: 'busy' })
  expect(() => readBackup(at('full'))).toThrow(/restante-backup\.json is missing/)
  await store.backup(at('backup'))
  await expect(restoreBackup(at('backup'), at('store'))).rejects.toMatchObject({ code: 'busy' })
  rmSync(at('backup/model.db'))
  expect(() => readBackup(at('backup'))).toThrow(/model\.db is missing/)
})

test('the schemas of a store in use are read without opening it', async () => {
  await using _store = await open()
  const states = checkSchemas(at('store'))
  expect(states.map(({ database }) => database)).toEqual(['index', 'facts', 'model'])
  for (const { found, known, copyOctets } of states) expect([found, copyOctets]).toEqual([known, 0])
  expect(checkSchemas(at('nowhere'))[0]).toMatchObject({ found: null, copyOctets: 0 })
})
