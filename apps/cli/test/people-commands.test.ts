import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from './command.ts'

let folder: string
let data: readonly string[]
const withData = (...line: string[]) => run(folder, [...line, ...data])

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'restante-cli-'))
  data = ['--data', join(folder, 'store')]
  await withData('account', 'add', 'anna@acme.example', '--password', 'secret')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('devices: a table and the policy in a sentence', async () => {
  await withData('account', 'device', 'anna@acme.example', 'phone')
  const shown = await withData('account', 'devices', 'anna@acme.example')
  expect(shown.stdout).toMatch(
    /^DEVICE {14}SINCE {7}LAST PICK-UP {2}HIDDEN\n\(account password\) {2}\S{10} {2}never {9}0\nphone .*\n\nMail is removed once every device /,
  )
  const wrong = await withData('account', 'devices', 'anna@acme.example', '--remove-after', 'soon')
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/90d, or default, not “soon”/) })
  const own = await withData('account', 'devices', 'anna@acme.example', '--remove-after', '90d')
  expect(own.stdout).toMatch(/Mail is removed 90 days after it came\. \(This account.*own policy\.\)\n$/)
  const json = JSON.parse(
    (await withData('account', 'devices', 'anna@acme.example', '--remove-after', 'default', '--json')).stdout,
  )
  expect(json).toMatchObject({
    address: 'anna@acme.example',
    removeAfter: 'all_devices',
    own: false,
    devices: [
      { name: '', lastPickUpMs: null },
      { name: 'phone', lastPickUpMs: null, hiddenMessages: 0 },
    ],
  })
}, 60_000)

test('domains: add, list, remove', async () => {
  const added = await withData('domain', 'add', 'Büro.example', '--catch-all', 'anna@acme.example')
  expect(added).toMatchObject({ code: 0, stderr: '' })
  const listed = await withData('domain', 'list', '--json')
  const rows = listed.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(Buffer.from(line, 'latin1').toString()))
  expect(rows).toEqual([
    { name: 'acme.example', catchAll: null, accounts: 1 },
    { name: 'büro.example', catchAll: 'anna@acme.example', accounts: 0 },
  ])
  expect((await withData('domain', 'remove', 'acme.example')).code, 'somebody lives there').toBe(4)
  expect(await withData('domain', 'remove', 'büro.example')).toMatchObject({ code: 0 })
  expect(await withData('domain', 'remove', 'büro.example')).toMatchObject({ code: 1 })
  expect((await withData('domain', 'list')).stdout).toBe('acme.example  1 account\n')
}, 60_000)

test('aliases: add, list, remove', async () => {
  const added = await withData('alias', 'add', 'Office@acme.example', 'anna@acme.example', 'x@else.example')
  expect(added.stdout).toBe('Mail for office@acme.example goes to anna@acme.example, x@else.example.\n')
  expect(JSON.parse((await withData('alias', 'list', '--json')).stdout)).toEqual({
    address: 'office@acme.example',
    targets: ['anna@acme.example', 'x@else.example'],
  })
  expect((await withData('alias', 'add', 'anna@acme.example', 'x@else.example')).code).toBe(1)
  expect((await withData('alias', 'add', 'a@acme.example', 'a@acme.example')).code).toBe(2)
  expect((await withData('alias', 'remove', 'office@acme.example')).code).toBe(0)
  expect((await withData('alias', 'remove', 'office@acme.example')).code).toBe(1)
}, 60_000)

test('quota, export, erase', async () => {
  await withData('account', 'add', 'ben@acme.example', '--password', 'secret')
  const limited = await withData('account', 'quota', 'ben@acme.example', '2GB', '--messages', '500')
  expect(limited.stdout).toBe('ben@acme.example keeps 0 B (2.0 GB) in 0 messages (500).\n')
  expect((await withData('account', 'quota', 'ben@acme.example', 'lots')).code).toBe(2)
  const unlimited = await withData('account', 'quota', 'ben@acme.example', 'none', '--json')
  expect(JSON.parse(unlimited.stdout)).toMatchObject({ quotaOctets: null, quotaMessages: 500 })

  writeFileSync(join(folder, 'm.eml'), 'Subject: one\r\n\r\n.dot\r\n')
  await withData('deliver', '--to', 'ben@acme.example', '--verbatim', 'm.eml')
  await withData('deliver', '--to', 'ben@acme.example', '--verbatim', '--folder', 'lists', 'm.eml')
  const exported = await withData('account', 'export', 'ben@acme.example', 'out', '--json')
  expect(JSON.parse(exported.stdout)).toMatchObject({ messages: 2, octets: 44 })
  const about = JSON.parse(readFileSync(join(folder, 'out/restante-export.json'), 'utf8'))
  expect(about).toMatchObject({ format: 1, address: 'ben@acme.example', quotaMessages: 500 })
  expect(JSON.stringify(about)).not.toMatch(/argon2|verifier/)
  expect(about.messages.map((each: { folder: string }) => each.folder)).toEqual(['inbox', 'lists'])
  for (const { file } of about.messages)
    expect(readFileSync(join(folder, 'out', file), 'latin1')).toBe('Subject: one\r\n\r\n.dot\r\n')
  expect(readdirSync(join(folder, 'out', 'new'))).toEqual([])
  expect((await withData('account', 'export', 'ben@acme.example', 'out')).code, 'not empty').toBe(4)

  expect((await withData('account', 'erase', 'ben@acme.example')).code).toBe(4)
  expect((await withData('account', 'erase', 'ben@acme.example', '--yes')).stdout).toBe(
    'Removed ben@acme.example and 2 messages.\n',
  )
}, 60_000)
