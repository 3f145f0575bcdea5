import { createRecipientResolver } from '@restante/accounts'
import type { Judged, JudgeFailure, JudgePool } from '@restante/filter'
import { type Envelope, latin1Text, type Path, parsePath, type Reply } from '@restante/mail'
import { type MaildropStore, type MemoryStore, memoryStore, StoreError } from '@restante/maildrop'
import { type Config, defaultConfig, type Log, silentLog } from '@restante/runtime'
import type { DataContext } from '@restante/smtp'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { createReception } from '../src/reception.ts'

const HOST = 'mx.acme.example'
const NOW = Date.UTC(2026, 10, 22, 7, 5, 9)

const judgedWith = (score: number): Judged => ({
  score,
  symbols: [{ symbol: 'BAYES_SPAM', score, why: 'looks like known spam' }],
  skipped: [],
  spamProbability: 0.9,
  hash: 'h',
  from: 'x@far.example',
  subject: 'Hello',
  messageId: 'm@far.example',
  attachments: [],
  defects: [],
})

let store: MemoryStore
let logged: (readonly [string, Record<string, unknown>])[]
const log: Log = {
  ...silentLog,
  info: (event, fields) => void logged.push([event, { ...fields }]),
  warn: (event, fields) => void logged.push([event, { ...fields }]),
  error: (event, fields) => void logged.push([event, { ...fields }]),
}

beforeEach(async () => {
  logged = []
  store = memoryStore({ 'anna@acme.example': [], 'ben@acme.example': [], 'clara@acme.example': [] })
  await store.directory.putDomain({ name: 'acme.example', catchAll: null })
})

interface Given {
  readonly to?: readonly string[]
  readonly judged?: Judged | JudgeFailure | null
  readonly spam?: Partial<Config['spam']>
  readonly plusFolders?: boolean
  readonly lmtp?: boolean
  readonly over?: MaildropStore
  readonly from?: Path | null
}
const seen: Uint8Array[] = []

/** Hands a message in; answers what the peer would be told. */
const receive = async (message: string, given: Given = {}): Promise<readonly string[]> => {
  const base = defaultConfig()
  const config: Config = { ...base, hostname: HOST, spam: { ...base.spam, ...given.spam } }
  const used = given.over ?? store
  const { judged = judgedWith(0) } = given
  const pool: JudgePool | null =
    judged === null
      ? null
      : {
          judge: async (octets) => {
            seen.push(octets)
            return judged
          },
          setModel: () => {},
          teach: () => {},
          close: async () => {},
        }
  const reception = createReception({
    store: used,
    resolver: createRecipientResolver({
      directory: used.directory,
      now: () => NOW,
      plusFolders: given.plusFolders ?? false,
    }),
    pool,
    config: () => config,
    log,
  })
  const recipients = (given.to ?? ['anna@acme.example']).map((text) => parsePath(text) as Path)
  const envelope: Envelope = {
    reversePath: given.from === undefined ? { localPart: 'x', domain: 'far.example' } : given.from,
    recipients,
    clientIp: '192.0.2.7',
    helo: 'mx.far.example',
    receivedAtMs: NOW,
    protocol: 'ESMTP',
    tls: null,
    authenticatedAs: null,
    sessionId: 'S1.1',
  }
  async function* body() {
    const octets = Buffer.from(message, 'latin1')
    for (let at = 0; at < octets.length; at += 700) yield octets.subarray(at, at + 700)
  }
  const context = { session: { mode: given.lmtp ? 'lmtp' : 'smtp' } } as unknown as DataContext
  const said = await reception(envelope, body(), context)
  const replies: readonly Reply[] = Array.isArray(said) ? said : [said as Reply]
  return replies.map((reply) => `${reply.code} ${reply.reason}`)
}

const stored = async (
  address: string,
): Promise<{ folder: string; text: string; id: string; hold: string | null }[]> => {
  const account = await store.directory.accountByAddress(address)
  const found = []
  for await (const copy of store.copies(account?.id ?? '')) {
    const chunks: Uint8Array[] = []
    for await (const chunk of (await store.read(copy)) ?? []) chunks.push(chunk)
    found.push({
      folder: copy.folder,
      text: latin1Text(Buffer.concat(chunks)),
      id: copy.id,
      hold: copy.hold === null ? null : copy.hold.reason,
    })
  }
  return found
}
const MESSAGE = 'From: x@far.example\r\nSubject: Hello\r\n\r\nHi\r\n'

describe('one recipient', () => {
  test('the copy begins with our trace and verdict, then the message to the octet', async () => {
    expect(await receive(MESSAGE, { judged: judgedWith(2.1) })).toEqual(['250 accepted'])
    const [copy] = await stored('anna@acme.example')
    expect(copy).toMatchObject({ folder: 'inbox', hold: null })
    expect(copy?.text).toBe(
      [
        'Return-Path: <x@far.example>',
        'Delivered-To: anna@acme.example',
        'Received: from mx.far.example ([192.0.2.7])',
        `\tby ${HOST} (Restante) with ESMTP id S1.1`,
        '\tfor <anna@acme.example>; Sun, 22 Nov 2026 07:05:09 +0000',
        `Authentication-Results: ${HOST}; none`,
        'X-Restante-Verdict: delivered 2.1/6.0; looks like known spam',
        'X-Spam-Flag: NO',
        'X-Spam-Score: 2.1',
        'X-Spam-Status: No, score=2.1 required=6.0 tests=BAYES_SPAM',
        MESSAGE,
      ].join('\r\n'),
    )
    expect(latin1Text(seen.at(-1) as Uint8Array)).toBe(MESSAGE)
    expect(await store.records.get(copy?.id ?? '')).toMatchObject({
      recipient: 'anna@acme.example',
      reversePath: 'x@far.example',
      clientIp: '192.0.2.7',
      subject: 'Hello',
      spamProbability: 0.9,
      verdict: { disposition: 'accept', score: 2.1, threshold: 6 },
    })
  })

  test.each<readonly [number, string, string]>([
    [5.9, 'inbox', 'X-Spam-Flag: NO'],
    [6, 'inbox', 'X-Spam-Flag: YES'],
    [9, 'quarantine', 'X-Restante-Verdict: quarantined 9.0/9.0; looks like known spam'],
    [17.9, 'quarantine', 'X-Spam-Flag: YES'],
  ])('a score of %d goes to the %s', async (score, folder, line) => {
    expect(await receive(MESSAGE, { judged: judgedWith(score) })).toEqual(['250 accepted'])
    const [copy] = await stored('anna@acme.example')
    expect(copy?.folder).toBe(folder)
    expect(copy?.text).toContain(`\r\n${line}\r\n`)
    if (folder === 'quarantine') expect(copy?.hold).toMatch(/^quarantined \d/)
  })

  test('from the threshold of refusal it is refused, and nothing kept', async () => {
    expect(await receive(MESSAGE, { judged: judgedWith(18) })).toEqual(['550 spam-refused'])
    expect(await stored('anna@acme.example')).toEqual([])
    expect(logged.map(([event]) => event)).toEqual(['refused'])
  })

  test('without a filter the copy has its trace and no verdict', async () => {
    expect(await receive(MESSAGE, { judged: null })).toEqual(['250 accepted'])
    const [copy] = await stored('anna@acme.example')
    expect(copy?.text).not.toMatch(/X-Spam|X-Restante|Authentication-Results/)
    expect((await store.records.get(copy?.id ?? ''))?.verdict.skipped).toEqual(['everything (filter off)'])
  })

  test.each(['timeout', 'crash', 'busy'] as const)(
    'a check that failed (%s): delivered, and marked',
    async (failed) => {
      expect(await receive(MESSAGE, { judged: { failed, detail: 'x' } })).toEqual(['250 accepted'])
      const [copy] = await stored('anna@acme.example')
      expect(copy?.folder).toBe('inbox')
      expect(copy?.text).toContain(
        `X-Restante-Verdict: delivered 0.0/6.0; not checked: everything (${failed})`,
      )
      expect(logged.map(([event]) => event)).toEqual(['not-judged', 'stored'])
    },
  )

  test('what only we may say about a message is taken out before it is judged or kept', async () => {
    const liar = `X-Spam-Flag: NO\r\nReturn-Path: <fake@x>\r\nX-Restante-Verdict: fine\r\n\tindeed\r\nAuthentication-Results: ${HOST}; dkim=pass\r\nAuthentication-Results: other.example; dkim=pass\r\n${MESSAGE}`
    await receive(liar, { judged: judgedWith(7) })
    const [copy] = await stored('anna@acme.example')
    expect(copy?.text).toContain(`\r\nAuthentication-Results: other.example; dkim=pass\r\n${MESSAGE}`)
    expect(copy?.text.match(/X-Spam-Flag/g)).toHaveLength(1)
    expect(copy?.text).not.toMatch(/fake@x|indeed|mx\.acme\.example; dkim/)
    expect(latin1Text(seen.at(-1) as Uint8Array)).toBe(
      `Authentication-Results: other.example; dkim=pass\r\n${MESSAGE}`,
    )
    expect(logged.find(([event]) => event === 'stored')?.[1]).toMatchObject({ removedFields: 4 })
  })

  test('tagged mail gets the prefix in its subject, other mail does not', async () => {
    const spam = { subjectPrefix: '[spam] ' }
    await receive(MESSAGE, { judged: judgedWith(6.5), spam })
    await receive(MESSAGE, { judged: judgedWith(1), spam })
    await receive(MESSAGE, { judged: judgedWith(10), spam })
    const subjects = (await stored('anna@acme.example')).map(({ text }) => /Subject: .*/.exec(text)?.[0])
    expect(subjects).toEqual(['Subject: [spam] Hello', 'Subject: Hello', 'Subject: Hello'])
  })

  test('a null reverse-path stays one', async () => {
    await receive(MESSAGE, { from: null })
    const [copy] = await stored('anna@acme.example')
    expect(copy?.text).toMatch(/^Return-Path: <>\r\n/)
    expect((await store.records.get(copy?.id ?? ''))?.reversePath).toBe('')
  })

  test('a hundred hosts may have passed it on, not more', async () => {
    const hops = (n: number) => `${'Received: from a by b\r\n'.repeat(n)}${MESSAGE}`
    expect(await receive(hops(100))).toEqual(['250 accepted'])
    expect(await receive(hops(101))).toEqual(['554 mail-loop'])
    expect(await stored('anna@acme.example')).toHaveLength(1)
  })

  test('any octets arrive as they were: only line ends are made whole', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (octets) => {
        store = memoryStore({ 'anna@acme.example': [] })
        await store.directory.putDomain({ name: 'acme.example', catchAll: null })
        const body = latin1Text(octets)
        expect(await receive(`Subject: x\r\n\r\n${body}`, { judged: null })).toEqual(['250 accepted'])
        const [copy] = await stored('anna@acme.example')
        const whole = body.replace(/\r?\n/g, '\r\n')
        const ended = whole === '' || whole.endsWith('\r\n') ? whole : whole.replace(/\r?$/, '\r\n')
        expect(copy?.text.slice(copy.text.indexOf('Subject: x'))).toBe(`Subject: x\r\n\r\n${ended}`)
      }),
      { numRuns: 100 },
    )
  })
})

describe('several recipients', () => {
  test('a copy each, the body kept once', async () => {
    const large = `Subject: x\r\n\r\n${'a line of text\r\n'.repeat(5000)}`
    const tight = memoryStore(
      { 'anna@acme.example': [], 'ben@acme.example': [], 'clara@acme.example': [] },
      { capacityOctets: large.length + 100 },
    )
    store = tight
    await store.directory.putDomain({ name: 'acme.example', catchAll: null })
    const to = ['anna@acme.example', 'ben@acme.example', 'clara@acme.example']
    expect(await receive(large, { to })).toEqual(['250 accepted', '250 accepted', '250 accepted'])
    for (const address of to)
      expect((await stored(address))[0]?.text).toContain(`Delivered-To: ${address}\r\n`)
    expect(await receive(large, { to })).toEqual(['452 disk-full'])
  })

  test('the same maildrop twice, by name or alias, gets one copy', async () => {
    await store.directory.putAlias({
      address: 'info@acme.example',
      targets: ['anna@acme.example', 'ben@acme.example'],
    })
    const to = ['anna@acme.example', 'ANNA@acme.example', 'info@acme.example']
    expect(await receive(MESSAGE, { to })).toEqual(['250 accepted', '250 accepted', '250 accepted'])
    expect(await stored('anna@acme.example')).toHaveLength(1)
    expect(await stored('ben@acme.example')).toHaveLength(1)
    expect((await stored('ben@acme.example'))[0]?.text).toContain('Delivered-To: info@acme.example\r\n')
  })

  test('folders of one account are maildrops of their own, but the quarantine is one', async () => {
    const to = ['anna@acme.example', 'anna+lists@acme.example']
    await receive(MESSAGE, { to, plusFolders: true })
    expect((await stored('anna@acme.example')).map(({ folder }) => folder)).toEqual(['inbox', 'lists'])
    await receive(MESSAGE, { to, plusFolders: true, judged: judgedWith(12) })
    expect((await stored('anna@acme.example')).map(({ folder }) => folder)).toEqual([
      'inbox',
      'lists',
      'quarantine',
    ])
  })

  test('each is judged by its own thresholds: account over domain over global', async () => {
    const ben = await store.directory.accountByAddress('ben@acme.example')
    await store.directory.changeAccount(ben?.id ?? '', { thresholds: { quarantine: 20, tag: 15 } })
    const spam = {
      overrides: [
        { domain: 'acme.example', quarantine: 10 },
        { account: 'clara@acme.example', filter: false },
      ],
    }
    const to = ['anna@acme.example', 'ben@acme.example', 'clara@acme.example']
    expect(await receive(MESSAGE, { to, judged: judgedWith(11), spam })).toEqual([
      '250 accepted',
      '250 accepted',
      '250 accepted',
    ])
    const [anna] = await stored('anna@acme.example')
    const [own] = await stored('ben@acme.example')
    const [clara] = await stored('clara@acme.example')
    expect(anna).toMatchObject({ folder: 'quarantine' })
    expect(anna?.text).toContain('quarantined 11.0/10.0')
    expect(own).toMatchObject({ folder: 'inbox' })
    expect(own?.text).toContain('delivered 11.0/15.0')
    expect(clara?.text).not.toContain('X-Spam')
  })

  test('it is refused only if all would refuse; otherwise those hold it', async () => {
    const to = ['anna@acme.example', 'ben@acme.example']
    expect(await receive(MESSAGE, { to, judged: judgedWith(30) })).toEqual(['550 spam-refused'])
    const spam = { overrides: [{ account: 'ben@acme.example', reject: null, quarantine: null }] }
    expect(await receive(MESSAGE, { to, judged: judgedWith(30), spam })).toEqual([
      '250 accepted',
      '250 accepted',
    ])
    expect(await stored('anna@acme.example')).toMatchObject([
      { folder: 'quarantine', hold: 'quarantined 30.0/18.0; looks like known spam' },
    ])
    expect(await stored('ben@acme.example')).toMatchObject([{ folder: 'inbox' }])
  })

  test('in LMTP each has his own reply', async () => {
    const ben = await store.directory.accountByAddress('ben@acme.example')
    await store.directory.changeAccount(ben?.id ?? '', { quotaMessages: 0 })
    const to = ['anna@acme.example', 'ben@acme.example', 'gone@acme.example', 'anna@acme.example']
    expect(await receive(MESSAGE, { to, lmtp: true })).toEqual([
      '250 accepted',
      '452 over-quota',
      '550 unknown-recipient',
      '250 accepted',
    ])
  })

  test('in SMTP, where one reply stands for all, nobody is lost behind it: full since RCPT means come again', async () => {
    const ben = await store.directory.accountByAddress('ben@acme.example')
    await store.directory.changeAccount(ben?.id ?? '', { quotaMessages: 0 })
    const to = ['anna@acme.example', 'ben@acme.example']
    expect(await receive(MESSAGE, { to })).toEqual(['452 over-quota'])
    expect(await stored('anna@acme.example')).toEqual([])
    expect(await receive(MESSAGE, { to: ['anna@acme.example', 'gone@acme.example'] })).toEqual([
      '451 store-failed',
    ])
    expect(await stored('anna@acme.example')).toEqual([])
  })

  test('an alias with one full member still serves the others', async () => {
    await store.directory.putAlias({
      address: 'info@acme.example',
      targets: ['anna@acme.example', 'ben@acme.example'],
    })
    const ben = await store.directory.accountByAddress('ben@acme.example')
    await store.directory.changeAccount(ben?.id ?? '', { quotaMessages: 0 })
    expect(await receive(MESSAGE, { to: ['info@acme.example'] })).toEqual(['250 accepted'])
    expect(await stored('anna@acme.example')).toHaveLength(1)
    expect(logged.find(([event]) => event === 'not-stored')?.[1]).toMatchObject({ why: 'over-quota' })
  })

  test('none of them left: refused', async () => {
    expect(await receive(MESSAGE, { to: ['gone@acme.example'] })).toEqual(['554 no-recipients'])
  })
})

describe('an outage of the store', () => {
  const failing = (where: 'stage' | 'commit' | 'directory', error: Error): MaildropStore => ({
    ...store,
    directory:
      where === 'directory' ? { ...store.directory, domain: () => Promise.reject(error) } : store.directory,
    async stage(octets) {
      if (where === 'stage') throw error
      const staged = await store.stage(octets)
      return where === 'commit' ? { ...staged, commit: () => Promise.reject(error) } : staged
    },
  })
  test.each([
    ['stage', 'disk-full', '452 disk-full'],
    ['stage', 'io', '451 store-failed'],
    ['commit', 'disk-full', '452 disk-full'],
    ['commit', 'io', '451 store-failed'],
    ['commit', 'closed', '451 store-failed'],
    ['directory', 'busy', '451 store-failed'],
  ] as const)('at %s, %s: %s; nothing is kept', async (where, code, reply) => {
    expect(await receive(MESSAGE, { over: failing(where, new StoreError(code, 'x')) })).toEqual([reply])
    expect(await stored('anna@acme.example')).toEqual([])
    expect(logged.at(-1)).toEqual(['store-failed', { session: 'S1.1', error: 'x', code }])
  })

  test('what is not an outage is not hidden behind one', async () => {
    await expect(receive(MESSAGE, { over: failing('commit', new TypeError('bug')) })).rejects.toThrow('bug')
  })
})
