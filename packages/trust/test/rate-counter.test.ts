import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createClientRates, createRateCounter } from '../src/index.ts'

describe('a counter', () => {
  test('allows so many in a window, and says when to come again', () => {
    const counter = createRateCounter({ max: 3, windowMs: 1_000 })
    for (const count of [1, 2, 3])
      expect(counter.count('a', 0)).toEqual({ allowed: true, count, retryAfterMs: 0 })
    const refused = counter.count('a', 10)
    expect(refused).toMatchObject({ allowed: false, count: 4 })
    expect(counter.count('a', 10 + refused.retryAfterMs).allowed).toBe(true)
    expect(counter.count('b', 10).allowed).toBe(true)
  })

  test('what is refused does not count', () => {
    const counter = createRateCounter({ max: 1, windowMs: 1_000 })
    counter.count('a', 0)
    for (let nowMs = 0; nowMs < 2_000; nowMs += 10) expect(counter.count('a', nowMs).allowed).toBe(false)
    expect(counter.count('a', 2_000).allowed).toBe(true)
  })

  test('forgets the least used key when there are too many', () => {
    const counter = createRateCounter({ max: 1, windowMs: 1_000 }, 2)
    for (const key of ['a', 'b', 'a', 'c']) counter.count(key, 0)
    expect(counter.size).toBe(2)
    expect(counter.count('a', 0).allowed).toBe(false)
    expect(counter.count('b', 0).allowed).toBe(true)
  })

  test('never over the limit within an aligned window, whatever comes; a clock that goes back is survived', () => {
    const steps = fc.array(fc.integer({ min: -500, max: 1_500 }), { maxLength: 200 })
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), (waits, max) => {
        const counter = createRateCounter({ max, windowMs: 1_000 })
        const allowed = new Map<number, number>()
        let nowMs = 10_000
        let latest = 0
        for (const wait of waits) {
          nowMs = Math.max(0, nowMs + wait)
          const window = Math.floor(nowMs / 1_000)
          latest = Math.max(latest, window)
          if (counter.count('a', nowMs).allowed) allowed.set(latest, (allowed.get(latest) ?? 0) + 1)
        }
        for (const count of allowed.values()) expect(count).toBeLessThanOrEqual(max)
      }),
    )
  })
})

describe('clients', () => {
  const limits = { address: { max: 2, windowMs: 1_000 }, network: { max: 3, windowMs: 1_000 } }

  test('by address and by network; a refused address leaves its network alone', () => {
    const rates = createClientRates(limits)
    expect(rates.count('8.8.8.1', 0)).toMatchObject({ allowed: true, by: null })
    expect(rates.count('::ffff:8.8.8.1', 0)).toMatchObject({ allowed: true, by: null })
    for (let i = 0; i < 5; i++)
      expect(rates.count('8.8.8.1', 0)).toMatchObject({ allowed: false, by: 'address' })
    expect(rates.count('8.8.8.2', 0)).toMatchObject({ allowed: true, by: null })
    const refused = rates.count('8.8.8.3', 0)
    expect(refused).toMatchObject({ allowed: false, by: 'network' })
    expect(refused.retryAfterMs).toBeGreaterThan(0)
    expect(rates.count('8.8.9.3', 0)).toMatchObject({ allowed: true })
  })

  test('IPv6 by /64', () => {
    const rates = createClientRates(limits)
    for (const host of [1, 2, 3]) expect(rates.count(`2a00:1:2:3::${host}`, 0).allowed).toBe(true)
    expect(rates.count('2a00:1:2:3:ffff::9', 0)).toMatchObject({ allowed: false, by: 'network' })
    expect(rates.count('2a00:1:2:4::9', 0).allowed).toBe(true)
  })

  test('what is no address is let through', () => {
    const rates = createClientRates(limits)
    for (let i = 0; i < 10; i++) expect(rates.count('', 0).allowed).toBe(true)
  })
})
