import { latin1Octets } from '@restante/mail'
import { expect, test } from 'vitest'
import { parseDropLine, parseScanLine, parseUniqueIdLine, readCapabilities } from '../../src/index.ts'

test.each([
  ['1 120', { number: 1, sizeOctets: 120 }],
  ['4294967295 999999999999999', { number: 4294967295, sizeOctets: 999999999999999 }],
  ['2 0 extra words', { number: 2, sizeOctets: 0 }],
  ['0 120', null],
  ['1', null],
  ['1 -5', null],
  ['1 12x', null],
  ['x 12', null],
  ['1  12', null],
  ['', null],
  ['1 9999999999999999', null],
])('scan line %j', (line, expected) => {
  expect(parseScanLine(line)).toEqual(expected)
  expect(parseScanLine(latin1Octets(line))).toEqual(expected)
})

test.each([
  ['1 whqtswO00WBw418f9t5JxYwZ', { number: 1, id: 'whqtswO00WBw418f9t5JxYwZ' }],
  ['2 !~', { number: 2, id: '!~' }],
  ['3 trailing  ', { number: 3, id: 'trailing' }],
  [`4 ${'a'.repeat(255)}`, { number: 4, id: 'a'.repeat(255) }],
  [`5 ${'a'.repeat(256)}`, null],
  ['6', null],
  ['0 id', null],
  ['7 two words', null],
  ['8 \u00e9', null],
])('unique-id line %j', (line, expected) => {
  expect(parseUniqueIdLine(line)).toEqual(expected)
})

test.each([
  ['2 320', { count: 2, sizeOctets: 320 }],
  ['0 0', { count: 0, sizeOctets: 0 }],
  ['2 320 messages', { count: 2, sizeOctets: 320 }],
  ['two', null],
])('drop line %j', (line, expected) => {
  expect(parseDropLine(line)).toEqual(expected)
})

test('capabilities of a server that says much', () => {
  const capabilities = readCapabilities([
    'TOP',
    'uidl',
    'SASL PLAIN scram-sha-256',
    'EXPIRE 30 USER',
    'LOGIN-DELAY 900',
    'PIPELINING',
    'STLS',
    'IMPLEMENTATION Some Server',
    'X-ODD  a  b',
    '',
  ])
  expect(capabilities).toMatchObject({
    mechanisms: ['PLAIN', 'SCRAM-SHA-256'],
    pipelining: true,
    startTls: true,
    uniqueIds: true,
    top: true,
    user: false,
    expireDays: 30,
    loginDelaySeconds: 900,
    implementation: 'Some Server',
  })
  expect(capabilities.tags.get('X-ODD')).toEqual(['a', 'b'])
})

test.each([
  ['EXPIRE NEVER', 'never'],
  ['EXPIRE 0', 0],
  ['EXPIRE soon', null],
  ['EXPIRE', null],
])('%s', (line, expireDays) => {
  expect(readCapabilities([line]).expireDays).toBe(expireDays)
})

test('capabilities of a server that says nothing', () => {
  expect(readCapabilities([])).toMatchObject({
    pipelining: false,
    mechanisms: [],
    loginDelaySeconds: 0,
    expireDays: null,
  })
})
