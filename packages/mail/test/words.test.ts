import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  canonicalAddress,
  disposeByScore,
  fillReply,
  formatPath,
  formatUniqueId,
  isUniqueId,
  parsePath,
  REPLIES,
  uniqueIdTimeMs,
  utf8Octets,
  utf8Text,
} from '../src/index.ts'

test.each([
  ['anna@acme.example', 'anna', 'acme.example'],
  ['a.b+c@acme.example', 'a.b+c', 'acme.example'],
  ['"john doe"@acme.example', 'john doe', 'acme.example'],
  ['"a\\"b"@acme.example', 'a"b', 'acme.example'],
  ['anna@[192.0.2.1]', 'anna', '[192.0.2.1]'],
  ['анна@пример.рф', 'анна', 'пример.рф'],
])('path %s', (text, localPart, domain) => {
  expect(parsePath(text)).toEqual({ localPart, domain })
  expect(formatPath(parsePath(text)!)).toBe(text)
})

test.each([
  '',
  '@',
  'a@',
  '@b',
  'a b@c',
  'a..b@c',
  '.a@c',
  'a@c..d',
  'a@-c',
  '"a@c',
  'a@c\r\n',
  `${'x'.repeat(330)}@c`,
])('no path: %j', (text) => expect(parsePath(text)).toBeNull())

test('addresses compare without case', () => {
  expect(canonicalAddress(parsePath('Anna@ACME.example')!)).toBe('anna@acme.example')
})

test('unique-ids sort by time, stay in the alphabet and tell their time', () => {
  fc.assert(
    fc.property(
      fc.nat(2 ** 31),
      fc.nat(2 ** 31),
      fc.uint8Array({ minLength: 10, maxLength: 10 }),
      (a, b, random) => {
        const [x, y] = [formatUniqueId(a * 1000, random), formatUniqueId(b * 1000, random)]
        expect(x).toHaveLength(26)
        expect(isUniqueId(x)).toBe(true)
        expect(uniqueIdTimeMs(x)).toBe(a * 1000)
        expect(Math.sign(a - b)).toBe(x < y ? -1 : x > y ? 1 : 0)
      },
    ),
  )
})

test('UTF-8 both ways, and malformed octets are told', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect([...utf8Octets(text)]).toEqual([...Buffer.from(text)])
      expect(utf8Text(Buffer.from(text))).toBe(text.toWellFormed())
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8 }), (octets) => {
      const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
      let expected: string | null = null
      try {
        expected = fatal.decode(octets)
      } catch {}
      expect(utf8Text(octets)).toBe(expected)
    }),
    { numRuns: 5000 },
  )
})

test('scores dispose by the hardest threshold reached', () => {
  const thresholds = { tag: 6, quarantine: 9, reject: null }
  expect(disposeByScore(5.9, thresholds)).toEqual({ disposition: 'accept', threshold: 6 })
  expect(disposeByScore(6, thresholds)).toEqual({ disposition: 'tag', threshold: 6 })
  expect(disposeByScore(99, thresholds)).toEqual({ disposition: 'quarantine', threshold: 9 })
})

test('every reply knows its code class, and values cannot break the line', () => {
  for (const [reason, reply] of Object.entries(REPLIES)) {
    expect(reply.reason).toBe(reason)
    expect(String(reply.code)[0]).toBe(reply.enhanced[0])
  }
  expect(fillReply(REPLIES['unknown-recipient'], { address: 'a\r\nb' }).text).toContain('a b')
})
