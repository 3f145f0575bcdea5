import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type DkimEvidence, formatAuthenticationResults } from '../src/index.ts'

const signature: DkimEvidence = {
  result: 'pass',
  domain: 'acme.example',
  selector: 'one',
  algorithm: 'rsa-sha256',
  aligned: true,
  keyBits: 2048,
  unsignedOctets: 0,
  testing: false,
  signature: 'AbCd+/12',
  reason: null,
}
const spf = {
  result: 'pass',
  identity: 'mailfrom',
  domain: 'acme.example',
  lookups: 1,
  reason: null,
} as const
const dmarc = {
  result: 'fail',
  domain: 'acme.example',
  policyDomain: 'acme.example',
  policy: 'reject',
  testMode: false,
  alignedBy: [],
  reason: null,
} as const

test('all methods, each on its line', () => {
  const arc = {
    result: 'fail',
    instance: 2,
    sealer: 'list.example',
    testimony: { spf: '', dkim: [], dmarc: '' },
    reason: 'no valid signature',
  } as const
  const iprev = { result: 'pass', clientIp: '2001:db8::1' } as const
  expect(formatAuthenticationResults('mx.here.example', { iprev, spf, dkim: [signature], dmarc, arc })).toBe(
    [
      'Authentication-Results: mx.here.example;',
      '\tiprev=pass policy.iprev="2001:db8::1";',
      '\tspf=pass smtp.mailfrom=acme.example;',
      '\tdkim=pass header.d=acme.example header.s=one header.a=rsa-sha256',
      '\t header.b="AbCd+/12";',
      '\tdmarc=fail header.from=acme.example policy.dmarc=reject;',
      '\tarc=fail reason="no valid signature"',
      '',
    ].join('\r\n'),
  )
})

test('an unsigned message says so; nothing asked says none', () => {
  expect(formatAuthenticationResults('mx', { dkim: [] })).toBe(
    'Authentication-Results: mx;\r\n\tdkim=none\r\n',
  )
  expect(formatAuthenticationResults('mx', {})).toBe('Authentication-Results: mx;\r\n\tnone\r\n')
})

test('whatever a sender puts into names, the field is ASCII, one field, with short lines', () => {
  const character = fc.integer({ min: 0, max: 0x2ff }).map((code) => String.fromCharCode(code))
  const hostile = fc.oneof(
    fc.string({ unit: character, maxLength: 300 }),
    fc.constantFrom(
      'a\r\nX-Spam-Flag: NO',
      '"; spf=pass',
      '\\',
      'bücher.example',
      ';dkim=pass',
      'a'.repeat(5_000),
    ),
  )
  fc.assert(
    fc.property(hostile, hostile, hostile, (domain, selector, reason) => {
      const text = formatAuthenticationResults('mx.here.example', {
        spf: { ...spf, domain, result: 'permerror', reason },
        dkim: Array.from({ length: 8 }, () => ({
          ...signature,
          result: 'fail' as const,
          domain,
          selector,
          reason,
        })),
        dmarc: { ...dmarc, domain },
      })
      expect(text).toMatch(/^Authentication-Results: mx\.here\.example;(?:\r\n\t[\u0020-\u007e]+)+\r\n$/)
      expect(Math.max(...text.split('\r\n').map((line) => line.length))).toBeLessThan(600)
      expect(text.length).toBeLessThan(8_192)
      // Outside of quoted strings, nothing but our own words.
      const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, '""')
      expect(bare.match(/spf=\w+/g)).toEqual(['spf=permerror'])
      expect(bare.match(/dkim=\w+/g)).toHaveLength(8)
    }),
  )
})
