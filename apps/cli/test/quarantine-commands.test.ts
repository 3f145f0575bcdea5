import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HoldClass, MessageRecord } from '@restante/maildrop'
import { openLocalStore } from '@restante/store-local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from './command.ts'

let folder: string
let data: readonly string[]
const withData = (...line: string[]) => run(folder, [...line, ...data])
const lines = (text: string) =>
  text === ''
    ? []
    : text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))

async function hold(subject: string, kind: HoldClass): Promise<string> {
  await using store = await openLocalStore({ directory: join(folder, 'store') })
  const account = await store.directory.accountByAddress('anna@acme.example')
  const staged = await store.stage(Buffer.from(`Subject: ${subject}\r\n\r\nHello.\r\n`))
  const receivedAtMs = Date.now()
  const record: MessageRecord = {
    receivedAtMs,
    clientIp: '192.0.2.1',
    helo: 'x',
    reversePath: '',
    recipient: 'anna@acme.example',
    sizeOctets: 30,
    from: 'DHL <parcel@cheap.example>',
    subject,
    messageId: '',
    attachments: [],
    verdict: {
      disposition: 'quarantine',
      score: 11.5,
      threshold: 9,
      symbols: [{ symbol: 'LINK_TEXT_LIES', score: 3, why: 'A link lies.' }],
      skipped: [],
    },
    spamProbability: null,
    judgedBy: 'rules 1',
  }
  const [outcome] = await staged.commit(
    {
      reversePath: null,
      recipients: [],
      clientIp: '',
      helo: '',
      receivedAtMs,
      protocol: 'local',
      tls: null,
      authenticatedAs: null,
      sessionId: 'test',
    },
    [
      {
        account: account?.id ?? '',
        folder: 'quarantine',
        prefix: new Uint8Array(0),
        hold: { class: kind, reason: 'A link lies.', expiresAtMs: null },
        record,
      },
    ],
  )
  if (outcome === undefined || 'failed' in outcome) throw new Error('not held')
  return outcome.stored.id
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'restante-cli-'))
  data = ['--data', join(folder, 'store')]
  await withData('account', 'add', 'anna@acme.example', '--password', 'secret')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('held mail is listed, shown, released, deleted', async () => {
  expect((await withData('quarantine', 'list')).stdout).toBe('Nothing is held.\n')
  const spam = await hold('Your parcel', 'spam')
  const virus = await hold('Invoice', 'malware')
  const listed = await withData('quarantine', 'list')
  expect(listed.stdout).toMatch(
    /^anna@acme\.example\n {2}\S{26} {2}.* {2}spam .*DHL {2}Your parcel\n {2}.*malware/,
  )
  for (const line of listed.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
  expect(
    lines((await withData('quarantine', 'list', '--account', 'anna@acme.example', '--json')).stdout),
  ).toMatchObject([
    { id: spam, hold: { class: 'spam' }, subject: 'Your parcel', score: 11.5 },
    { id: virus, hold: { class: 'malware' } },
  ])
  const shown = await withData('quarantine', 'show', spam)
  expect(shown.stdout).toMatch(
    /Reason {4}A link lies\.\n[\s\S]*Score {5}11\.5 of 9 needed\n[\s\S]*\+3 {6}LINK_TEXT_LIES/,
  )

  const refused = await withData('quarantine', 'release', spam, virus)
  expect(refused).toMatchObject({ code: 4, stdout: '', stderr: expect.stringMatching(/held as malware/) })
  const released = lines((await withData('quarantine', 'release', spam, '--json')).stdout)
  expect(released).toMatchObject([{ id: spam, account: 'anna@acme.example' }])
  expect((await withData('quarantine', 'release', released[0].released)).stderr).toMatch(
    /is not held; it is in inbox/,
  )
  const deleted = await withData('quarantine', 'delete', virus)
  expect(deleted.stdout).toMatch(/^Deleted \S{26}\. For 7 days: restante mail undelete /)
  expect((await withData('quarantine', 'delete', virus)).code).toBe(1)
  expect((await withData('mail', 'dump', '--account', 'anna@acme.example')).stdout).toBe(
    'MSG 32\nSubject: Your parcel\r\n\r\nHello.\r\n',
  )

  const trash = lines(
    (await withData('mail', 'list', '--account', 'anna@acme.example', '--removed', '--json')).stdout,
  )
  expect(trash).toMatchObject([{ id: virus, folder: 'quarantine', removedAtMs: expect.any(Number) }])
  const back = await withData('mail', 'undelete', virus)
  expect(back.stdout).toMatch(/^Back in quarantine of anna@acme\.example as \S{26}\.\n$/)
  expect((await withData('mail', 'undelete', virus)).stderr).toMatch(/There is no removed message/)
}, 60_000)

test('mail list: of a folder, for people and programs', async () => {
  writeFileSync(join(folder, 'm.eml'), 'Subject: x\r\n\r\n')
  await withData('deliver', '--to', 'anna@acme.example', '--folder', 'lists', 'm.eml')
  const listed = await withData('mail', 'list', '--account', 'anna@acme.example', '--folder', 'lists')
  expect(listed.stdout).toMatch(/^\S{26} {2}\S{10} \S{5} {2}lists {2}\d+ B {4}\(no record\)\n$/)
  const all = lines((await withData('mail', 'list', '--account', 'anna@acme.example', '--json')).stdout)
  expect(all.map(({ folder }) => folder)).toEqual(['inbox', 'quarantine', 'lists'])
}, 60_000)

test('mail find: over records, by account, for people and programs', async () => {
  const id = await hold('Findable offer', 'bulk')
  const shown = await withData('mail', 'find', 'from:dhl', 'subject:"findable off*"')
  expect(shown.stdout).toMatch(
    /^\S{26} {2}\S{5} \S{5} {2}quarantine {2}anna@acme\S+ {2}DHL {2}Findable offer\n$/,
  )
  const json = await withData('mail', 'find', `id:${id.slice(0, 24)} verdict:quarantine after:1d`, '--json')
  expect(lines(json.stdout)).toMatchObject([
    { id, account: 'anna@acme.example', folder: 'quarantine', disposition: 'quarantine' },
  ])
  expect(await withData('mail', 'find', 'nowhere')).toMatchObject({ code: 1, stdout: 'Nothing found.\n' })
  expect(await withData('mail', 'find', 'sender:x')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/no sender: to search by/),
  })
}, 60_000)
