import { formatPath } from '@restante/mail'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeXtext,
  parseAddressArgument,
  parseCommandLine,
  parseHelo,
  RECIPIENT_SYNTAX,
} from '../src/grammar.ts'
import { type Offered, readMailParameters, readRcptParameters } from '../src/parameters.ts'

const ALL: Offered = { maxSizeOctets: 1000, dsn: true, auth: true, requireTls: true }
const NONE: Offered = { maxSizeOctets: 1000, dsn: false, auth: false, requireTls: false }

function line(text: string | Buffer): string {
  const parsed = parseCommandLine(Buffer.from(text))
  if ('refuse' in parsed) return parsed.refuse.reason
  return `${parsed.ok.verb}|${parsed.ok.argument}`
}

function address(argument: string): string {
  const parsed = parseAddressArgument('TO', argument, RECIPIENT_SYNTAX)
  if ('refuse' in parsed) return parsed.refuse.reason
  const { path, parameters } = parsed.ok
  const words = [...parameters].map(([name, value]) => (value === null ? name : `${name}=${value}`))
  return [path === null ? '<>' : path.domain === '' ? path.localPart : formatPath(path), ...words].join(' ')
}

function parameters(kind: 'FROM' | 'TO', text: string, offered: Offered): unknown {
  const parsed = parseAddressArgument(kind, `${kind}:<a@b>${text}`, RECIPIENT_SYNTAX)
  if ('refuse' in parsed) return parsed.refuse.code
  const read =
    kind === 'FROM'
      ? readMailParameters(parsed.ok.parameters, offered)
      : readRcptParameters(parsed.ok.parameters, offered)
  return 'refuse' in read ? read.refuse.code : read.ok
}

describe('command lines', () => {
  test.each([
    ['NOOP', 'NOOP|null'],
    ['noop', 'NOOP|null'],
    ['NoOp  x y ', 'NOOP|x y'],
    ['', '|null'],
    [' NOOP', '|NOOP'],
    ['MAIL FROM:<a@b>', 'MAIL|FROM:<a@b>'],
    ['MAIL\tFROM:<a@b>', 'MAIL|FROM:<a@b>'],
    ['NOOP\0', 'control-in-command'],
    ['NOOP\nNOOP', 'control-in-command'],
    ['NOOP\rNOOP', 'control-in-command'],
    ['NOOP \x1b[2J', 'control-in-command'],
    ['EHLO bücher.example', 'EHLO|bücher.example'],
  ])('%j', (text, expected) => {
    expect(line(text)).toBe(expected)
  })

  test('refuses octets that are not UTF-8', () => {
    expect(line(Buffer.from('MAIL FROM:<\xff@b>', 'latin1'))).toBe('not-utf8')
  })
})

const LOCAL_64 = 'l'.repeat(64)
const DOMAIN_189 = `${'d'.repeat(63)}.${'e'.repeat(63)}.${'f'.repeat(61)}`

const character = fc.oneof(
  fc.constantFrom('<', '>', '"', '\\', '@', '.', ':', ',', ' ', '\t', '[', ']', '=', 'a'),
  fc.nat(0x10ffff).map((point) => String.fromCodePoint(point)),
)

describe('addresses', () => {
  test.each([
    ['TO:<a@b.example>', 'a@b.example'],
    ['to:<a@b.example>', 'a@b.example'],
    ['TO: <a@b.example>', 'a@b.example'],
    ['TO:<a@b.example>  SIZE=1   X', 'a@b.example SIZE=1 X'],
    ['TO:<a@b.example>\tX', 'a@b.example X'],
    ['TO:<>', '<>'],
    ['TO:<Postmaster>', 'Postmaster'],
    ['TO:<@one.example,@two.example:a@b.example>', 'a@b.example'],
    ['TO:<"a b"@c>', '"a b"@c'],
    ['TO:<"a>b"@c>', '"a>b"@c'],
    ['TO:<"a@b"@c>', '"a@b"@c'],
    ['TO:<"a\\"b\\\\"@c>', '"a\\"b\\\\"@c'],
    ['TO:<"plain"@c>', 'plain@c'],
    ['TO:<""@c>', '""@c'],
    ['TO:<a@[127.0.0.1]>', 'a@[127.0.0.1]'],
    ['TO:<a@[IPv6:::1]>', 'a@[IPv6:::1]'],
    ['TO:<пример@пример.example>', 'пример@пример.example'],
    ["TO:<!#$%&'*+-/=?^_`{|}~@b>", "!#$%&'*+-/=?^_`{|}~@b"],
    [`TO:<${LOCAL_64}@${DOMAIN_189}>`, `${LOCAL_64}@${DOMAIN_189}`],
  ])('%s', (argument, expected) => {
    expect(address(argument)).toBe(expected)
  })

  test.each([
    'TO:a@b',
    'TO:<a@b',
    'TO:a@b>',
    'TO:<a@b>junk',
    'TO:<a@b>>',
    'TO:<<a@b>>',
    'TO:<a b@c>',
    'TO:<a@b@c>',
    'TO:<a>',
    'TO:<@b>',
    'TO:<a@>',
    'TO:<.a@b>',
    'TO:<a.@b>',
    'TO:<a..b@c>',
    'TO:<a@b..c>',
    'TO:<a@-b>',
    'TO:<a@b_>',
    'TO:<"a@b>',
    'TO:<"a"b@c>',
    'TO:<a@[300.0.0.1]>',
    'TO:<a@[IPv6:zz]>',
    'TO:<a@[x:y]>',
    'TO:<a\u200b@b>',
    'TO:<a\u202e@b>',
    `TO:<${LOCAL_64}x@${DOMAIN_189}>`,
    `TO:<a@${'d'.repeat(64)}.example>`,
  ])('refuses %s', (argument) => {
    expect(address(argument)).toBe('recipient-syntax')
  })

  test.each(['', 'FROM:<a@b>', 'TO<a@b>', 'TO :<a@b>', '<a@b>'])('refuses the argument %j', (argument) => {
    expect(address(argument)).toBe('argument-syntax')
  })

  test.each([' =x', ' SIZE=', ' S!ZE=1', ' X=a\u0000'])('refuses the parameter %j', (text) => {
    expect(address(`TO:<a@b>${text}`)).toBe('parameter-syntax')
  })

  test('never throws, whatever the argument', () => {
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 300 }), (text) => {
        expect(typeof address(`TO:${text}`)).toBe('string')
        expect(typeof address(`TO:<${text}>`)).toBe('string')
        expect(parseHelo(text)).toBeDefined()
      }),
    )
  })

  test('refuses hostile arguments without going through all their readings', () => {
    for (const text of [
      '"'.repeat(2000),
      '\\'.repeat(2000),
      '@a,'.repeat(700),
      'a.'.repeat(1000),
      '<'.repeat(2000),
    ]) {
      expect(address(`TO:<${text}@b>`)).toBe('recipient-syntax')
    }
  })
})

describe('parameters', () => {
  test.each([
    [' SIZE=1000', { sizeOctets: 1000 }],
    [' SIZE=0', { sizeOctets: 0 }],
    [' body=8bitmime', { body: '8BITMIME' }],
    [' BODY=7BIT SMTPUTF8', { body: '7BIT', smtputf8: true }],
    [' RET=hdrs ENVID=QQ314159+2B', { ret: 'HDRS', envid: 'QQ314159+' }],
    [' REQUIRETLS', { requireTls: true }],
    [' AUTH=<>', { auth: '<>' }],
    [' AUTH=e+3Dmc2@example.com', { auth: 'e=mc2@example.com' }],
  ])('MAIL%s', (text, expected) => {
    expect(parameters('FROM', text, ALL)).toMatchObject(expected)
  })

  test.each([
    [' SIZE=1001', 552],
    [' SIZE=99999999999999999999', 552],
    [' SIZE', 501],
    [' SIZE=', 501],
    [' SIZE=-1', 501],
    [' SIZE=1x', 501],
    [' SIZE=999999999999999999999', 501],
    [' SIZE=1 SIZE=1', 501],
    [' BODY=BINARYMIME', 555],
    [' BODY=9BIT', 501],
    [' SMTPUTF8=yes', 501],
    [' REQUIRETLS=1', 501],
    [' RET=SOME', 501],
    [' ENVID=a+4', 501],
    [' ENVID=a+0A', 501],
    [` ENVID=${'x'.repeat(101)}`, 501],
    [' X-UNKNOWN=1', 555],
    [' NOTIFY=NEVER', 555],
    [' junk', 555],
  ])('MAIL%s gets %i', (text, code) => {
    expect(parameters('FROM', text, ALL)).toBe(code)
  })

  test.each([' REQUIRETLS', ' RET=FULL', ' ENVID=x', ' AUTH=<>'])(
    'MAIL%s gets 555 where it is not offered',
    (text) => {
      expect(parameters('FROM', text, NONE)).toBe(555)
    },
  )

  test.each([
    [' NOTIFY=NEVER', { notify: ['NEVER'], orcpt: null }],
    [' NOTIFY=success,Failure,DELAY', { notify: ['SUCCESS', 'FAILURE', 'DELAY'], orcpt: null }],
    [' ORCPT=rfc822;a+2Bb@c', { notify: null, orcpt: { type: 'rfc822', address: 'a+b@c' } }],
    [' ORCPT=UTF-8;пример@b', { notify: null, orcpt: { type: 'utf-8', address: 'пример@b' } }],
  ])('RCPT%s', (text, expected) => {
    expect(parameters('TO', text, ALL)).toEqual(expected)
  })

  test.each([
    [' NOTIFY=NEVER,SUCCESS', 501],
    [' NOTIFY=SOMETIMES', 501],
    [' NOTIFY', 501],
    [' ORCPT=rfc822', 501],
    [' ORCPT=rfc822;', 501],
    [' ORCPT=rfc822;a+0D+0Ab', 501],
    [' SIZE=1', 555],
    [' X=1', 555],
  ])('RCPT%s gets %i', (text, code) => {
    expect(parameters('TO', text, ALL)).toBe(code)
  })

  test('RCPT NOTIFY gets 555 where it is not offered', () => {
    expect(parameters('TO', ' NOTIFY=NEVER', NONE)).toBe(555)
  })
})

test.each([
  ['a+2Bb', 'a+b'],
  ['', ''],
  ['a+', null],
  ['a+2b', null],
  ['a=b', null],
  ['a b', null],
])('xtext %j', (text, expected) => {
  expect(decodeXtext(text)).toBe(expected)
})
