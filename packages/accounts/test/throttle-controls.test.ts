import { expect, test, vi } from 'vitest'
import { type Throttled, throttleControls } from '../src/index.ts'

test('the list is told as it is, and no longer than can be read', () => {
  const entry: Throttled = { remote: '192.0.2.1', address: null, failures: 7, untilMs: 5 }
  const of = (length: number) =>
    throttleControls({ list: () => Array.from({ length }, () => entry), clear: () => 0 })['throttle-list']()
  expect(of(1)).toEqual([entry])
  expect(of(5_000)).toHaveLength(1_000)
})

test.each([
  [{}, {}],
  [{ remote: '192.0.2.1' }, { remote: '192.0.2.1' }],
  [{ address: 'anna@acme.example', other: 1 }, { address: 'anna@acme.example' }],
  [{ remote: 7 }, {}],
])('clear %j', (given, filter) => {
  const clear = vi.fn(() => 3)
  expect(throttleControls({ list: () => [], clear })['throttle-clear'](given)).toBe(3)
  expect(clear).toHaveBeenCalledWith(filter)
})
