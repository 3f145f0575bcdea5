import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLocalStore } from '@restante/store-local'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { run } from './command.ts'

// Every test starts processes, and a busy machine starts them slowly.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let folder: string
let data: readonly string[]
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text, 'latin1')
  return name
}
const cli = (...line: string[]) => run(folder, line)
const withData = (...line: string[]) => cli(...line, ...data)
const dump = async (...more: string[]) =>
  (await withData('mail', 'dump', '--account', 'anna@acme.example', ...more)).stdout
const messages = (text: string): string[] => {
  const found: string[] = []
  for (let at = 0; at < text.length; ) {
    const head = /^MSG (\d+)\n/.exec(text.slice(at, at + 30))
    if (!head) throw new Error(`no MSG line at ${at}: ${text.slice(at, at + 40)}`)
    const start = at + head[0].length
    at = start + Number(head[1])
    found.push(text.slice(start, at))
  }
  return found
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'restante-cli-'))
  data = ['--data', join(folder, 'store')]
  const added = await withData('account', 'add', 'anna@acme.example', '--password', 'secret')
  expect(added).toEqual({ code: 0, stdout: 'Added anna@acme.example.\n', stderr: '' })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each<readonly [readonly string[], number, RegExp]>([
  [['hlep'], 2, /^restante: Unknown command “hlep”\. Did you mean “help”\? See: restante help\n$/],
  [['dve'], 2, /Did you mean “dev”\?/],
  [['xyzzy'], 2, /^restante: Unknown command “xyzzy”\. See: restante help\n$/],
  [['dev', '--acount', 'a@b:c'], 2, /^restante: Unknown option --acount\. Did you mean --account\?\n$/],
  [['dev', '--smtp', 'twenty'], 2, /--smtp takes a port/],
  [['dev', '--store', 'maildir'], 2, /--store maildir/],
  [['serve', 'nobody'], 2, /serve takes one role or none: receiver, pop3d, learner\./],
  [['account'], 2, /^restante: Usage: restante account add ADDRESS/],
  [['account', 'add', 'anna'], 2, /“anna” is not an address/],
  [['deliver', 'x.eml'], 2, /^restante: Usage: restante deliver --to ADDRESS/],
  [['mail'], 2, /Usage: restante mail dump/],
  [['learn', 'maybe', 'x'], 2, /Usage: restante learn ham\|spam/],
  [['explain'], 2, /Usage: restante explain FILE\|ID/],
  [['account', 'list', '--data', 'nowhere'], 3, /No store at .*nowhere\. Name it with --data DIR/],
  [['send-test', 'a@b.example', '--data', 'nowhere'], 3, /Nothing is running on .*nowhere/],
  [['reload', '--data', 'nowhere'], 3, /Nothing is running on .*nowhere/],
  [['config', 'check', 'none.yaml'], 2, /Cannot read none\.yaml/],
])('wrong: %j ends with %d', async (line, code, message) => {
  const ended = await run(folder, line)
  expect(ended).toMatchObject({ code, stdout: '' })
  expect(ended.stderr).toMatch(message)
  expect(ended.stderr).not.toMatch(/\n {4}at /)
})

test('help wherever it is asked for, and the version', async () => {
  const [bare, help, inside, version] = await Promise.all([
    cli(),
    cli('help'),
    cli('dev', '--help'),
    cli('--version'),
  ])
  expect(bare).toMatchObject({ code: 2, stdout: help?.stdout })
  expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('restante send-test ADDRESS') })
  expect(inside).toEqual(help)
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

describe('accounts', () => {
  test('add, list, password, remove', async () => {
    const made = await withData('account', 'add', 'Ben@acme.example')
    expect(made.stdout).toMatch(
      /^Added ben@acme\.example\. Password: [a-z]{4}(-[a-z]{4}){5} \(shown only now\)\n$/,
    )
    expect(await withData('account', 'add', 'ben@acme.example')).toMatchObject({ code: 1, stdout: '' })
    const listed = await withData('account', 'list')
    expect(listed.stdout).toMatch(
      /^anna@acme\.example {2}\d+ messages? {2}.*\nben@acme\.example {3}0 messages {2}0 B\n$/,
    )
    const json = (await withData('account', 'list', '--json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(json.map(({ address }) => address)).toEqual(['anna@acme.example', 'ben@acme.example'])
    const piped = await run(
      folder,
      ['account', 'password', 'ben@acme.example', '--password', '-', ...data],
      ' from a pipe \n',
    )
    expect(piped).toMatchObject({ code: 0, stdout: 'Changed the password of ben@acme.example.\n' })
    const device = JSON.parse(
      (await withData('account', 'device', 'ben@acme.example', 'phone', '--json')).stdout,
    )
    expect(device).toMatchObject({ device: 'phone', password: expect.stringMatching(/^[a-z-]{29}$/) })
    expect((await withData('account', 'devices', 'ben@acme.example')).stdout).toMatch(
      /\nphone {2,}\d{4}-\d\d-\d\d {2}never {2,}0\n/,
    )
    const asked = await withData('account', 'remove', 'ben@acme.example')
    expect(asked).toMatchObject({ code: 4, stdout: '' })
    expect(asked.stderr).toContain('This removes ben@acme.example with 0 messages (0 B) for good.')
    expect(await withData('account', 'remove', 'ben@acme.example', '--yes')).toMatchObject({ code: 0 })
    expect(await withData('account', 'remove', 'ben@acme.example', '--yes')).toMatchObject({ code: 1 })
  })
})

describe('delivering and dumping', () => {
  test('what is put in comes out: line ends made whole, our trace in front', async () => {
    file('lf.eml', 'From: x@y\nSubject: LF\nX-Spam-Flag: NO\n\n.dot\n\xff end')
    const put = await withData('deliver', '--to', 'anna@acme.example', 'lf.eml')
    expect(put.stdout).toMatch(/^[0-9A-Z]{26} {2}lf\.eml\n$/)
    const [message] = messages(await dump())
    expect(message).toMatch(
      /^Return-Path: <>\r\nDelivered-To: anna@acme\.example\r\nReceived: by localhost \(Restante\) with local id deliver\r\n\tfor <anna@acme\.example>; .* \+0000\r\nFrom: x@y\r\nSubject: LF\r\n\r\n\.dot\r\n\xff end\r\n$/,
    )
  })

  test('verbatim adds and removes nothing; folders are apart; - is standard input', async () => {
    const text = 'X-Spam-Flag: NO\r\nSubject: as is\r\n\r\n.dot\r\n'
    file('as-is.eml', text)
    await withData('deliver', '--to', 'anna@acme.example', '--folder', 'Lists', '--verbatim', 'as-is.eml')
    const piped = await run(
      folder,
      ['deliver', '--to', 'anna@acme.example', '--folder', 'lists', '--verbatim', '--json', '-', ...data],
      'Subject: piped\n\nx\n',
    )
    expect(JSON.parse(piped.stdout)).toMatchObject({
      file: '-',
      account: 'anna@acme.example',
      folder: 'lists',
    })
    expect(messages(await dump('--folder', 'lists'))).toEqual([text, 'Subject: piped\r\n\r\nx\r\n'])
  })

  test('many files keep their order', async () => {
    const names = Array.from({ length: 150 }, (_, i) => file(`m${i}.eml`, `Subject: ${i}\r\n\r\n`))
    const put = await withData(
      'deliver',
      '--to',
      'anna@acme.example',
      '--folder',
      'many',
      '--verbatim',
      ...names,
    )
    expect(
      put.stdout
        .trim()
        .split('\n')
        .map((line) => line.slice(28)),
    ).toEqual(names)
    const subjects = messages(await dump('--folder', 'many')).map((text) => /Subject: (\d+)/.exec(text)?.[1])
    expect(subjects).toEqual(names.map((_, i) => String(i)))
  })

  test('a large one too, octet for octet', async () => {
    const text = `Subject: large\r\n\r\n${'.0123456789\xe9\r\n'.repeat(200_000)}`
    file('large.eml', text)
    await withData('deliver', '--to', 'anna@acme.example', '--folder', 'large', '--verbatim', 'large.eml')
    expect((await dump('--folder', 'large')) === `MSG ${text.length}\n${text}`).toBe(true)
  })

  test('a wrong name is told before anything is stored', async () => {
    mkdirSync(join(folder, 'sub'), { recursive: true })
    for (const [wrong, why] of [
      ['none.eml', 'There is no none.eml.'],
      ['sub', 'sub is a folder; name the files in it.'],
    ] as const) {
      const ended = await withData(
        'deliver',
        '--to',
        'anna@acme.example',
        '--folder',
        'wrong',
        'lf.eml',
        wrong,
      )
      expect(ended).toEqual({ code: 1, stdout: '', stderr: `restante: ${why}\n` })
    }
    expect(await dump('--folder', 'wrong')).toBe('')
    expect(await withData('deliver', '--to', 'nobody@acme.example', 'lf.eml')).toMatchObject({ code: 1 })
    expect(
      await withData('deliver', '--to', 'anna@acme.example', '--folder', '../x', 'lf.eml'),
    ).toMatchObject({ code: 2 })
  })

  test('a message put in by hand can be explained by its file, not by its id', async () => {
    const [id] = (await withData('deliver', '--to', 'anna@acme.example', 'lf.eml')).stdout.split(' ')
    expect((await withData('explain', id as string)).stderr).toContain('without being judged')
    const shown = await withData('explain', 'lf.eml')
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    expect(shown.stdout).toMatch(/^DELIVERED {2}0\.0 of 6\.0 needed\n {2}From x@y\n {2}Subject LF\n/)
    expect(shown.stdout).toContain('BAYES_UNTRAINED')
    expect(await withData('explain', 'sub')).toMatchObject({ code: 1 })
    expect(await withData('explain', 'NOSUCHID')).toMatchObject({ code: 1, stdout: '' })
  })
})

test('learning on a store nobody runs: folder, mbox, file; then explained with what was learned', async () => {
  const good = Array.from(
    { length: 6 },
    (_, i) =>
      `From a@b Sun Nov 22 07:05:09 2026\nFrom: marie@verein.example\nSubject: Minutes ${i}\n\nThe minutes of meeting ${i} on Thursday are on the agenda, see you at the station.\n\n`,
  )
  file('good.mbox', good.join(''))
  mkdirSync(join(folder, 'junk'))
  for (let i = 0; i < 6; i++)
    file(
      `junk/${i}.eml`,
      `From: win${i}@prize.example\nSubject: You won ${i}\n\nClaim your casino jackpot number ${i} now, free money, http://prize.example/${i}\n`,
    )
  const spam = await withData('learn', 'spam', 'junk', '--json')
  expect(spam).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(spam.stdout)).toMatchObject({ read: 6, label: 'spam', ham: 0, spam: 6 })
  const ham = await withData('learn', 'ham', 'good.mbox')
  expect(ham.stdout).toMatch(
    /^6 read as ham\. The filter now has weight \d+ %: 6 spam \/ 6 good learned\.\n$/,
  )
  const again = await withData('learn', 'ham', 'good.mbox', '--json')
  expect(JSON.parse(again.stdout)).toMatchObject({ read: 6, ham: 6, spam: 6 })
  file(
    'new.eml',
    'From: win9@prize.example\nSubject: You won 9\n\nClaim your casino jackpot now, free money, http://prize.example/9\n',
  )
  const explained = JSON.parse((await withData('explain', 'new.eml', '--json')).stdout)
  expect(explained.symbols[0].symbol).toBe('BAYES_SPAM')
  expect(explained.spamProbability).toBeGreaterThan(0.5)
  {
    await using store = await openLocalStore({ directory: join(folder, 'store'), floorOctets: 0 })
    const anna = await store.directory.accountByAddress('anna@acme.example')
    await store.directory.changeAccount(anna?.id ?? '', { thresholds: { quarantine: explained.score } })
  }
  const hers = await withData('explain', 'new.eml', '--for', 'Anna@acme.example', '--json')
  expect(JSON.parse(hers.stdout)).toMatchObject({ disposition: 'quarantine', threshold: explained.score })
  expect((await withData('learn', 'forget', 'junk', 'good.mbox', '--json')).stdout).toContain(
    '"ham":0,"spam":0',
  )
  mkdirSync(join(folder, 'empty'))
  expect(await withData('learn', 'ham', 'empty')).toMatchObject({ code: 1 })
})

test('a broken config: file, line, key and the nearest key; exit 2; nothing started', async () => {
  const bad = join(folder, 'bad')
  mkdirSync(bad)
  writeFileSync(
    join(bad, 'restante.yaml'),
    'hostnam: x\nlisten:\n  smtp: { prt: 25 }\nspam: { thresholds: { tag: abc } }\n',
  )
  const findings = [
    'restante.yaml:1:1: hostnam: unknown key; did you mean “hostname”?',
    'restante.yaml:3:11: listen.smtp.prt: unknown key; did you mean “port”?',
    'restante.yaml:4:23: spam.thresholds.tag: must be a number of points, or never',
    'Nothing was started or changed.',
  ]
  const [checked, served] = await Promise.all([run(bad, ['config', 'check']), run(bad, ['serve'])])
  for (const ended of [checked, served]) {
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    const lines = ended.stderr.trim().split('\n')
    expect(lines).toHaveLength(findings.length)
    findings.forEach((finding, i) => {
      expect(lines[i]?.endsWith(finding) || lines[i] === `restante: ${finding}`).toBe(true)
    })
  }
  expect(readdirSync(bad)).toEqual(['restante.yaml'])
})

test('a good config is said to be fine, and shown with its meaning', async () => {
  file('good.yaml', 'hostname: mx.acme.example\n')
  expect(await cli('config', 'check', 'good.yaml')).toEqual({
    code: 0,
    stdout: 'good.yaml is fine.\n',
    stderr: '',
  })
  const [shown, json] = await Promise.all([
    cli('config', 'show'),
    cli('config', 'show', '--config', 'good.yaml', '--json'),
  ])
  expect(shown.stdout).toContain('smtp_in.max_size: "35MB"   # Largest message taken.')
  for (const line of shown.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
  expect(JSON.parse(json.stdout)).toMatchObject({ hostname: 'mx.acme.example' })
})
