import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createThrottle, THROTTLE_DEFAULTS, throttleAddress } from '../src/throttle.ts'

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['unix', 'unix'],
  ['', ''],
])('%s is counted as %s', (remote, counted) => {
  expect(throttleAddress(remote)).toBe(counted)
})

test('addresses of one /64 share a count, others do not', () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const counted = throttleAddress(address)
      expect(counted).toMatch(/^(?:\d+\.\d+\.\d+\.\d+|[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){3}::\/64)$/)
    }),
  )
})

function guess(
  throttle: ReturnType<typeof createThrottle>,
  remote: string,
  address: string,
  tag: string,
): boolean {
  const admitted = throttle.admit(remote, address)
  if ('attempt' in admitted) admitted.attempt.failed(tag, 'e')
  return 'attempt' in admitted
}

test('failures are forgiven one by one', () => {
  let nowMs = 0
  const throttle = createThrottle(THROTTLE_DEFAULTS, () => nowMs)
  for (let i = 0; i < 6; i++) expect(guess(throttle, 'x', 'anna', `${i}`)).toBe(true)
  expect(guess(throttle, 'x', 'anna', 'refused')).toBe(false)
  nowMs += 3 * THROTTLE_DEFAULTS.forgiveMs
  for (let i = 0; i < 3; i++) expect(guess(throttle, 'x', 'anna', `again ${i}`)).toBe(true)
  expect(guess(throttle, 'x', 'anna', 'refused')).toBe(false)
})

test('an attempt refused does not lengthen the wait', () => {
  let nowMs = 0
  const throttle = createThrottle(THROTTLE_DEFAULTS, () => nowMs)
  for (let i = 0; i < 6; i++) guess(throttle, 'x', 'anna', `${i}`)
  for (; nowMs < 1000; nowMs += 100)
    expect(throttle.admit('x', 'anna')).toEqual({ retryAfterMs: 1000 - nowMs })
  expect(throttle.admit('x', 'anna')).toHaveProperty('attempt')
})

test('a clock set back locks nobody out for longer than the longest wait', () => {
  let nowMs = 1e9
  const throttle = createThrottle(THROTTLE_DEFAULTS, () => nowMs)
  for (let i = 0; i < 6; i++) guess(throttle, 'x', 'anna', `${i}`)
  nowMs = 0
  const admitted = throttle.admit('x', 'anna')
  expect('retryAfterMs' in admitted && admitted.retryAfterMs).toBeLessThanOrEqual(
    THROTTLE_DEFAULTS.pair.maxMs,
  )
})

test('what is remembered is bounded, the longest unused goes first', () => {
  const throttle = createThrottle({ ...THROTTLE_DEFAULTS, entries: 2 }, () => 0)
  for (let i = 0; i < 6; i++) guess(throttle, 'x', 'anna', `${i}`)
  expect(throttle.list()).toHaveLength(1)
  for (let i = 0; i < 4; i++) guess(throttle, `y${i}`, 'ben', 'g')
  expect(throttle.list()).toEqual([])
  expect(throttle.clear()).toBe(4)
})

test('clearing by address or account forgets only those', () => {
  const throttle = createThrottle(THROTTLE_DEFAULTS, () => 0)
  for (const [remote, address] of [
    ['x', 'anna'],
    ['x', 'ben'],
    ['y', 'anna'],
  ] as const)
    for (let i = 0; i < 6; i++) guess(throttle, remote, address, `${i}`)
  const listed = () => throttle.list().map(({ remote, address }) => `${remote} ${address}`)
  expect(listed()).toEqual(['x anna', 'x ben', 'y anna'])
  expect(throttle.clear({ address: 'ben' })).toBe(1)
  expect(throttle.clear({ remote: 'y', address: 'anna' })).toBe(1)
  expect(listed()).toEqual(['x anna'])
})

test('wrong secrets are remembered per pair, a few of them, and per epoch', () => {
  const throttle = createThrottle(THROTTLE_DEFAULTS, () => 0)
  guess(throttle, 'x', 'anna', 'tag')
  expect(throttle.isKnownWrong('x', 'anna', 'tag', 'e')).toBe(true)
  expect(throttle.isKnownWrong('x', 'anna', 'tag', 'later')).toBe(false)
  expect(throttle.isKnownWrong('y', 'anna', 'tag', 'e')).toBe(false)
  expect(throttle.isKnownWrong('x', 'ben', 'tag', 'e')).toBe(false)
})

test('whatever happens, an account is never shut to an address that did not fail', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          remote: fc.constantFrom('a', 'b'),
          address: fc.constantFrom('anna', 'ben'),
          waitMs: fc.nat(5000),
        }),
        {
          maxLength: 200,
        },
      ),
      (guesses) => {
        let nowMs = 0
        const throttle = createThrottle(THROTTLE_DEFAULTS, () => nowMs)
        guesses.forEach(({ remote, address, waitMs }, i) => {
          nowMs += waitMs
          guess(throttle, remote, address, `${i}`)
        })
        expect(throttle.admit('owner', 'anna')).toHaveProperty('attempt')
      },
    ),
  )
})
