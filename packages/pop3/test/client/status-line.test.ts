import { latin1Octets, utf8Octets } from '@restante/mail'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseStatusLine } from '../../src/index.ts'

test.each([
  ['+OK', 'ok', null, ''],
  ['+ok hello', 'ok', null, 'hello'],
  ['+OK 2 320', 'ok', null, '2 320'],
  ['-ERR', 'err', null, ''],
  ['-ERR no such message', 'err', null, 'no such message'],
  ['-ERR [IN-USE] locked', 'err', 'IN-USE', 'locked'],
  ['-err [sys/temp] later', 'err', 'SYS/TEMP', 'later'],
  ['-ERR [LOGIN-DELAY]', 'err', 'LOGIN-DELAY', ''],
  ['-ERR [] what', 'err', null, '[] what'],
  ['-ERR [not closed', 'err', null, '[not closed'],
  ['-ERR [a b] words', 'err', null, '[a b] words'],
  ['+ ', 'challenge', null, ''],
  ['+', 'challenge', null, ''],
  ['+ VXNlcm5hbWU6', 'challenge', null, 'VXNlcm5hbWU6'],
])('%s', (line, status, responseCode, text) => {
  expect(parseStatusLine(latin1Octets(line))).toEqual({ status, responseCode, text })
})

test.each(['', 'OK', '+OKAY', '-ERROR', '* OK imap', '220 smtp', ' +OK', '+OK\tx'])(
  '%j is no status line',
  (line) => {
    expect(parseStatusLine(latin1Octets(line))).toBeNull()
  },
)

test('text is UTF-8 where it is, else one character per octet', () => {
  expect(parseStatusLine(utf8Octets('+OK до свидания'))?.text).toBe('до свидания')
  expect(parseStatusLine(latin1Octets('+OK caf\u00e9'))?.text).toBe('caf\u00e9')
})

test('no octets make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
      const status = parseStatusLine(octets)
      expect(status === null || ['ok', 'err', 'challenge'].includes(status.status)).toBe(true)
    }),
  )
})
