import { createHash, generateKeyPairSync, sign as signOctets } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { hashPassword } from '@restante/accounts'
import { type Config, defaultConfig, type Log, type RunningRole, silentLog } from '@restante/runtime'
import { openLocalStore } from '@restante/store-local'
import type { Resolver } from '@restante/trust'
import { type Zone, zoneResolver } from '@restante/trust/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startReceiver } from '../src/receiver.ts'
import { fakeClamd } from './fake-clamd.ts'

const CLIENT = '203.0.113.7'
let directory: string
let running: RunningRole | null
let clock: number
let logged: (readonly [string, Record<string, unknown>])[]
const note = (event: string, fields?: Record<string, unknown>): void =>
  void logged.push([event, { ...fields }])
const log: Log = { ...silentLog, info: note, warn: note, error: note }

beforeEach(async () => {
  running = null
  logged = []
  clock = Date.now()
  directory = await mkdtemp(join(tmpdir(), 'restante-evidence-'))
  await using store = await openLocalStore({ directory, floorOctets: 0 })
  for (const name of ['anna', 'ben', 'postmaster']) await store.directory.addAccount(`${name}@acme.example`)
})
afterEach(async () => {
  await running?.stop()
  await rm(directory, { recursive: true, force: true })
})

interface Changed {
  readonly smtpIn?: Partial<Config['smtpIn']>
  readonly spam?: Partial<Config['spam']>
  readonly limits?: Partial<Config['limits']>
  readonly dns?: Config['dns']
  readonly listen?: readonly ('smtp' | 'lmtp' | 'submission')[]
}

/** A receiver on a free port that believes a PROXY header about who comes; DNS is data. */
const start = async (resolver: Resolver | null, changed: Changed = {}): Promise<number> => {
  const base = defaultConfig()
  const listens = (name: 'smtp' | 'lmtp' | 'submission') =>
    (changed.listen ?? ['smtp']).includes(name) ? { host: '127.0.0.1', port: 0 } : null
  const config: Config = {
    ...base,
    hostname: 'mx.acme.example',
    dns: changed.dns ?? (resolver === null ? 'off' : 'system'),
    store: { directory, floorOctets: 0 },
    listen: {
      smtp: listens('smtp'),
      lmtp: listens('lmtp'),
      submission: listens('submission'),
      submissions: null,
      pop3: null,
      pop3s: null,
    },
    pop3: { ...base.pop3, plainLogin: 'always' },
    smtpIn: { ...base.smtpIn, proxyFrom: ['127.0.0.1'], ...changed.smtpIn },
    spam: { ...base.spam, judgeTimeoutMs: 15_000, ...changed.spam },
    limits: { ...base.limits, ...changed.limits },
  }
  const context = { log, now: () => clock, signal: new AbortController().signal }
  running = await startReceiver(config, context, resolver ?? undefined)
  return running.ports['smtp'] as number
}

/** Says lines one after another, each after the reply to the one before; answers the last line of each reply. */
const talk = async (port: number, lines: readonly string[], client = CLIENT): Promise<readonly string[]> => {
  const socket = connect(port, '127.0.0.1')
  socket.write(`PROXY TCP4 ${client} 192.0.2.1 40000 25\r\n`)
  const replies: string[] = []
  const rest = [...lines]
  for await (const line of createInterface({ input: socket })) {
    if (!/^\d{3} /.test(line)) continue
    replies.push(line)
    const next = rest.shift()
    if (next === undefined) break
    socket.write(`${next}\r\n`)
  }
  socket.destroy()
  return replies
}

interface Given {
  readonly from?: string
  readonly to?: readonly string[]
  readonly client?: string
}
const MESSAGE =
  'From: help@bank.example\r\nSubject: Hello\r\nDate: Sun, 22 Nov 2026 07:05:09 +0000\r\n\r\nHi\r\n'

/** Sends a message; answers the last reply said about it. */
const send = async (port: number, message = MESSAGE, given: Given = {}): Promise<string> => {
  const replies = await talk(
    port,
    [
      'EHLO pc.example',
      `MAIL FROM:<${given.from ?? 'help@bank.example'}>`,
      ...(given.to ?? ['anna@acme.example']).map((to) => `RCPT TO:<${to}>`),
      'DATA',
      `${message}.`,
      'QUIT',
    ],
    given.client,
  )
  return replies.at(-2) as string
}

interface Kept {
  readonly folder: string
  readonly head: string
  readonly class: string | null
  readonly symbols: Readonly<Record<string, number>>
  readonly skipped: readonly string[]
}
const kept = async (address = 'anna@acme.example'): Promise<readonly Kept[]> => {
  await using store = await openLocalStore({ directory, floorOctets: 0 })
  const account = await store.directory.accountByAddress(address)
  const found: Kept[] = []
  for await (const copy of store.copies(account?.id ?? '')) {
    const chunks: Uint8Array[] = []
    for await (const chunk of (await store.read(copy)) ?? []) chunks.push(chunk)
    const verdict = (await store.records.get(copy.id))?.verdict
    found.push({
      folder: copy.folder,
      head: Buffer.concat(chunks)
        .toString('latin1')
        .replace(/\r\n[ \t]+/g, ' '),
      class: copy.hold?.class ?? null,
      symbols: Object.fromEntries((verdict?.symbols ?? []).map(({ symbol, score }) => [symbol, score])),
      skipped: verdict?.skipped ?? [],
    })
  }
  return found
}
const field = (copy: Kept | undefined): string | undefined =>
  /^Authentication-Results: (.*)\r$/m.exec(copy?.head ?? '')?.[1]

const BANK: Zone = {
  'bank.example': { TXT: ['v=spf1 ip4:192.0.2.0/24 -all'], MX: ['10 mx.bank.example'] },
  '_dmarc.bank.example': { TXT: ['v=DMARC1; p=reject'] },
  '7.113.0.203.in-addr.arpa': { PTR: ['mail.sender.example'] },
  'mail.sender.example': { A: [CLIENT] },
}

/** A message with one DKIM signature (simple/simple, rsa-sha256) of its From and body, made with nothing of ours. */
const signed = (domain: string, body = 'Hi\r\n'): { readonly message: string; readonly record: string } => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const from = `From: help@${domain}\r\n`
  const bodyHash = createHash('sha256').update(body, 'latin1').digest('base64')
  const unsigned = `DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=${domain}; s=one; h=from; bh=${bodyHash}; b=`
  const octets = signOctets('sha256', Buffer.from(from + unsigned, 'latin1'), privateKey)
  const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  return {
    message: `${unsigned}${octets.toString('base64')}\r\n${from}Subject: Hello\r\n\r\n${body}`,
    record: `v=DKIM1; k=rsa; p=${key}`,
  }
}

describe('who mail is from', () => {
  test('a forged sender: SPF and DMARC say so in header, symbols and score', async () => {
    const port = await start(zoneResolver(BANK))
    expect(await send(port)).toMatch(/^250/)
    expect(await send(port, MESSAGE, { client: '203.0.113.9' })).toMatch(/^250/)
    const copies = await kept()
    const tagged = copies.find(({ folder }) => folder === 'inbox')
    const held = copies.find(({ folder }) => folder === 'quarantine')
    expect(tagged?.symbols).toMatchObject({ SPF_FAIL: 2.5, DMARC_REJECT: 6, DKIM_NONE: 0.3 })
    expect(tagged?.skipped).toEqual([])
    expect(field(tagged)).toBe(
      `mx.acme.example; iprev=pass policy.iprev=${CLIENT}; spf=fail smtp.mailfrom=bank.example; dkim=none; dmarc=fail header.from=bank.example policy.dmarc=reject`,
    )
    expect(tagged?.head).toMatch(/^X-Restante-Verdict: tagged 8\.8\/6\.0; .*wants such mail refused/m)
    expect(held).toMatchObject({ class: 'spam', symbols: { DMARC_REJECT: 6, NO_REVERSE_NAME: 2 } })
    expect(field(held)).toMatch(/; iprev=fail policy\.iprev=203\.0\.113\.9; spf=fail /)
  })

  test('a signature that holds', async () => {
    const { message, record } = signed('bank.example')
    const port = await start(zoneResolver({ ...BANK, 'one._domainkey.bank.example': { TXT: [record] } }))
    expect(await send(port, message)).toMatch(/^250/)
    const [copy] = await kept()
    expect(copy?.symbols).toMatchObject({ DKIM_ALIGNED: -0.3, DMARC_PASS: -0.5 })
    expect(copy?.folder).toBe('inbox')
    expect(field(copy)).toMatch(/dkim=pass header\.d=bank\.example header\.s=one .*dmarc=pass/)
  })

  test('a signature over a body longer than what is judged', async () => {
    const { message, record } = signed('bank.example', 'A line of text.\r\n'.repeat(150_000))
    const port = await start(zoneResolver({ ...BANK, 'one._domainkey.bank.example': { TXT: [record] } }))
    expect(await send(port, message)).toMatch(/^250/)
    expect(field((await kept())[0])).toMatch(/dkim=pass header\.d=bank\.example/)
  })

  test('what a sender claims about himself under our name is taken out', async () => {
    const port = await start(zoneResolver(BANK))
    await send(port, `Authentication-Results: mx.acme.example; dmarc=pass\r\n${MESSAGE}`)
    const [copy] = await kept()
    expect(copy?.head.match(/Authentication-Results/g)).toHaveLength(1)
    expect(field(copy)).toContain('dmarc=fail')
  })

  test('a sender who takes no mail himself; a link on a list of domains', async () => {
    const resolver = zoneResolver({
      ...BANK,
      'shop.example': { MX: ['0 .'] },
      'evil.example.dbl.example': { A: ['127.0.0.2'] },
    })
    const dbl = {
      zone: 'dbl.example',
      kind: 'domain',
      name: 'DBL',
      answers: { '127.0.0.2': { weight: 4 } },
    } as const
    const port = await start(resolver, { smtpIn: { dnsLists: [dbl] } })
    await send(port, 'From: a@shop.example\r\nSubject: x\r\n\r\nSee http://www.evil.example/offer now.\r\n', {
      from: 'a@shop.example',
    })
    expect((await kept())[0]?.symbols).toMatchObject({ SENDER_TAKES_NO_MAIL: 3, RBL_DBL: 4 })
  })

  test('with DNS off nobody is asked, and the header says none', async () => {
    const port = await start(null)
    expect(await send(port)).toMatch(/^250/)
    const [copy] = await kept()
    expect(field(copy)).toBe('mx.acme.example; none')
    expect(Object.keys(copy?.symbols ?? {}).filter((name) => !/^(BAYES|BROKEN)_/.test(name))).toEqual([])
  })

  test('silent name servers cost no mail: it is delivered within the deadline, and marked', async () => {
    const silent: Resolver = {
      available: true,
      resolve: (_name, _type, { signal } = {}) =>
        new Promise((settle) => {
          signal?.addEventListener('abort', () => settle({ kind: 'timeout', why: 'given up' }), {
            once: true,
          })
        }),
    }
    const port = await start(silent, { spam: { judgeTimeoutMs: 3_000 } })
    expect(await send(port)).toMatch(/^250/)
    const [copy] = await kept()
    expect(copy?.folder).toBe('inbox')
    expect(copy?.skipped).toEqual(expect.arrayContaining(['reverse-name', 'sender-domain']))
    expect(copy?.head).toMatch(/^X-Restante-Verdict: delivered .*not checked: /m)
    expect(copy?.skipped.join()).toMatch(/spf|authentication/)
    expect(logged.map(([event]) => event)).toContain('not-checked')
  })

  test('people who logged in and a relay behind LMTP are not looked at', async () => {
    {
      await using store = await openLocalStore({ directory, floorOctets: 0 })
      const verifier = await hashPassword('secret')
      await store.directory.addAccount('clara@acme.example', [{ device: '', scheme: 'argon2id', verifier }])
    }
    const resolver = zoneResolver(LISTED)
    const own: Changed = { smtpIn: { dnsLists: [ZEN], refuseListedFrom: 1, greylist: 'all' } }
    await start(resolver, { ...own, listen: ['lmtp', 'submission'] })
    const plain = Buffer.from('\0clara@acme.example\0secret').toString('base64')
    const words = [
      'MAIL FROM:<clara@acme.example>',
      'RCPT TO:<anna@acme.example>',
      'DATA',
      `${MESSAGE}.`,
      'QUIT',
    ]
    const { lmtp = 0, submission = 0 } = running?.ports ?? {}
    expect((await talk(lmtp, ['LHLO relay', ...words])).at(-2)).toMatch(/^250/)
    expect((await talk(submission, ['EHLO laptop', `AUTH PLAIN ${plain}`, ...words])).at(-2)).toMatch(/^250/)
    expect(resolver.questions).toEqual([])
    expect((await kept()).map(field)).toEqual(['mx.acme.example; none', undefined])
  })
})

const ZEN = {
  zone: 'secretkey.zen.example',
  kind: 'ip',
  name: 'ZEN',
  answers: { '127.0.0.2': { weight: 5 } },
} as const
const LISTED: Zone = { ...BANK, '7.113.0.203.secretkey.zen.example': { A: ['127.0.0.2'] } }

describe('before DATA', () => {
  const rcpt = (port: number, to: string, client?: string, from = 'x@far.example') =>
    talk(port, ['EHLO pc.example', `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, 'QUIT'], client).then(
      (replies) => replies[3] as string,
    )

  test('a listed client is refused, and told which list; postmaster stays open', async () => {
    const port = await start(zoneResolver(LISTED), { smtpIn: { dnsLists: [ZEN], refuseListedFrom: 5 } })
    expect(await rcpt(port, 'anna@acme.example')).toBe(
      `550 5.7.1 ${CLIENT} is on the list ZEN; have it taken off there, or write to postmaster@acme.example`,
    )
    expect(await rcpt(port, 'postmaster@acme.example')).toMatch(/^250/)
    expect(await rcpt(port, 'nobody@acme.example')).toMatch(/^550 5\.1\.1/)
    expect(await rcpt(port, 'anna@acme.example', '203.0.113.8')).toMatch(/^250/)
  })

  test('below the weight of refusal a list only adds points', async () => {
    const port = await start(zoneResolver(LISTED), { smtpIn: { dnsLists: [ZEN], refuseListedFrom: 5.5 } })
    expect(await send(port, MESSAGE, { from: 'x@far.example' })).toMatch(/^250/)
    const [copy] = await kept()
    expect(copy?.symbols).toMatchObject({ RBL_ZEN: 5 })
    expect(copy?.head).toContain(`${CLIENT} is listed, says ZEN`)
    expect(copy?.head).not.toContain('secretkey')
  })

  test('greylisting: those with something against them come again, and then stay known over a restart', async () => {
    const resolver = zoneResolver(LISTED)
    const changed: Changed = { smtpIn: { dnsLists: [ZEN], greylist: 'on', greylistDelayMs: 60_000 } }
    let port = await start(resolver, changed)
    expect(await rcpt(port, 'anna@acme.example')).toMatch(
      /^450 4\.7\.1 Not known here yet; come again in 60 /,
    )
    clock += 20_000
    expect(await rcpt(port, 'anna@acme.example')).toMatch(/^450 4\.7\.1 .* in 40 seconds/)
    expect(await rcpt(port, 'postmaster@acme.example')).toMatch(/^250/)
    await running?.stop()
    port = await start(resolver, changed)
    clock += 45_000
    expect(await rcpt(port, 'anna@acme.example')).toMatch(/^250/)
    expect(await rcpt(port, 'anna@acme.example')).toMatch(/^250/)
    expect(await rcpt(port, 'ben@acme.example')).toMatch(/^450/)
  })

  test('greylisting lets in at once whom nothing speaks against', async () => {
    const port = await start(zoneResolver({ ...BANK, 'far.example': { MX: ['10 mx.far.example'] } }), {
      smtpIn: { greylist: 'on' },
    })
    expect(await rcpt(port, 'anna@acme.example')).toMatch(/^250/)
    // Forged: the bank says so.
    expect(await rcpt(port, 'anna@acme.example', CLIENT, 'help@bank.example')).toMatch(/^450/)
  })

  test('with DNS off, or set to all, every stranger waits', async () => {
    const port = await start(null, { smtpIn: { greylist: 'on' } })
    expect(await rcpt(port, 'anna@acme.example')).toMatch(/^450/)
    await running?.stop()
    const other = await start(zoneResolver({ ...BANK, 'far.example': { MX: ['10 mx.far.example'] } }), {
      smtpIn: { greylist: 'all' },
    })
    expect(await rcpt(other, 'ben@acme.example')).toMatch(/^450/)
  })

  test('a sender whose mail was good before does not wait, from wherever SPF lets him send', async () => {
    const zone: Zone = {
      'friend.example': {
        TXT: ['v=spf1 ip4:203.0.113.0/24 ip4:198.51.100.0/24 -all'],
        MX: ['10 mx.friend.example'],
      },
    }
    const port = await start(zoneResolver(zone), { smtpIn: { greylist: 'all', greylistDelayMs: 60_000 } })
    const friend = 'mia@friend.example'
    const message = 'From: mia@friend.example\r\nSubject: Minutes\r\n\r\nSee you on Thursday\r\n'
    expect(await rcpt(port, 'anna@acme.example', CLIENT, friend)).toMatch(/^450/)
    clock += 61_000
    expect(await send(port, message, { from: friend })).toMatch(/^250/)
    expect((await kept())[0]?.head).toMatch(/^X-Spam-Flag: NO/m)
    expect(await rcpt(port, 'anna@acme.example', '198.51.100.9', friend)).toMatch(/^250/)
    expect(await rcpt(port, 'anna@acme.example', '192.0.2.9', friend)).toMatch(/^450/)
  })

  test('too many mails from one address, or one network, come again later', async () => {
    const port = await start(null, { limits: { mailsPerMinute: 2, networkMailsPerMinute: 3 } })
    clock = Math.ceil(clock / 60_000) * 60_000
    const mail = async (client: string) =>
      (await talk(port, ['EHLO pc.example', 'MAIL FROM:<x@far.example>', 'QUIT'], client))[2] as string
    expect(await mail(CLIENT)).toMatch(/^250/)
    expect(await mail(CLIENT)).toMatch(/^250/)
    expect(await mail(CLIENT)).toMatch(
      /^450 4\.7\.1 Too much mail from 203\.0\.113\.7 at once; come again in \d+/,
    )
    expect(await mail('203.0.113.8')).toMatch(/^250/)
    expect(await mail('203.0.113.8')).toMatch(/^450 4\.7\.1 Too much mail from the network of 203\.0\.113\.8/)
    expect(await mail('203.0.114.8')).toMatch(/^250/)
    for (let i = 0; i < 4; i++) expect(await mail('10.0.0.5')).toMatch(/^250/)
    clock += 180_000
    expect(await mail(CLIENT)).toMatch(/^250/)
  })
})

describe('viruses', () => {
  const WORM = 'From: x@far.example\r\nSubject: Hello\r\n\r\nthis is a WORM\r\n'
  const virusOf = (stream: string): string => (stream.includes('WORM') ? 'Test.Worm' : '')

  test('infected mail is refused, and the reply names it; clean mail passes', async () => {
    await using clamd = await fakeClamd(virusOf)
    const port = await start(null, { spam: { clamd } })
    expect(await send(port, WORM)).toMatch(/^550 5\.7\.1 Refused: it carries Test\.Worm;/)
    expect(await send(port)).toMatch(/^250/)
    const copies = await kept()
    expect(copies).toHaveLength(1)
    expect(copies[0]?.symbols).not.toHaveProperty('VIRUS_FOUND')
    expect(copies[0]?.skipped).toEqual([])
  })

  test('where one would not refuse, it is held for all as malware, whatever they want with spam', async () => {
    await using clamd = await fakeClamd(virusOf)
    const overrides = [{ account: 'ben@acme.example', filter: false, quarantine: null, reject: null }]
    const port = await start(null, { spam: { clamd, overrides } })
    expect(await send(port, WORM, { to: ['anna@acme.example', 'ben@acme.example'] })).toMatch(/^250/)
    for (const address of ['anna@acme.example', 'ben@acme.example']) {
      const [copy] = await kept(address)
      expect(copy).toMatchObject({ folder: 'quarantine', class: 'malware' })
      expect(copy?.symbols).toMatchObject({ VIRUS_FOUND: 50 })
    }
  })

  test('also with the filter off', async () => {
    await using clamd = await fakeClamd(virusOf)
    const port = await start(null, { spam: { clamd, filter: false } })
    expect(await send(port, WORM)).toMatch(/^550 5\.7\.1 Refused: it carries Test\.Worm;/)
    expect(await send(port)).toMatch(/^250/)
    expect((await kept())[0]?.head).not.toMatch(/X-Spam|X-Restante/)
  })

  test('a clamd that is not there, or silent, costs no mail: it is delivered, and marked', async () => {
    let port = await start(null, { spam: { clamd: { path: join(directory, 'nobody.sock') } } })
    expect(await send(port, WORM)).toMatch(/^250/)
    await running?.stop()
    await using clamd = await fakeClamd(() => null)
    port = await start(null, { spam: { clamd, judgeTimeoutMs: 3_000 } })
    expect(await send(port, WORM)).toMatch(/^250/)
    for (const copy of await kept()) {
      expect(copy).toMatchObject({ folder: 'inbox', skipped: ['virus'] })
      expect(copy.head).toMatch(/not checked: virus/)
    }
    expect(await kept()).toHaveLength(2)
  })
})

test('a name server or list that cannot be is told at the start', async () => {
  await expect(start(null, { dns: ['nowhere.example'] })).rejects.toThrow(
    /nowhere\.example is no name server/,
  )
  const bad = { ...ZEN, answers: { '10.0.0.1': { weight: 1 } } }
  await expect(start(zoneResolver({}), { smtpIn: { dnsLists: [bad] } })).rejects.toThrow(/10\.0\.0\.1/)
  running = null
})
