import type { Classification } from '@restante/bayes'
import { DEFAULT_BANDS } from '@restante/bayes'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bayesSymbol, pointsOf } from '../src/index.ts'

const oddsOf = (probability: number) => Math.log(probability / (1 - probability))
const odds = fc.oneof(
  fc.double({ noNaN: true, min: -50, max: 50 }),
  fc.double({ noNaN: true, min: -8, max: 8 }),
)

test.each([
  [0.5, 0],
  [DEFAULT_BANDS.spam, 6],
  [0.99, 9],
  [0.9999, 12],
  [0.1, -2],
  [0.0001, -4],
])('probability %d is worth %d', (probability, points) =>
  expect(pointsOf(oddsOf(probability), true)).toBe(points),
)

test('surer never means fewer points; the classifier alone never reaches a refusal', () => {
  fc.assert(
    fc.property(odds, odds, fc.boolean(), (a, b, significant) => {
      const [low, high] = a < b ? [a, b] : [b, a]
      expect(pointsOf(low, significant)).toBeLessThanOrEqual(pointsOf(high, significant))
      expect(pointsOf(high, significant)).toBeLessThanOrEqual(12)
      expect(pointsOf(low, significant)).toBeGreaterThanOrEqual(-4)
    }),
    { numRuns: 2000 },
  )
})

test('while little is known it speaks, but does not decide', () => {
  fc.assert(
    fc.property(odds, (logOdds) => {
      const points = pointsOf(logOdds, false)
      expect(Math.abs(points)).toBeLessThanOrEqual(3)
      expect(Math.sign(points) * Math.sign(pointsOf(logOdds, true))).toBeGreaterThanOrEqual(0)
      if (Math.abs(pointsOf(logOdds, true)) <= 3) expect(points).toBe(pointsOf(logOdds, true))
    }),
  )
})

const classification = (probability: number, change: Partial<Classification> = {}): Classification => ({
  probability,
  logOdds: oddsOf(probability),
  significant: true,
  weight: 1,
  evidence: [['word', 0.97, 12]],
  tokens: 50,
  knownTokens: 40,
  views: { headerTokens: 0, textTokens: 0, headerGrams: 0, textGrams: 0 },
  ...change,
})
const counts = { ham: 150, spam: 162 }

test.each([
  [0.99, 'BAYES_SPAM', 'looks like known spam (99 %)'],
  [0.9951, 'BAYES_SPAM', 'looks like known spam (99.5 %)'],
  [0.99999, 'BAYES_SPAM', 'looks like known spam (100 %)'],
  [0.5, 'BAYES_UNSURE', 'could be spam or not (50 %)'],
  [0.001, 'BAYES_HAM', 'looks like known good mail (0 %)'],
])('%d is %s', (probability, symbol, why) => {
  expect(bayesSymbol(classification(probability), counts)).toMatchObject({ symbol, why })
})

test('it names the words that decided, at most eight', () => {
  const evidence = Array.from({ length: 12 }, (_, i) => [`word${i}`, 0.97, i + 1] as const)
  const fired = bayesSymbol(classification(0.99, { evidence }), counts)
  expect(fired.evidence).toHaveLength(8)
  expect(fired.evidence?.[0]).toBe('word0 97 % of 1')
})

test('half-trained says how far it has come; untrained says what it needs', () => {
  const young = bayesSymbol(classification(0.7, { weight: 0.35, significant: false }), { ham: 5, spam: 162 })
  expect(young.why).toBe('could be spam or not (70 %, weight 35 %: 162 spam / 5 good learned)')
  expect(bayesSymbol(classification(0.5, { weight: 0 }), { ham: 0, spam: 7 })).toEqual({
    symbol: 'BAYES_UNTRAINED',
    score: 0,
    why: 'the filter has learned 7 spam and 0 good messages and needs some of both',
  })
})
