import { describe, expect, test } from 'vitest'
import { acceptsMail, createResolver, forwardConfirmed, isGenericName, parseIp } from '../src/index.ts'
import { type Zone, zoneResolver } from '../src/testkit/index.ts'

describe('a host and its name', () => {
  const ptr = '9.8.8.8.in-addr.arpa'
  test.each([
    [
      'name and address agree',
      { [ptr]: { PTR: ['mail.acme.example'] }, 'mail.acme.example': { A: ['192.0.2.1', '8.8.8.9'] } },
      { result: 'confirmed', name: 'mail.acme.example', generic: false },
    ],
    [
      'one of two names agrees',
      {
        [ptr]: { PTR: ['x.example', 'y.example'] },
        'x.example': { A: ['192.0.2.1'] },
        'y.example': { A: ['8.8.8.9'] },
      },
      { result: 'confirmed', name: 'y.example', generic: false },
    ],
    [
      'a name made from the address',
      { [ptr]: { PTR: ['host-8-8-8-9.pool.example'] }, 'host-8-8-8-9.pool.example': { A: ['8.8.8.9'] } },
      { result: 'confirmed', name: 'host-8-8-8-9.pool.example', generic: true },
    ],
    [
      'a name that is not its own',
      { [ptr]: { PTR: ['mail.bank.example'] }, 'mail.bank.example': { A: ['192.0.2.1'] } },
      { result: 'unconfirmed', names: ['mail.bank.example'] },
    ],
    [
      'a name that is not there',
      { [ptr]: { PTR: ['gone.example'] } },
      { result: 'unconfirmed', names: ['gone.example'] },
    ],
    ['no name', {}, { result: 'none' }],
    ['the reverse zone is down', { [ptr]: 'SERVFAIL' }, { result: 'temperror', why: 'SERVFAIL' }],
    [
      'the forward zone is down',
      { [ptr]: { PTR: ['x.example'] }, 'x.example': 'TIMEOUT' },
      { result: 'temperror', why: 'no answer in time' },
    ],
  ] as const)('%s', async (_, zone, expected) => {
    expect(await forwardConfirmed('8.8.8.9', zoneResolver(zone as Zone))).toEqual(expected)
  })

  test('IPv6, whatever the spelling', async () => {
    const zone = {
      '5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5.4.1.0.0.a.2.ip6.arpa': { PTR: ['six.example'] },
      'six.example': { AAAA: ['2A00:1450:0::5'] },
    }
    expect(await forwardConfirmed('2a00:1450::0:5', zoneResolver(zone))).toMatchObject({
      result: 'confirmed',
    })
  })

  test('of many names five are followed; private addresses and nonsense ask nobody', async () => {
    const resolver = zoneResolver({ [ptr]: { PTR: Array.from({ length: 40 }, (_, i) => `n${i}.example`) } })
    await forwardConfirmed('8.8.8.9', resolver)
    expect(resolver.questions).toHaveLength(6)
    for (const ip of ['10.0.0.1', '127.0.0.1', '::1', '', 'x'])
      expect(await forwardConfirmed(ip, resolver)).toEqual({ result: 'private' })
    expect(resolver.questions).toHaveLength(6)
    const off = createResolver({ servers: 'off' })
    expect(await forwardConfirmed('8.8.8.9', off)).toEqual({ result: 'unavailable' })
  })

  test.each([
    ['203-0-113-77.pool.example', '203.0.113.77', true],
    ['77.113.0.203.dsl.example', '203.0.113.77', true],
    ['cpe-203.0.example', '203.0.113.77', true],
    ['p4db8c1a7.dip.example', '77.184.193.167', true],
    ['host113-77.example', '203.0.113.77', false],
    ['dyn-000-113-077.example', '203.0.113.77', true],
    ['mail.acme.example', '203.0.113.77', false],
    ['mx1.acme.example', '203.0.113.1', false],
    ['mail-77.acme.example', '203.0.113.77', false],
    ['p200300c1234567890abcdef012345678.dip.example', '2003:c1:2345:6789:abc:def0:1234:5678', true],
    ['mail.acme.example', '2001:db8::1', false],
  ])('%s for %s is made up: %s', (name, ip, generic) => {
    expect(isGenericName(name, parseIp(ip) as Uint8Array)).toBe(generic)
  })
})

describe('whether a domain takes mail', () => {
  test.each([
    [
      'hosts by preference',
      { 'acme.example': { MX: ['20 b.example', '10 a.example'] } },
      { result: 'yes', hosts: ['a.example', 'b.example'], implicit: false },
    ],
    ['null MX', { 'acme.example': { MX: ['0 .'], A: ['192.0.2.1'] } }, { result: 'null-mx' }],
    [
      'no MX, an address',
      { 'acme.example': { AAAA: ['2001:db8::1'] } },
      { result: 'yes', hosts: ['acme.example'], implicit: true },
    ],
    ['no MX, no address', { 'acme.example': { TXT: ['x'] } }, { result: 'no-host' }],
    ['no such domain', {}, { result: 'no-domain' }],
    ['down', { 'acme.example': 'SERVFAIL' }, { result: 'temperror', why: 'SERVFAIL' }],
    ['half down', { 'acme.example': { A: 'TIMEOUT' } }, { result: 'temperror', why: 'no answer in time' }],
  ] as const)('%s', async (_, zone, expected) => {
    expect(await acceptsMail('acme.example', zoneResolver(zone as Zone))).toEqual(expected)
  })

  test('DNS off', async () => {
    expect(await acceptsMail('acme.example', createResolver({ servers: 'off' }))).toEqual({
      result: 'unavailable',
    })
  })
})
