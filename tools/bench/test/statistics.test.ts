import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatFigure, formatSummary, median, percentile, summarize } from '../src/statistics.ts'

describe('median', () => {
  test.each([
    [[3], 3],
    [[1, 9], 5],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
  ])('of %j is %d', (figures, middle) => {
    expect(median(figures)).toBe(middle)
  })

  test('half the figures are at or above it, half at or below', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 }), (figures) => {
        const middle = median(figures)
        expect(figures.filter((figure) => figure <= middle).length * 2).toBeGreaterThanOrEqual(figures.length)
        expect(figures.filter((figure) => figure >= middle).length * 2).toBeGreaterThanOrEqual(figures.length)
      }),
    )
  })

  test('of nothing does not exist', () => {
    expect(() => median([])).toThrow(RangeError)
    expect(summarize([])).toBeNull()
  })
})

test('a summary knows least, most and how many', () => {
  expect(summarize([7, 1, 4])).toEqual({ median: 4, min: 1, max: 7, count: 3 })
})

test.each([
  [[], 0.5, 0],
  [[5], 0.99, 5],
  [Array.from({ length: 101 }, (_, i) => 100 - i), 0.5, 50],
  [Array.from({ length: 101 }, (_, i) => 100 - i), 0.99, 99],
])('percentile %#', (figures, share, expected) => {
  expect(percentile(figures, share)).toBe(expected)
})

test.each([
  [2704.4, '2,704'],
  [153, '153'],
  [15.34, '15.3'],
  [1.2, '1.20'],
  [0.0837, '0.0837'],
  [0, '0'],
])('%d is written %s', (figure, text) => {
  expect(formatFigure(figure)).toBe(text)
})

test('a single figure has no range', () => {
  expect(formatSummary({ median: 2, min: 2, max: 2, count: 1 })).toBe('2.00')
  expect(formatSummary({ median: 2, min: 1, max: 3, count: 5 })).toBe('2.00 [1.00..3.00]')
})
