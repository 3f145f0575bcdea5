import { describe, expect, test } from 'vitest'
import {
  type AuthenticationEvidence,
  type AuthResult,
  authFacts,
  type DkimEvidence,
  type MailAcceptance,
  type ReverseEvidence,
  TRUST_SCORES,
  type TrustEvidence,
  trustSkipped,
  trustSymbols,
  type VirusScan,
} from '../src/index.ts'

const signature: DkimEvidence = {
  result: 'pass',
  domain: 'acme.example',
  selector: 'one',
  algorithm: 'rsa-sha256',
  aligned: true,
  keyBits: 2048,
  unsignedOctets: 0,
  testing: false,
  signature: 'AbCdEfGh',
  reason: null,
}
const good: AuthenticationEvidence = {
  outcome: 'complete',
  spf: { result: 'pass', identity: 'mailfrom', domain: 'acme.example', lookups: 1, reason: null },
  dkim: [signature],
  dmarc: {
    result: 'pass',
    domain: 'acme.example',
    policyDomain: 'acme.example',
    policy: 'reject',
    testMode: false,
    alignedBy: ['dkim'],
    reason: null,
  },
  arc: { result: 'none', instance: 0, sealer: '', testimony: { spf: '', dkim: [], dmarc: '' }, reason: null },
}

const names = (evidence: TrustEvidence, settings?: Parameters<typeof trustSymbols>[1]) =>
  trustSymbols(evidence, settings).map((each) => each.symbol)
const withSpf = (result: AuthResult) => ({ ...good, spf: { ...good.spf, result, reason: 'why' } })
const withDkim = (...dkim: Partial<DkimEvidence>[]) => ({
  ...good,
  dkim: dkim.map((each) => ({ ...signature, ...each })),
})
const withDmarc = (more: Partial<typeof good.dmarc>) => ({ ...good, dmarc: { ...good.dmarc, ...more } })

describe('authentication', () => {
  test('a good mail', () => {
    expect(trustSymbols({ authentication: good })).toEqual([
      { symbol: 'SPF_PASS', score: -0.1, why: 'The client may send for acme.example.' },
      {
        symbol: 'DKIM_ALIGNED',
        score: -0.3,
        why: "Signed by acme.example, the author's domain.",
        evidence: ['acme.example: pass'],
      },
      { symbol: 'DMARC_PASS', score: -0.5, why: 'acme.example stands behind this mail.' },
    ])
    expect(trustSkipped({ authentication: good })).toEqual([])
    expect(authFacts(good)).toEqual({ spf: 'pass', dkim: 'pass', dmarc: 'pass', arc: 'none' })
  })

  test.each([
    ['fail', 'SPF_FAIL'],
    ['softfail', 'SPF_SOFTFAIL'],
    ['neutral', 'SPF_NEUTRAL'],
    ['none', 'SPF_NONE'],
    ['permerror', 'SPF_PERMERROR'],
    ['temperror', 'SPF_TEMPERROR'],
  ] as const)('SPF %s: %s', (result, symbol) => {
    expect(names({ authentication: withSpf(result) })[0]).toBe(symbol)
  })

  test.each([
    ['none', [], ['DKIM_NONE']],
    ['of another domain', [{ aligned: false }], ['DKIM_VALID']],
    ['broken', [{ result: 'fail', reason: 'bad signature' }], ['DKIM_INVALID']],
    ['one broken, one good', [{ result: 'fail' }, {}], ['DKIM_ALIGNED']],
    ['key not to be had', [{ result: 'temperror' }], ['DKIM_TEMPERROR']],
    ['half the body', [{ unsignedOctets: 20 }], ['DKIM_ALIGNED', 'DKIM_BODY_UNSIGNED']],
    ['half the body, another whole', [{ unsignedOctets: 20 }, { aligned: false }], ['DKIM_ALIGNED']],
  ] as const)('DKIM %s', (_, dkim, symbols) => {
    expect(names({ authentication: withDkim(...dkim) }).filter((each) => each.startsWith('DKIM'))).toEqual(
      symbols,
    )
  })

  test.each([
    [{ result: 'fail', policy: 'reject' }, 'DMARC_REJECT'],
    [{ result: 'fail', policy: 'quarantine' }, 'DMARC_QUARANTINE'],
    [{ result: 'fail', policy: 'none' }, 'DMARC_FAIL'],
    [{ result: 'none', policy: null }, 'DMARC_NONE'],
    [{ result: 'temperror', reason: 'SERVFAIL' }, 'DMARC_TEMPERROR'],
    [{ result: 'permerror', reason: 'several From fields' }, 'AUTHOR_UNCLEAR'],
  ] as const)('DMARC %j: %s', (more, symbol) => {
    expect(names({ authentication: withDmarc(more) }).at(-1)).toBe(symbol)
  })

  test('a forwarder we trust may testify for a mail that it changed; others may not', () => {
    const failed = withDmarc({ result: 'fail' })
    const arc = { ...good.arc, result: 'pass', instance: 1, sealer: 'list.example' } as const
    const vouched = { ...failed, arc: { ...arc, testimony: { ...arc.testimony, dmarc: 'pass' } } }
    const trusting = { trustedSealers: ['list.example'] }
    expect(names({ authentication: vouched }, trusting)).toContain('DMARC_FORWARDED')
    expect(names({ authentication: vouched })).toContain('DMARC_REJECT')
    expect(names({ authentication: { ...failed, arc } }, trusting)).toContain('DMARC_REJECT')
    const broken = { ...vouched, arc: { ...vouched.arc, result: 'fail' as const } }
    expect(names({ authentication: broken }, trusting)).toEqual(
      expect.arrayContaining(['DMARC_REJECT', 'ARC_INVALID']),
    )
  })

  test('DNS off says nothing; a message too large says so', () => {
    const off = { ...withSpf('unavailable'), outcome: 'unavailable' as const }
    expect(names({ authentication: off })).toEqual([])
    expect(authFacts(off).spf).toBe('none')
    expect(names({ authentication: { ...good, outcome: 'too-large' } })).toEqual([
      'SPF_PASS',
      'AUTH_TOO_LARGE',
    ])
  })
})

test.each([
  [{ result: 'none' }, ['NO_REVERSE_NAME']],
  [{ result: 'unconfirmed', names: ['mail.bank.example'] }, ['REVERSE_NAME_FORGED']],
  [{ result: 'confirmed', name: 'a.example', generic: false }, []],
  [{ result: 'confirmed', name: 'dyn-8-8-8-8.example', generic: true }, ['GENERIC_REVERSE_NAME']],
  [{ result: 'private' }, []],
  [{ result: 'temperror', why: 'SERVFAIL' }, []],
  [{ result: 'unavailable' }, []],
] satisfies [ReverseEvidence, string[]][])('client %j', (reverse, symbols) => {
  expect(names({ reverse })).toEqual(symbols)
})

test.each([
  [{ result: 'null-mx' }, ['SENDER_TAKES_NO_MAIL']],
  [{ result: 'no-host' }, ['SENDER_NO_HOST']],
  [{ result: 'no-domain' }, ['SENDER_NO_DOMAIN']],
  [{ result: 'yes', hosts: ['mx.example'], implicit: false }, []],
  [{ result: 'temperror', why: 'SERVFAIL' }, []],
  [{ result: 'unavailable' }, []],
] satisfies [MailAcceptance, string[]][])('sender %j', (acceptance, symbols) => {
  expect(names({ sender: { domain: 'far.example', acceptance } })).toEqual(symbols)
})

test.each([
  [{ result: 'clean' }, []],
  [{ result: 'infected', virus: 'Eicar' }, ['VIRUS_FOUND']],
  [{ result: 'unavailable', why: 'no answer' }, ['VIRUS_NOT_SCANNED']],
] satisfies [VirusScan, string[]][])('virus %j', (virus, symbols) => {
  expect(names({ virus })).toEqual(symbols)
})

test('what did not come to an end is named, each once', () => {
  const lists = { hits: [], weight: 0, answered: 0, skipped: [{ zone: 'zen.example', why: 'SERVFAIL' }] }
  expect(
    trustSkipped({
      authentication: { ...withSpf('temperror'), dkim: [{ ...signature, result: 'temperror' }] },
      reverse: { result: 'temperror', why: 'SERVFAIL' },
      sender: { domain: 'far.example', acceptance: { result: 'temperror', why: 'SERVFAIL' } },
      lists: [lists, lists],
      virus: { result: 'unavailable', why: 'no answer' },
    }),
  ).toEqual(['spf', 'dkim', 'reverse-name', 'sender-domain', 'list:zen.example', 'virus'])
})

test('scores are data: any can be changed, and none alone reaches a default reject but a virus', () => {
  expect(trustSymbols({ reverse: { result: 'none' } }, { scores: { NO_REVERSE_NAME: 0 } })[0]?.score).toBe(0)
  const heavy = Object.entries(TRUST_SCORES).filter(([, score]) => score >= 18)
  expect(heavy.map(([name]) => name)).toEqual(['VIRUS_FOUND'])
})

test('every sentence is a sentence', () => {
  const evidence: TrustEvidence = {
    authentication: { ...withDmarc({ result: 'temperror', reason: 'SERVFAIL', domain: '' }), dkim: [] },
    reverse: { result: 'none' },
    virus: { result: 'unavailable', why: 'no answer' },
    lists: [
      {
        hits: [
          {
            zone: 'z.example',
            name: 'Z',
            subject: '8.8.8.8',
            answer: '127.0.0.2',
            weight: 3,
            meaning: 'is listed',
          },
        ],
        weight: 3,
        answered: 1,
        skipped: [],
      },
    ],
  }
  const symbols = trustSymbols(evidence)
  expect(symbols.length).toBeGreaterThan(4)
  for (const { symbol, why } of symbols) {
    expect(symbol).toMatch(/^[A-Z][A-Z0-9_]+$/)
    expect(why).toMatch(/^[A-Z0-9].*[^.:]\.$/)
    expect(why).not.toMatch(/undefined|null|\{/)
  }
})
