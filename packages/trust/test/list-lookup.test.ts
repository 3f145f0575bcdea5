import { describe, expect, test } from 'vitest'
import {
  createListLookup,
  createResolver,
  type DnsList,
  DnsListError,
  type ListAlarm,
  type ListOptions,
  listSymbols,
  registrableDomain,
} from '../src/index.ts'
import { type Zone, zoneResolver } from '../src/testkit/index.ts'

const zen: DnsList = {
  zone: 'zen.example',
  kind: 'ip',
  name: 'ZEN',
  answers: {
    '127.0.0.2': { weight: 6, meaning: 'is a known source of spam' },
    '127.0.0.4-7': { weight: 5 },
    '127.0.0.10': { weight: 2, meaning: 'should not send mail itself' },
  },
}
const white: DnsList = { zone: 'good.example', kind: 'ip', name: 'GOOD', answers: { '*': { weight: -3 } } }
const multi: DnsList = {
  zone: 'multi.example',
  kind: 'domain',
  name: 'MULTI',
  answers: { '127.0.0.&8': { weight: 4 }, '127.0.0.&64': { weight: 2 } },
}
const hosts: DnsList = {
  zone: 'dbl.example',
  kind: 'domain',
  name: 'DBL',
  ask: 'host',
  answers: { '*': { weight: 5 } },
}

function lookup(zone: Zone, more: Partial<ListOptions> = {}) {
  const resolver = zoneResolver(zone)
  const alarms: ListAlarm[] = []
  const lists = createListLookup({
    lists: [zen, white, multi, hosts],
    resolver,
    onAlarm: (alarm) => alarms.push(alarm),
    ...more,
  })
  return { ...lists, resolver, alarms }
}

describe('addresses', () => {
  test('are asked back to front, in all ip lists, and weighed by answer', async () => {
    const { checkIp, resolver } = lookup({
      '9.8.8.8.zen.example': { A: ['127.0.0.2', '127.0.0.6', '127.0.0.200'] },
    })
    const evidence = await checkIp('8.8.8.9')
    expect(evidence).toEqual({
      hits: [
        {
          zone: 'zen.example',
          name: 'ZEN',
          subject: '8.8.8.9',
          answer: '127.0.0.2',
          weight: 6,
          meaning: 'is a known source of spam',
        },
        {
          zone: 'zen.example',
          name: 'ZEN',
          subject: '8.8.8.9',
          answer: '127.0.0.6',
          weight: 5,
          meaning: 'is listed',
        },
      ],
      weight: 11,
      answered: 2,
      skipped: [],
    })
    expect(resolver.questions).toEqual(['A 9.8.8.8.zen.example', 'A 9.8.8.8.good.example'])
    expect(listSymbols(evidence)).toEqual([
      {
        symbol: 'RBL_ZEN',
        score: 11,
        why: '8.8.8.9 is a known source of spam, says zen.example.',
        evidence: ['8.8.8.9 127.0.0.2', '8.8.8.9 127.0.0.6'],
      },
    ])
  })

  test('IPv6 by nibbles; IPv4 in IPv6 as IPv4', async () => {
    const { checkIp, resolver } = lookup({})
    await checkIp('2a00:1450::5')
    await checkIp('::ffff:8.8.8.8')
    expect(resolver.questions.filter((each) => each.endsWith('zen.example'))).toEqual([
      'A 5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5.4.1.0.0.a.2.zen.example',
      'A 8.8.8.8.zen.example',
    ])
  })

  test.each([
    '127.0.0.1',
    '10.0.0.1',
    '192.168.7.7',
    '::1',
    'fe80::1',
    'fd00::5',
    '169.254.0.1',
    '',
    'mail.example',
  ])('%s is never asked', async (ip) => {
    const { checkIp, resolver } = lookup({})
    expect(await checkIp(ip)).toMatchObject({ hits: [], answered: 0 })
    expect(resolver.questions).toEqual([])
  })
})

describe('domains', () => {
  test('registrable ones, each once; hosts where the list wants hosts; never addresses', async () => {
    const { checkDomains, resolver } = lookup({
      'evil.co.uk.multi.example': { A: ['127.0.0.72'] },
      'bad.evil.co.uk.dbl.example': { A: ['127.0.1.2'] },
    })
    const { hits, weight } = await checkDomains([
      'a.evil.co.uk',
      'BAD.evil.co.uk',
      '192.0.2.1',
      '[::1]',
      'co.uk',
      'évil.example',
      '',
    ])
    expect(hits.map(({ name, subject, weight: each }) => [name, subject, each])).toEqual([
      ['DBL', 'bad.evil.co.uk', 5],
      ['MULTI', 'evil.co.uk', 4],
      ['MULTI', 'evil.co.uk', 2],
    ])
    expect(weight).toBe(11)
    expect(resolver.questions).toEqual([
      'A evil.co.uk.multi.example',
      'A xn--vil-9la.example.multi.example',
      'A a.evil.co.uk.dbl.example',
      'A bad.evil.co.uk.dbl.example',
      'A xn--vil-9la.example.dbl.example',
    ])
  })

  test('at most so many of one message', async () => {
    const { checkDomains, resolver } = lookup({}, { lists: [multi], domainsMax: 3 })
    await checkDomains(Array.from({ length: 50 }, (_, i) => `d${i}.example`))
    expect(resolver.questions).toHaveLength(3)
  })

  test.each([
    ['mail.acme.co.uk', 'acme.co.uk'],
    ['anna.github.io', 'anna.github.io'],
    ['github.io', null],
    ['192.0.2.1', null],
    ['localhost', null],
  ])('registrable domain of %s', (host, domain) => {
    expect(registrableDomain(host)).toBe(domain)
  })
})

describe('lists that fail', () => {
  test.each(['127.255.255.252', '127.255.255.254', '127.255.255.255'])(
    '%s: ask nothing from this; off for an hour, alarmed once',
    async (answer) => {
      let nowMs = 0
      const { checkIp, resolver, alarms } = lookup(
        { '8.8.8.8.zen.example': { A: ['127.0.0.2', answer] } },
        { now: () => nowMs },
      )
      const why = `it answers ${answer}: it will not serve us`
      expect(await checkIp('8.8.8.8')).toEqual({
        hits: [],
        weight: 0,
        answered: 1,
        skipped: [{ zone: 'zen.example', why }],
      })
      nowMs = 3_599_999
      expect((await checkIp('8.8.4.4')).skipped).toEqual([{ zone: 'zen.example', why }])
      expect(alarms).toEqual([{ zone: 'zen.example', why, untilMs: 3_600_000 }])
      expect(resolver.questions).not.toContain('A 4.4.8.8.zen.example')
      nowMs = 3_600_000
      await checkIp('8.8.4.4')
      expect(resolver.questions).toContain('A 4.4.8.8.zen.example')
    },
  )

  test('an answer outside 127/8 is a lie of somebody else', async () => {
    const { checkIp, alarms } = lookup({ '8.8.8.8.zen.example': { A: ['93.184.216.34'] } })
    expect((await checkIp('8.8.8.8')).hits).toEqual([])
    expect(alarms).toMatchObject([{ zone: 'zen.example' }])
  })

  test('silence is skipped, and after ten times not asked for five minutes', async () => {
    let nowMs = 0
    const { checkIp, resolver, alarms } = lookup(
      { 'zen.example': 'TIMEOUT', '8.8.8.8.zen.example': 'TIMEOUT' },
      { now: () => nowMs },
    )
    for (let i = 0; i < 12; i++)
      expect((await checkIp('8.8.8.8')).skipped).toMatchObject([{ zone: 'zen.example' }])
    expect(resolver.questions.filter((each) => each.includes('zen'))).toHaveLength(10)
    expect(alarms).toMatchObject([{ why: 'no answer 10 times in a row', untilMs: 300_000 }])
    nowMs = 300_000
    await checkIp('8.8.8.8')
    expect(resolver.questions.filter((each) => each.includes('zen'))).toHaveLength(11)
  })

  test("a caller's deadline is not the list's fault", async () => {
    const { checkIp, alarms } = lookup({ '8.8.8.8.zen.example': 'SILENCE' }, { silentAfter: 1 })
    const signal = AbortSignal.timeout(5)
    expect((await checkIp('8.8.8.8', { signal })).skipped).toMatchObject([{ zone: 'zen.example' }])
    expect(alarms).toEqual([])
  })

  test('enough weight ends the wait, unless a list of the good may still speak', async () => {
    const second = { ...zen, zone: 'slow.example', name: 'SLOW' }
    const records = {
      '8.8.8.8.zen.example': { A: ['127.0.0.2'] },
      '8.8.8.8.slow.example': 'SILENCE',
    } as const
    const { checkIp, alarms } = lookup(records, { lists: [zen, second], silentAfter: 1 })
    expect(await checkIp('8.8.8.8', { stopAtWeight: 6 })).toMatchObject({
      weight: 6,
      answered: 1,
      skipped: [],
    })
    expect(alarms).toEqual([])
    const slowGood = lookup({ ...records, '8.8.8.8.good.example': 'SILENCE' }, { lists: [zen, white] })
    const waited = await slowGood.checkIp('8.8.8.8', { stopAtWeight: 6, timeoutMs: 5 })
    expect(waited.skipped).toMatchObject([{ zone: 'good.example' }])
  })

  test('DNS off: nothing asked, nothing claimed, nothing alarmed', async () => {
    const { checkIp, alarms } = lookup({}, { resolver: createResolver({ servers: 'off' }), silentAfter: 1 })
    expect(await checkIp('8.8.8.8')).toMatchObject({ hits: [], answered: 0 })
    expect(alarms).toEqual([])
  })
})

test.each([
  ['127.0.0'],
  ['126.0.0.1'],
  ['127.0.0.256'],
  ['127.0.0.9-3'],
  ['127.0.0.&0'],
  ['127.0.0.&1-3'],
  ['127.255.255.254'],
  ['spam'],
])('an entry "%s" is refused by name', (entry) => {
  const make = () => lookup({}, { lists: [{ ...zen, answers: { [entry]: { weight: 1 } } }] })
  expect(make).toThrow(DnsListError)
  expect(make).toThrow(`zen.example: "${entry}"`)
})

test('a list needs a name for its symbol, and weights that are numbers', () => {
  expect(() => lookup({}, { lists: [{ ...zen, name: 'zen list' }] })).toThrow(DnsListError)
  expect(() => lookup({}, { lists: [{ ...zen, answers: { '*': { weight: Number.NaN } } }] })).toThrow(
    DnsListError,
  )
})
