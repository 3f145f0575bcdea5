import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bar } from '../src/progress.ts'
import { run } from './command.ts'

let folder: string
const cli = (...line: string[]) => run(folder, line)
const on = (data: string, ...line: string[]) => run(folder, [...line, '--data', data])
const dump = async (data: string, ...more: string[]) =>
  (await on(data, 'mail', 'dump', '--account', 'anna@acme.example', ...more)).stdout

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'restante-cli-'))
  await on('store', 'account', 'add', 'anna@acme.example', '--password', 'secret')
  await on('store', 'account', 'quota', 'anna@acme.example', '2GB')
  await on('store', 'account', 'devices', 'anna@acme.example', '--remove-after', '400d')
  for (const name of ['one', 'two']) {
    writeFileSync(join(folder, `${name}.eml`), `Subject: ${name}\r\n\r\nHello.\r\n`)
  }
  await on('store', 'deliver', '--to', 'anna@acme.example', 'one.eml', 'two.eml')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('store: stats, verify, compact', async () => {
  const [stats, verified, compacted, wrong] = await Promise.all([
    on('store', 'store', 'stats', '--json'),
    on('store', 'store', 'verify'),
    on('store', 'store', 'compact', '--dead-share', '0'),
    on('store', 'store', 'compact', '--dead-share', '2'),
  ])
  expect(JSON.parse(stats?.stdout ?? '')).toMatchObject({ accounts: 1, messages: 2, removedMessages: 0 })
  expect(verified).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^2 bodies \(.*\) read: all is well\.\n$/),
  })
  expect(compacted).toMatchObject({ code: 0, stdout: expect.stringMatching(/given back: /) })
  expect(wrong.code).toBe(2)
}, 60_000)

test('backup: create, verify, restore; the restored store is the same', async () => {
  const created = await on('store', 'backup', 'create', 'saved')
  expect(created.stdout).toMatch(/^2 messages of 1 accounts \(/)
  expect((await on('store', 'backup', 'create', 'saved')).code, 'not empty').toBe(1)
  expect(await cli('backup', 'verify', 'saved')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Opened, and 2 bodies .* it restores\.\n$/),
  })
  expect((await on('restored', 'backup', 'restore', 'saved')).code).toBe(0)
  expect(await dump('restored')).toBe(await dump('store'))
  expect((await on('restored', 'backup', 'restore', 'saved')).code, 'not empty').toBe(1)
}, 60_000)

test('backup restore --account: what is missing, and a whole account', async () => {
  await on('store', 'backup', 'create', 'kept')
  const before = await dump('store')
  const again = await on('store', 'backup', 'restore', 'kept', '--account', 'anna@acme.example', '--json')
  expect(JSON.parse(again.stdout)).toEqual({
    address: 'anna@acme.example',
    made: false,
    restored: 0,
    present: 2,
    failed: 0,
  })
  await on('store', 'account', 'erase', 'anna@acme.example', '--yes')
  const back = await on('store', 'backup', 'restore', 'kept', '--account', 'anna@acme.example')
  expect(back.stdout).toBe('anna@acme.example is back with 2 messages, its passwords and settings.\n')
  expect(await dump('store')).toBe(before)
  const quota = await on('store', 'account', 'quota', 'anna@acme.example', '--json')
  expect(JSON.parse(quota.stdout)).toMatchObject({ quotaOctets: 2e9, messages: 2 })
  const devices = await on('store', 'account', 'devices', 'anna@acme.example', '--json')
  expect(JSON.parse(devices.stdout)).toMatchObject({ removeAfter: '400d', own: true })
  expect((await on('store', 'backup', 'restore', 'kept', '--account', 'x@acme.example')).code).toBe(1)
}, 60_000)

test('damage is found, with exit code 1, and the index can be made again', async () => {
  await on('store', 'backup', 'create', 'whole', '--copy')
  expect((await on('hurt', 'backup', 'restore', 'whole')).code).toBe(0)
  expect((await on('hurt', 'store', 'rebuild-index')).code, 'without --yes').toBe(4)
  const rebuilt = await on('hurt', 'store', 'rebuild-index', '--yes', '--json')
  expect(JSON.parse(rebuilt.stdout)).toMatchObject({ records: 2, recovered: 0, lost: 0 })
  const [segment] = readdirSync(join(folder, 'whole/segments'))
  for (const place of ['hurt', 'whole']) truncateSync(join(folder, place, 'segments', segment ?? ''), 100)
  const verified = await on('hurt', 'store', 'verify')
  expect(verified).toMatchObject({ code: 1, stdout: expect.stringMatching(/^corrupt-body: message /) })
  const backup = await cli('backup', 'verify', 'whole')
  expect(backup).toMatchObject({ code: 1, stderr: expect.stringMatching(/is no whole backup: segment/) })
}, 60_000)

test('upgrade --check: up to date, older, newer', async () => {
  expect(await on('store', 'upgrade', '--check')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^index\.db +schema \d+ +is up to date\n[\s\S]*Nothing to do\.\n$/),
  })
  const database = new DatabaseSync(join(folder, 'store/model.db'))
  database.exec('PRAGMA user_version = 99')
  database.close()
  expect(await on('store', 'upgrade', '--check')).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/model\.db +schema 99 +is newer than this release/),
  })
  expect((await on('nowhere', 'upgrade', '--check')).code).toBe(3)
}, 60_000)

test('the progress bar', () => {
  expect(bar('Reading', 0, 0)).toBe('Reading [########################] 100 %  0 of 0')
  expect(bar('Reading', 50, 200)).toBe('Reading [######..................]  25 %  50 of 200')
  expect(bar('Reading', 199, 200)).toMatch(/] {2}99 % /)
})
