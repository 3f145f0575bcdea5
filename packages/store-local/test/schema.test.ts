import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Connection } from '../src/connection.ts'
import { openLocalStore } from '../src/index.ts'
import { migrateWith } from '../src/schema.ts'
import { accountId, deliverOne, randomMessage } from './deliveries.ts'
import { memoryFolder, removeFolder } from './places.ts'

let directory: string

beforeEach(async () => {
  directory = await memoryFolder()
})

afterEach(() => removeFolder(directory))

test('folder and files are for the owner only', async () => {
  const data = join(directory, 'data')
  const umask = process.umask(0)
  try {
    await using store = await openLocalStore({ directory: data, floorOctets: 0 })
    const account = await accountId(store)
    await deliverOne(store, account, randomMessage(100))
    await using _staged = await store.stage(randomMessage(1_500_000))
    expect(statSync(data).mode & 0o777).toBe(0o700)
    const files = readdirSync(data, { recursive: true, withFileTypes: true })
    expect(files.length).toBeGreaterThan(8)
    for (const file of files) {
      const mode = statSync(join(file.parentPath, file.name)).mode & 0o777
      expect(mode, file.name).toBe(file.isDirectory() ? 0o700 : 0o600)
    }
  } finally {
    process.umask(umask)
  }
})

for (const name of ['index', 'facts', 'model']) {
  test(`a newer ${name}.db is refused, with what to do, and left as it is`, async () => {
    await (await openLocalStore({ directory, floorOctets: 0 })).close()
    const database = new DatabaseSync(join(directory, `${name}.db`))
    database.exec('PRAGMA user_version = 99')
    database.close()
    await expect(openLocalStore({ directory, floorOctets: 0 })).rejects.toMatchObject({
      name: 'StoreError',
      code: 'newer-schema',
      message: expect.stringMatching(/schema 99 .*restore the backup made before the upgrade/),
    })
    const after = new DatabaseSync(join(directory, `${name}.db`))
    expect(after.prepare('PRAGMA user_version').get()).toEqual({ user_version: 99 })
    after.close()
  })
}

test('a file that is no database is refused as corrupt', async () => {
  const { writeFileSync } = await import('node:fs')
  writeFileSync(join(directory, 'index.db'), 'x'.repeat(5000))
  await expect(openLocalStore({ directory, floorOctets: 0 })).rejects.toMatchObject({ code: 'corrupt' })
})

test('migrations run once, in order, and keep what was there before beside it', () => {
  const steps = ['CREATE TABLE a (x INTEGER)', 'ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1']
  const connect = (): Connection => new Connection(join(directory, 'index.db'), 'FULL', 1000)
  const first = connect()
  migrateWith(first, 'index', directory, steps.slice(0, 1))
  first.run('INSERT INTO a VALUES (1)')
  first.close()
  const second = connect()
  migrateWith(second, 'index', directory, steps)
  migrateWith(second, 'index', directory, steps)
  expect(second.get('SELECT x, y FROM a')).toEqual({ x: 1, y: 2 })
  second.close()
  const before = new Connection(join(directory, 'index.before-2.db'), 'OFF', 1000)
  expect(before.get('SELECT * FROM a')).toEqual({ x: 1 })
  before.close()
})

test('a migration that fails changes nothing', () => {
  const connection = new Connection(join(directory, 'index.db'), 'FULL', 1000)
  migrateWith(connection, 'index', directory, ['CREATE TABLE a (x INTEGER)'])
  expect(() =>
    migrateWith(connection, 'index', directory, [
      'CREATE TABLE a (x INTEGER)',
      'CREATE TABLE b (x INTEGER); CREATE TABLE a (x INTEGER)',
    ]),
  ).toThrow(/already exists/)
  expect(connection.get('PRAGMA user_version')).toEqual({ user_version: 1 })
  expect(connection.get("SELECT name FROM sqlite_schema WHERE name = 'b'")).toBeUndefined()
  connection.close()
})
