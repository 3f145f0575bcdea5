import { isIP } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalIp, formatIp, isPublicIp, networkOf, parseIp, reverseName } from '../src/index.ts'

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:0201', '192.0.2.1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['2001:db8::1:0:0:1', '2001:db8::1:0:0:1'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['192.0.2.256', null],
  ['192.0.2', null],
  ['', null],
  ['mail.example', null],
  [':::', null],
])('%s is %s', (text, canonical) => {
  expect(canonicalIp(text)).toBe(canonical)
})

test('every address is read and written the same', () => {
  const six = fc.uint8Array({ minLength: 16, maxLength: 16 })
  fc.assert(
    fc.property(fc.oneof(six, fc.ipV6(), fc.ipV4()), (given) => {
      const octets = typeof given === 'string' ? parseIp(given) : given
      if (octets === null) throw new Error(`${given} was not read`)
      const text = formatIp(octets)
      expect(isIP(text)).not.toBe(0)
      expect(canonicalIp(text)).toBe(canonicalIp(formatIp(parseIp(text) as Uint8Array)))
      if (octets.length === 16 && !text.startsWith('::ffff:')) expect(parseIp(text)).toEqual(octets)
    }),
  )
})

test('reverse names and networks', () => {
  expect(reverseName(parseIp('192.0.2.1') as Uint8Array)).toBe('1.2.0.192.in-addr.arpa')
  expect(reverseName(parseIp('2001:db8::567:89ab') as Uint8Array)).toBe(
    'b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
  )
  expect(networkOf('192.0.2.77')).toBe('192.0.2.0/24')
  expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
  expect(networkOf('unknown')).toBeNull()
})

test.each([
  ['8.8.8.8', true],
  ['172.15.255.255', true],
  ['172.32.0.1', true],
  ['2a01:4f8::1', true],
  ['10.1.2.3', false],
  ['127.0.0.1', false],
  ['172.16.0.1', false],
  ['192.168.1.1', false],
  ['169.254.1.1', false],
  ['100.64.0.1', false],
  ['192.0.2.1', true],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['0.0.0.0', false],
  ['::ffff:10.0.0.1', false],
  ['::1', false],
  ['fe80::1', false],
  ['fd00::1', false],
  ['ff02::1', false],
  ['2001:db8::1', true],
  ['2001:20::1', false],
])('%s public: %s', (text, isPublic) => {
  expect(isPublicIp(parseIp(text) as Uint8Array)).toBe(isPublic)
})
