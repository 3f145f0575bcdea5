import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  cleanMessage,
  concatOctets,
  headerEnd,
  latin1Octets,
  latin1Text,
  removeForeignFields,
} from '../src/index.ts'

const clean = (text: string) => {
  const { octets, removed, hops } = removeForeignFields(latin1Octets(text), 'mx.acme.example')
  return { text: latin1Text(octets), removed, hops }
}

test.each([
  ['From: a@b\r\n\r\n', 'From: a@b\r\n\r\n', []],
  ['Return-Path: <x@y>\r\nFrom: a\r\n', 'From: a\r\n', ['return-path']],
  ['From: a\nX-Spam-Flag: NO\n yes\n\tand more\nTo: b\n\n', 'From: a\nTo: b\n\n', ['x-spam-flag']],
  ['X-SPAM-Status : a\r\nx-restante-verdict: b\r\n\r\n', '\r\n', ['x-spam-status', 'x-restante-verdict']],
  ['X-Spammer: kept\r\nX-Spam: kept\r\n', 'X-Spammer: kept\r\nX-Spam: kept\r\n', []],
  ['Authentication-Results: mx.acme.example; spf=pass\r\n', '', ['authentication-results']],
  ['Authentication-Results: (a comment) "MX.acme.example" 1; spf=pass\r\n', '', ['authentication-results']],
  [
    'Authentication-Results:\r\n mx.acme.example;\r\n\tdkim=pass\r\nA: b\r\n',
    'A: b\r\n',
    ['authentication-results'],
  ],
  [
    'Authentication-Results: mx.other.example; spf=pass\r\n',
    'Authentication-Results: mx.other.example; spf=pass\r\n',
    [],
  ],
  ['no colon\r\nX-Spam-Level: *', 'no colon\r\n', ['x-spam-level']],
  ['', '', []],
])('%j', (before, after, removed) => expect(clean(before)).toMatchObject({ text: after, removed }))

test('hops are counted', () => {
  expect(clean('Received: a\r\nRECEIVED: b\r\n c\r\nX: received: d\r\n').hops).toBe(2)
})

test.each([
  ['\r\nbody', 2],
  ['\nbody', 1],
  ['A: b\r\n\r\nbody', 8],
  ['A: b\n\nbody', 6],
  ['A: b\n\r\nbody', 7],
  ['A: b\r\nC: d', -1],
  ['', -1],
])('header end of %j', (text, end) => expect(headerEnd(latin1Octets(text))).toBe(end))

test('a stream split anywhere is cleaned like the whole; the body is never touched', async () => {
  const line = fc.constantFrom(
    'X-Spam-Flag: YES\r\n',
    'From: a\r\n',
    ' folded\r\n',
    'Return-Path: <>\r\n',
    'x',
    '\r',
    '\n',
    ': ',
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 12 }),
      fc.array(fc.nat(120), { maxLength: 8 }),
      async (lines, cuts) => {
        const whole = latin1Octets(lines.join(''))
        const places = [
          0,
          ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b),
          whole.length,
        ]
        async function* source() {
          for (let i = 1; i < places.length; i++) yield whole.subarray(places[i - 1], places[i])
        }
        const out: Uint8Array[] = []
        for await (const chunk of (await cleanMessage(source(), 'x')).octets) out.push(chunk)
        const end = headerEnd(whole)
        const header = end < 0 ? whole : whole.subarray(0, end)
        const expected =
          latin1Text(removeForeignFields(header, 'x').octets) + latin1Text(whole.subarray(header.length))
        expect(out.length === 0 ? '' : latin1Text(concatOctets(out))).toBe(expected)
      },
    ),
    { numRuns: 1000 },
  )
})
