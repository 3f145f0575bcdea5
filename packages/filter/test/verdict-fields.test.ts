import { DISPOSITIONS, type FiredSymbol, type Verdict } from '@restante/mail'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { verdictFields, verdictLine } from '../src/index.ts'

const symbol = (name: string, score: number, why: string): FiredSymbol => ({ symbol: name, score, why })
const tagged: Verdict = {
  disposition: 'tag',
  score: 6.3,
  threshold: 6,
  symbols: [
    symbol('LINK_TEXT_LIES', 1.8, 'lying link'),
    symbol('BROKEN_MAIL', 0, 'no date'),
    symbol('BRAND_NAME_FORGED', 4.5, 'forged brand name'),
  ],
  skipped: [],
}

test.each<readonly [string, Partial<Verdict>, string]>([
  ['strongest reason first, silent ones left out', {}, 'tagged 6.3/6.0; forged brand name; lying link'],
  ['no threshold', { threshold: null }, 'tagged 6.3; forged brand name; lying link'],
  ['refused', { disposition: 'reject', symbols: [] }, 'refused 6.3/6.0'],
  ['held', { disposition: 'quarantine', symbols: [] }, 'quarantined 6.3/6.0'],
  ['delivered', { disposition: 'accept', score: -2, symbols: [] }, 'delivered -2.0/6.0'],
  [
    'what was not checked is said',
    { disposition: 'accept', score: 0, symbols: [], skipped: ['everything (timeout)'] },
    'delivered 0.0/6.0; not checked: everything (timeout)',
  ],
])('%s', (_, change, line) => expect(verdictLine({ ...tagged, ...change })).toBe(line))

test('the fields of a tagged copy', () => {
  expect(verdictFields(tagged, 'mx.acme.example')).toBe(
    [
      'Authentication-Results: mx.acme.example; none',
      'X-Restante-Verdict: tagged 6.3/6.0; forged brand name; lying link',
      'X-Spam-Flag: YES',
      'X-Spam-Score: 6.3',
      'X-Spam-Status: Yes, score=6.3 required=6.0 tests=LINK_TEXT_LIES,BROKEN_MAIL,',
      '\tBRAND_NAME_FORGED',
      '',
    ].join('\r\n'),
  )
})

test('a delivered copy says NO; without symbols the tests are none', () => {
  const fields = verdictFields({ ...tagged, disposition: 'accept', score: 0, symbols: [] }, 'mx')
  expect(fields).toContain('X-Spam-Flag: NO\r\n')
  expect(fields).toContain('X-Spam-Status: No, score=0.0 required=6.0 tests=none\r\n')
})

const text = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom('\r', '\n', ' ', '\t', '\u2028', '\0', 'a', 'é', 'ж', ',', ';'),
    maxLength: 200,
  }),
  fc.string({ unit: fc.constant('x'), minLength: 800, maxLength: 2500 }),
)
const verdict: fc.Arbitrary<Verdict> = fc.record({
  disposition: fc.constantFrom(...DISPOSITIONS),
  score: fc.double({ min: -100, max: 100, noNaN: true }),
  threshold: fc.option(fc.double({ min: -100, max: 100, noNaN: true })),
  symbols: fc.array(fc.record({ symbol: text, score: fc.integer({ min: -9, max: 9 }), why: text }), {
    maxLength: 60,
  }),
  skipped: fc.array(text, { maxLength: 5 }),
})

test('whatever was found: whole ASCII lines, five fields, folded, no longer than a header may be', () => {
  fc.assert(
    fc.property(verdict, (given) => {
      const fields = verdictFields(given, 'mx.acme.example')
      expect(fields).toMatch(/^(?:[\t -~]+\r\n)+$/)
      expect(fields.length).toBeLessThan(4096)
      const lines = fields.split('\r\n').slice(0, -1)
      const starts = lines.filter((line) => !line.startsWith('\t'))
      expect(starts.map((line) => line.slice(0, line.indexOf(':')))).toEqual([
        'Authentication-Results',
        'X-Restante-Verdict',
        'X-Spam-Flag',
        'X-Spam-Score',
        'X-Spam-Status',
      ])
      for (const line of lines) {
        expect(line.trim()).not.toBe('')
        // Longer than 78 only where there is no space or comma to fold at.
        if (line.length > 78) expect(line.slice(1, -1)).not.toMatch(/ [^ ]|,[^ ,]/)
        expect(line.length).toBeLessThan(998)
      }
    }),
    { numRuns: 2000 },
  )
})
