import { expect, test } from 'vitest'
import { formatSize, nearest, parseDuration, parseSize } from '../src/index.ts'

test.each([
  ['35MB', 35_000_000],
  ['64 KiB', 65_536],
  ['1.5 gb', 1_500_000_000],
  [4096, 4096],
  ['12', 12],
  ['-1', null],
  ['MB', null],
  ['3 parsecs', null],
])('size %j', (text, octets) => expect(parseSize(text)).toBe(octets))

test.each([
  ['30d', 30 * 86_400_000],
  ['10 min', 600_000],
  ['250ms', 250],
  [90, 90_000],
  ['1y', null],
])('duration %j', (text, ms) => expect(parseDuration(text)).toBe(ms))

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1234, '1.2 KB'],
  [123_456, '123 KB'],
  [35_000_000, '35.0 MB'],
])('%d octets read %s', (octets, text) => expect(formatSize(octets)).toBe(text))

test('a slip finds its word, a stranger does not', () => {
  expect(nearest('treshold', ['thresholds', 'tag'])).toBe('thresholds')
  expect(nearest('hsotname', ['hostname', 'domains'])).toBe('hostname')
  expect(nearest('zebra', ['hostname', 'domains'])).toBeNull()
})
