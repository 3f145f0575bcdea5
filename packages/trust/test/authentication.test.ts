import { parsePath } from '@restante/mail'
import { sealMessage } from 'mailauth'
import { describe, expect, test } from 'vitest'
import {
  authenticateMail,
  checkSpf,
  createResolver,
  type MailQuestion,
  overallDkim,
  type Resolver,
} from '../src/index.ts'
import { type Zone, zoneResolver } from '../src/testkit/index.ts'
import { makeKey, sign } from './signing.ts'

const key = makeKey(1024)
const weakKey = makeKey(512)
const edKey = makeKey('ed25519')
const mail = 'From: Anna <anna@acme.example>\r\nTo: b@b.example\r\nSubject: hello\r\n\r\nBuy bread.\r\n'
const zone = {
  'acme.example': { TXT: ['v=spf1 ip4:192.0.2.0/24 -all'], A: ['192.0.2.10'] },
  'one._domainkey.acme.example': { TXT: [key.record] },
  'weak._domainkey.acme.example': { TXT: [weakKey.record] },
  'ed._domainkey.acme.example': { TXT: [edKey.record] },
  'trying._domainkey.acme.example': { TXT: [`${key.record}; t=y`] },
  'revoked._domainkey.acme.example': { TXT: ['v=DKIM1; p='] },
  'down._domainkey.acme.example': 'SERVFAIL',
  'one._domainkey.other.example': { TXT: [key.record] },
  'one._domainkey.news.acme.example': { TXT: [key.record] },
  '_dmarc.acme.example': { TXT: ['v=DMARC1; p=reject'] },
} satisfies Zone

const octets = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Asks about a message from anna@acme.example at 192.0.2.1, with what a test wants different. */
function authenticate(message: string, records: Zone = zone, more: Partial<MailQuestion> = {}) {
  return authenticateMail({
    octets: octets(message),
    clientIp: '192.0.2.1',
    helo: 'mail.acme.example',
    reversePath: parsePath('anna@acme.example'),
    hostname: 'mx.here.example',
    resolver: zoneResolver(records),
    ...more,
  })
}

describe('DKIM', () => {
  test('a good signature', async () => {
    const { dkim, outcome } = await authenticate(await sign(mail, key, { domain: 'acme.example' }))
    expect(outcome).toBe('complete')
    expect(dkim).toMatchObject([
      {
        result: 'pass',
        domain: 'acme.example',
        selector: 'one',
        algorithm: 'rsa-sha256',
        aligned: true,
        keyBits: 1024,
        unsignedOctets: 0,
        testing: false,
        reason: null,
      },
    ])
    expect(dkim[0]?.signature).toHaveLength(8)
  })

  test.each(['relaxed/relaxed', 'simple/simple', 'relaxed/simple', 'simple/relaxed'])(
    '%s',
    async (canonicalization) => {
      const { dkim } = await authenticate(await sign(mail, key, { domain: 'acme.example', canonicalization }))
      expect(overallDkim(dkim)).toBe('pass')
    },
  )

  test('Ed25519', async () => {
    const signed = await sign(mail, edKey, {
      domain: 'acme.example',
      selector: 'ed',
      algorithm: 'ed25519-sha256',
    })
    expect((await authenticate(signed)).dkim).toMatchObject([{ result: 'pass', algorithm: 'ed25519-sha256' }])
  })

  test.each([
    ['body changed', (text: string) => text.replace('bread', 'gold'), 'fail', 'body hash did not verify'],
    ['subject changed', (text: string) => text.replace('hello', 'hallo'), 'fail', 'bad signature'],
    [
      'a second author',
      (text: string) => text.replace('\r\nTo:', '\r\nFrom: x@x.example\r\nTo:'),
      'fail',
      'bad signature',
    ],
    ['signature cut', (text: string) => text.replace(/ b=.{20}/, ' b='), 'fail', 'bad signature'],
    ['key missing', (text: string) => text.replace(' s=one', ' s=two'), 'neutral', 'no key'],
    ['key revoked', (text: string) => text.replace(' s=one', ' s=revoked'), 'neutral', 'invalid public key'],
    [
      'key not to be had',
      (text: string) => text.replace(' s=one', ' s=down'),
      'temperror',
      'DNS failure: ESERVFAIL',
    ],
    [
      'From not signed',
      (text: string) => text.replace(/(h=[^;]*)From/, '$1To'),
      'neutral',
      'From field not signed',
    ],
  ])('%s', async (_, change, result, reason) => {
    const signed = await sign(mail, key, { domain: 'acme.example' })
    expect(change(signed)).not.toBe(signed)
    const { dkim } = await authenticate(change(signed))
    expect(dkim).toMatchObject([{ result, reason }])
  })

  test('a key under 1,024 bits, and rsa-sha1, count for nothing', async () => {
    const weak = await authenticate(await sign(mail, weakKey, { domain: 'acme.example', selector: 'weak' }))
    expect(weak.dkim).toMatchObject([{ result: 'policy', reason: 'weak key' }])
    const sha1 = await authenticate(await sign(mail, key, { domain: 'acme.example', algorithm: 'rsa-sha1' }))
    expect(sha1.dkim).toMatchObject([{ result: 'policy', reason: 'weak algorithm' }])
    expect(sha1.dmarc.alignedBy).toEqual(['spf'])
  })

  test('says how much of the body is not signed, and of whom it is only a trial', async () => {
    const half = await sign(mail, key, { domain: 'acme.example', bodyLength: 3 })
    expect((await authenticate(`${half}Call 0900!\r\n`)).dkim).toMatchObject([
      { result: 'pass', unsignedOctets: 21 },
    ])
    const trial = await sign(mail, key, { domain: 'acme.example', selector: 'trying' })
    expect((await authenticate(trial)).dkim).toMatchObject([{ result: 'pass', testing: true }])
  })

  test('several signatures: each its own result, the best counts', async () => {
    const twice = await sign(await sign(mail, key, { domain: 'acme.example' }), key, {
      domain: 'other.example',
    })
    const { dkim } = await authenticate(twice.replace(/ b=.{9}(.*\r\n\t?.*\r\n.*other)/, ' b=$1'))
    expect(dkim.map(({ domain, aligned }) => [domain, aligned])).toEqual([
      ['other.example', false],
      ['acme.example', true],
    ])
    expect(overallDkim(dkim)).toBe('pass')
    expect(overallDkim([])).toBe('none')
  })
})

describe('SPF', () => {
  const include = (n: number) =>
    Object.fromEntries(
      Array.from({ length: n }, (_, i) => [
        i === 0 ? 'acme.example' : `l${i}.example`,
        { TXT: [i === n - 1 ? 'v=spf1 ip4:192.0.2.1 -all' : `v=spf1 include:l${i + 1}.example -all`] },
      ]),
    )

  test.each([
    ['ip4', { 'acme.example': { TXT: ['v=spf1 ip4:192.0.2.0/24 -all'] } }, 'pass', 0],
    ['-all', { 'acme.example': { TXT: ['v=spf1 ip4:198.51.100.1 -all'] } }, 'fail', 0],
    ['~all', { 'acme.example': { TXT: ['v=spf1 ~all'] } }, 'softfail', 0],
    ['?all', { 'acme.example': { TXT: ['v=spf1 ?all'] } }, 'neutral', 0],
    ['no record', { 'acme.example': { TXT: ['hello'] } }, 'none', 0],
    ['no such name', {}, 'none', 0],
    ['two records', { 'acme.example': { TXT: ['v=spf1 -all', 'v=spf1 +all'] } }, 'permerror', 0],
    ['nonsense', { 'acme.example': { TXT: ['v=spf1 fish:eyes -all'] } }, 'permerror', 0],
    ['a', { 'acme.example': { TXT: ['v=spf1 a -all'], A: ['192.0.2.1'] } }, 'pass', 1],
    [
      'mx',
      {
        'acme.example': { TXT: ['v=spf1 mx -all'], MX: ['10 mx.acme.example'] },
        'mx.acme.example': { A: ['192.0.2.1'] },
      },
      'pass',
      1,
    ],
    ['include', include(3), 'pass', 2],
    ['10 includes', include(11), 'pass', 10],
    ['11 includes', include(12), 'permerror', 11],
    [
      'redirect',
      {
        'acme.example': { TXT: ['v=spf1 redirect=r.example'] },
        'r.example': { TXT: ['v=spf1 ip4:192.0.2.1 -all'] },
      },
      'pass',
      1,
    ],
    ['a circle', { 'acme.example': { TXT: ['v=spf1 include:acme.example -all'] } }, 'permerror', 11],
    [
      '3 void lookups',
      { 'acme.example': { TXT: ['v=spf1 a:a.example a:b.example a:c.example ip4:192.0.2.1 -all'] } },
      'permerror',
      3,
    ],
    ['SERVFAIL', { 'acme.example': 'SERVFAIL' }, 'temperror', 0],
    [
      'TIMEOUT in an include',
      { 'acme.example': { TXT: ['v=spf1 include:l.example -all'] }, 'l.example': 'TIMEOUT' },
      'temperror',
      1,
    ],
  ] as const)('%s', async (_, records, result, lookups) => {
    const { spf } = await authenticate(mail, records as Zone)
    expect(spf).toMatchObject({ result, lookups, identity: 'mailfrom', domain: 'acme.example' })
    expect(spf.reason === null).toBe(result !== 'permerror' && result !== 'temperror')
  })

  test('a null reverse-path asks about the HELO name', async () => {
    const records = {
      'mail.acme.example': { TXT: ['v=spf1 ip4:192.0.2.1 -all'] },
      '_dmarc.acme.example': { TXT: ['v=DMARC1; p=reject'] },
    }
    const { spf, dmarc, fields } = await authenticate(mail, records, { reversePath: null })
    expect(spf).toMatchObject({ result: 'pass', identity: 'helo', domain: 'mail.acme.example' })
    expect(dmarc).toMatchObject({ result: 'pass', alignedBy: ['spf'] })
    expect(fields).toContain('smtp.helo=mail.acme.example')
    const literal = await authenticate(mail, records, { reversePath: null, helo: '[192.0.2.1]' })
    expect(literal.spf.result).toBe('none')
  })

  test('IPv6, and IPv4 in IPv6', async () => {
    const records = { 'acme.example': { TXT: ['v=spf1 ip4:192.0.2.1 ip6:2001:db8::/32 -all'] } }
    for (const [clientIp, result] of [
      ['2001:DB8::7', 'pass'],
      ['::ffff:192.0.2.1', 'pass'],
      ['2001:db9::7', 'fail'],
    ] as const)
      expect((await authenticate(mail, records, { clientIp })).spf.result, clientIp).toBe(result)
  })

  test('without a connection there is nothing to ask', async () => {
    const { spf } = await authenticate(mail, zone, { clientIp: '' })
    expect(spf.result).toBe('none')
  })

  test('asked at MAIL already, it is not asked again', async () => {
    const resolver = zoneResolver(zone)
    const client = {
      clientIp: '192.0.2.1',
      helo: 'mail.acme.example',
      reversePath: parsePath('anna@acme.example'),
      hostname: 'mx.here.example',
      resolver,
    }
    const spf = await checkSpf(client)
    expect(spf.result).toBe('pass')
    const { dmarc } = await authenticateMail({ ...client, octets: octets(mail), spf })
    expect(dmarc).toMatchObject({ result: 'pass', alignedBy: ['spf'] })
    expect(resolver.questions.filter((each) => each === 'TXT acme.example')).toHaveLength(1)
  })
})

describe('DMARC', () => {
  const stranger = { clientIp: '198.51.100.1' }

  test.each(['none', 'quarantine', 'reject'] as const)('fails under p=%s', async (policy) => {
    const records = { ...zone, '_dmarc.acme.example': { TXT: [`v=DMARC1; p=${policy}`] } }
    const { dmarc } = await authenticate(mail, records, stranger)
    expect(dmarc).toEqual({
      result: 'fail',
      domain: 'acme.example',
      policyDomain: 'acme.example',
      policy,
      testMode: false,
      alignedBy: [],
      reason: null,
    })
  })

  test.each([
    ['v=DMARC1; p=reject; sp=quarantine', 'news.acme.example', 'quarantine'],
    ['v=DMARC1; p=quarantine', 'news.acme.example', 'quarantine'],
    ['v=DMARC1; p=none; np=reject', 'nowhere.acme.example', 'reject'],
    ['v=DMARC1; p=none; np=reject', 'news.acme.example', 'none'],
    ['v=DMARC1; p=reject; t=y', 'acme.example', 'quarantine'],
  ] as const)('%s for %s: %s', async (record, domain, policy) => {
    const records = {
      ...zone,
      'news.acme.example': { A: ['192.0.2.3'] },
      '_dmarc.acme.example': { TXT: [record] },
    }
    const { dmarc } = await authenticate(
      mail.replace('anna@acme.example', `anna@${domain}`),
      records,
      stranger,
    )
    expect(dmarc).toMatchObject({ result: 'fail', domain, policyDomain: 'acme.example', policy })
  })

  test('alignment: relaxed takes a subdomain, strict does not, another domain never', async () => {
    const strict = { ...zone, '_dmarc.acme.example': { TXT: ['v=DMARC1; p=reject; adkim=s; aspf=s'] } }
    const below = await sign(mail, key, { domain: 'news.acme.example' })
    expect((await authenticate(below, zone, stranger)).dmarc).toMatchObject({
      result: 'pass',
      alignedBy: ['dkim'],
    })
    const refused = await authenticate(below, strict, stranger)
    expect(refused.dmarc).toMatchObject({ result: 'fail' })
    expect(refused.dkim).toMatchObject([{ result: 'pass', aligned: false }])
    const other = await authenticate(await sign(mail, key, { domain: 'other.example' }), zone, stranger)
    expect(other.dmarc).toMatchObject({ result: 'fail', alignedBy: [] })
    expect((await authenticate(mail, strict)).dmarc).toMatchObject({ result: 'pass', alignedBy: ['spf'] })
  })

  test.each([
    ['no record', mail, {}, 'none', null],
    ['DNS fails', mail, { '_dmarc.acme.example': 'SERVFAIL' }, 'temperror', expect.any(String)],
    ['no From', mail.replace('From', 'Form'), zone, 'permerror', 'no From field'],
    ['an empty From', mail.replace(/From:.*/, 'From: '), zone, 'permerror', 'no author address in From'],
    [
      'two authors of two domains',
      mail.replace('From:', 'From: b@b.example,'),
      zone,
      'permerror',
      'authors of several domains in From',
    ],
    ['two From fields', `From: b@acme.example\r\n${mail}`, zone, 'permerror', 'several From fields'],
  ] as const)('%s', async (_, message, records, result, reason) => {
    expect((await authenticate(message, records as Zone)).dmarc).toMatchObject({ result, reason })
  })
})

describe('ARC', () => {
  const seal = { signingDomain: 'list.example', selector: 'seal', privateKey: key.privateKey }
  const records = { ...zone, 'seal._domainkey.list.example': { TXT: [key.record] } }
  const sealed = async () => {
    const authResults =
      'list.example; spf=pass smtp.mailfrom=acme.example; dkim=pass header.d=acme.example; dmarc=pass'
    return (await sealMessage(Buffer.from(mail), { ...seal, authResults, cv: 'none' })).toString() + mail
  }

  test('a sealed message brings testimony', async () => {
    expect((await authenticate(await sealed(), records)).arc).toEqual({
      result: 'pass',
      instance: 1,
      sealer: 'list.example',
      testimony: { spf: 'pass', dkim: ['pass'], dmarc: 'pass' },
      reason: null,
    })
  })

  test('a broken seal brings none; a key that cannot be had may do so later', async () => {
    const broken = await authenticate((await sealed()).replace('bread', 'gold'), records)
    expect(broken.arc).toMatchObject({ result: 'fail', testimony: { spf: '', dkim: [], dmarc: '' } })
    const down = await authenticate(await sealed(), {
      ...records,
      'seal._domainkey.list.example': 'SERVFAIL',
    })
    expect(down.arc.result).toBe('temperror')
    expect(down.outcome).toBe('temperror')
  })
})

describe('bounds', () => {
  test('DNS off: unavailable, and nothing claimed', async () => {
    const off = { resolver: createResolver({ servers: 'off' }) }
    const { outcome, spf, dmarc, fields } = await authenticate(mail, zone, off)
    expect([outcome, spf.result, dmarc.result]).toEqual(['unavailable', 'unavailable', 'unavailable'])
    expect(fields).toBe('Authentication-Results: mx.here.example;\r\n\tnone\r\n')
  })

  test('silent servers end in temperror at the deadline', async () => {
    const silent = { 'acme.example': 'SILENCE', '_dmarc.acme.example': 'SILENCE' } as const
    const { outcome, spf, dmarc } = await authenticate(mail, silent, { deadlineMs: 30 })
    expect(outcome).toBe('temperror')
    expect(spf).toMatchObject({ result: 'temperror', reason: 'time was up' })
    expect(dmarc.result).toBe('temperror')
  })

  test('what was known when time was up stays', async () => {
    const caller = new AbortController()
    const data = zoneResolver({ ...zone, 'one._domainkey.acme.example': 'SILENCE' })
    const resolver: Resolver = {
      available: true,
      resolve(name, type, options) {
        if (name.startsWith('one._domainkey')) setImmediate(() => caller.abort())
        return data.resolve(name, type, options)
      },
    }
    const signed = await sign(mail, key, { domain: 'acme.example' })
    const answer = await authenticate(signed, zone, { resolver, signal: caller.signal })
    expect(answer.outcome).toBe('temperror')
    expect(answer.spf.result).toBe('pass')
    expect(overallDkim(answer.dkim)).toBe('temperror')
    expect(answer.dmarc.result).toBe('temperror')
  })

  test('the caller ends it', async () => {
    const caller = new AbortController()
    const answer = authenticate(mail, { 'acme.example': 'SILENCE' }, { signal: caller.signal })
    caller.abort()
    expect((await answer).outcome).toBe('temperror')
  })

  test.each([
    ['stalls in the header', ''],
    ['stalls in the body', `${mail}and `],
  ])('a message that %s', async (_, start) => {
    async function* stalled(): AsyncGenerator<Uint8Array> {
      yield octets(start)
      await new Promise(() => {})
    }
    const { outcome, dkim } = await authenticate('', zone, { octets: stalled(), deadlineMs: 30 })
    expect([outcome, dkim]).toEqual(['temperror', []])
  })

  test('a source that fails is no crash', async () => {
    const failing = {
      async *[Symbol.asyncIterator]() {
        yield octets(mail)
        throw new Error('disk gone')
      },
    }
    const { outcome, spf, dmarc } = await authenticate('', zone, { octets: failing })
    expect([outcome, spf.result, dmarc.reason]).toEqual(['temperror', 'pass', 'disk gone'])
  })

  test.each([
    ['too many octets', `X-A: ${'x'.repeat(140_000)}\r\n`],
    ['too many authors', `From: ${'a@b.example,'.repeat(2_000)}\r\n`],
    ['too many lines', `X-A: x\r\n${' \r\n'.repeat(30_000)}`],
  ])('a header of %s gets SPF alone', async (_, header) => {
    const { outcome, spf, dmarc } = await authenticate(header + mail)
    expect([outcome, spf.result, dmarc.result]).toEqual(['too-large', 'pass', 'permerror'])
  })

  test('of 40 signatures 8 are judged; of those with l=, two; a giant one is passed over', async () => {
    const signed = await sign(mail, key, { domain: 'acme.example' })
    const junk = (more: string) =>
      `DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=x; b=y${more}\r\n`
    const flood = Array.from({ length: 39 }, () => junk('')).join('')
    expect((await authenticate(flood + signed)).dkim).toHaveLength(8)
    const lengths = Array.from({ length: 39 }, (_, i) => junk(`; l=${i}`)).join('')
    const { dkim } = await authenticate(lengths + signed)
    expect(dkim).toHaveLength(3)
    expect(overallDkim(dkim)).toBe('pass')
    expect((await authenticate(junk(`; z=${'z'.repeat(5_000)}`) + signed)).dkim).toHaveLength(1)
    // mailauth takes lines that start no field for part of the one before.
    expect((await authenticate(junk(`; h=from\r\n${':a'.repeat(3_000)}`) + signed)).dkim).toHaveLength(1)
    const folded = await authenticate(
      Array.from({ length: 39 }, () => junk('').replace(':', '\r\n :')).join('') + signed,
    )
    expect(folded.dkim).toHaveLength(8)
  })

  test('the message in pieces, cut anywhere, gives the same', async () => {
    const signed = octets(await sign(mail, key, { domain: 'acme.example' }))
    const whole = await authenticate('', zone, { octets: signed })
    for (const size of [1, 2, 7, 100]) {
      async function* pieces(): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < signed.length; at += size) yield signed.subarray(at, at + size)
      }
      expect(await authenticate('', zone, { octets: pieces() }), `${size}`).toEqual(whole)
    }
  })

  test.each([
    ['nothing', ''],
    ['no header', '\r\nbody'],
    ['no body', 'From: a@acme.example\r\n'],
    ['no line end', 'From: a@acme.example'],
    ['octets', '\u0000\u00ff\ud7ff: \r\r\n\n'],
  ])('%s is judged too, and passes between threads', async (_, message) => {
    const answer = await authenticate(message)
    expect(structuredClone(answer)).toEqual(answer)
    expect(answer.fields).toMatch(/^Authentication-Results: mx\.here\.example;\r\n\t/)
  })
})
