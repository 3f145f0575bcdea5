import { mkdtempSync, rmSync } from 'node:fs'
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
