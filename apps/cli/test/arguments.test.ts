import { expect, test } from 'vitest'
import { oneOf, portOf, readArguments } from '../src/arguments.ts'
import { CommandError } from '../src/exit.ts'

const TABLE = { data: 'text', account: 'texts', json: 'flag', smtp: 'text', filter: 'text' } as const
const complaint = (act: () => unknown): string => {
  try {
    act()
  } catch (error) {
    if (error instanceof CommandError) return `${error.exitCode} ${error.message}`
    throw error
  }
  return 'none'
}

test('options by name, the rest in order', () => {
  const given = readArguments(
    ['add', '--data', 'x', 'anna', '--json', '--account', 'a:1', '--account=b:2', '--', '--data'],
    TABLE,
  )
  expect(given.text('data')).toBe('x')
  expect(given.texts('account')).toEqual(['a:1', 'b:2'])
  expect(given.flag('json')).toBe(true)
  expect(given.rest).toEqual(['add', 'anna', '--data'])
  expect(given.text('smtp')).toBeUndefined()
  expect(given.texts('smtp')).toEqual([])
  expect(given.flag('filter')).toBe(false)
})

test('values are taken to the letter: spaces, UTF-8, equals signs', () => {
  expect(readArguments(['--account=anna@acme.example:пароль = 1 '], TABLE).texts('account')).toEqual([
    'anna@acme.example:пароль = 1 ',
  ])
})

test.each([
  [['--acount', 'x'], '2 Unknown option --acount. Did you mean --account?'],
  [['--jsn'], '2 Unknown option --jsn. Did you mean --json?'],
  [['--zebra'], '2 Unknown option --zebra.'],
  [['--data'], "2 Option '--data <value>' argument missing"],
  [['--json=1'], "2 Option '--json' does not take an argument"],
  [['-x'], "2 Unknown option '-x'."],
])('%j: %s', (line, expected) => expect(complaint(() => readArguments(line, TABLE))).toBe(expected))

test.each([
  [[], undefined],
  [['--smtp', 'off'], null],
  [['--smtp', '0'], 0],
  [['--smtp', '65535'], 65535],
])('port %j', (line, port) => expect(portOf(readArguments(line, TABLE), 'smtp')).toBe(port))

test.each(['65536', '-1', '2.5', '0x10', '', 'any'])('no port: %j', (text) => {
  expect(complaint(() => portOf(readArguments([`--smtp=${text}`], TABLE), 'smtp'))).toBe(
    `2 --smtp takes a port (0 = a free one) or off, not “${text}”.`,
  )
})

test('one of a few words', () => {
  const words = ['on', 'off'] as const
  expect(oneOf(readArguments([], TABLE), 'filter', words, 'on')).toBe('on')
  expect(oneOf(readArguments(['--filter', 'off'], TABLE), 'filter', words, 'on')).toBe('off')
  expect(complaint(() => oneOf(readArguments(['--filter', 'of'], TABLE), 'filter', words, 'on'))).toBe(
    '2 --filter takes on or off, not “of”.',
  )
})
