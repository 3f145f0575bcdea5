import { expect, test } from 'vitest'
import { formatLogLine } from '../src/log-view.ts'
import { hasColour, printable, table, wrap } from '../src/terminal.ts'

test('columns line up; the last cell of a row pushes nothing', () => {
  expect(
    table([
      ['SMTP', '127.0.0.1:25', 'mail in'],
      ['Данные', '/a/very/long/path/that/goes/on'],
      ['POP3S', '127.0.0.1:995', ''],
    ]),
  ).toBe(
    '  SMTP    127.0.0.1:25   mail in\n  Данные  /a/very/long/path/that/goes/on\n  POP3S   127.0.0.1:995',
  )
})

test.each([
  ['one two three', 8, '', 'one two\nthree'],
  ['one two three', 9, '  ', 'one two\n  three'],
  ['a-word-too-long-to-break x', 10, '', 'a-word-too-long-to-break\nx'],
  ['kept\nline ends', 20, '', 'kept\nline ends'],
  ['  indented text', 12, '', '  indented\ntext'],
  ['', 10, '', ''],
])('%j in %d columns', (text, columns, indent, expected) =>
  expect(wrap(text, columns, indent)).toBe(expected),
)

test('what comes from outside cannot steer the terminal, nor flood it', () => {
  expect(printable('a\u001b[31mb\u0007\u009b\u202e\r\nc')).toBe('a·[31mb····'.concat('·c'))
  expect(printable('x'.repeat(300))).toHaveLength(200)
  expect(printable('Привет, Jürgen')).toBe('Привет, Jürgen')
})

test('no colour where nobody sees it', () => {
  expect(hasColour({ isTTY: false })).toBe(false)
  expect(hasColour({})).toBe(false)
})

test.each([
  [
    '{"level":"info","at":"2026-11-22T07:05:09.123Z","event":"stored","role":"receiver","pid":7,"id":"X","score":null,"to":""}',
    '07:05:09.123 · receiver stored  id=X',
  ],
  [
    '{"level":"error","at":"2026-11-22T07:05:09.123Z","event":"crash","role":"pop3d","error":"a\\u001b[2Jb"}',
    '07:05:09.123 ✗ pop3d    crash  error=a·[2Jb',
  ],
  ['{"level":"warn","event":"role-exited"}', ' !          role-exited'],
  ['not JSON \u001b[2J', 'not JSON ·[2J'],
  ['null', 'null'],
  ['42', '42'],
  ['', ''],
])('log line %s', (line, shown) => expect(formatLogLine(line, false)).toBe(shown))

test('in colour the text is the same', () => {
  const line = '{"level":"warn","at":"2026-11-22T07:05:09.123Z","event":"x","role":"pop3d","a":1}'
  expect(formatLogLine(line, true).replace(/\u001b\[\d+m/g, '')).toBe(formatLogLine(line, false))
  expect(formatLogLine(line, true)).not.toBe(formatLogLine(line, false))
})
