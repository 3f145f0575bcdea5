import { latin1Octets } from '@restante/mail'
import { describe, expect, test } from 'vitest'
import { parseCommand } from '../src/index.ts'

const parse = (line: string) => parseCommand(latin1Octets(line))

describe('commands', () => {
  test.each([
    ['STAT', { verb: 'STAT' }],
    ['stat', { verb: 'STAT' }],
    ['qUiT', { verb: 'QUIT' }],
    ['STAT ', { verb: 'STAT' }],
    ['LIST', { verb: 'LIST', number: null }],
    ['LIST 1', { verb: 'LIST', number: 1 }],
    ['LIST 1 ', { verb: 'LIST', number: 1 }],
    ['uidl 4294967295', { verb: 'UIDL', number: 4294967295 }],
    ['RETR 10', { verb: 'RETR', number: 10 }],
    ['DELE 7', { verb: 'DELE', number: 7 }],
    ['TOP 1 0', { verb: 'TOP', number: 1, lines: 0 }],
    ['TOP 12 34', { verb: 'TOP', number: 12, lines: 34 }],
    ['USER anna', { verb: 'USER', text: 'anna' }],
    ['USER anna smith', { verb: 'USER', text: 'anna smith' }],
    ['PASS  two  spaces ', { verb: 'PASS', text: ' two  spaces ' }],
    ['PASS \xc3\xa9', { verb: 'PASS', text: 'é' }],
    ['AUTH', { verb: 'AUTH', mechanism: null, initial: null }],
    ['auth plain', { verb: 'AUTH', mechanism: 'PLAIN', initial: null }],
    ['AUTH PLAIN =', { verb: 'AUTH', mechanism: 'PLAIN', initial: '=' }],
    ['LANG', { verb: 'LANG', tag: null }],
    ['LANG ru', { verb: 'LANG', tag: 'ru' }],
    [
      'XCLIENT ADDR=1.2.3.4 port=5',
      {
        verb: 'XCLIENT',
        attributes: new Map([
          ['ADDR', '1.2.3.4'],
          ['PORT', '5'],
        ]),
      },
    ],
  ])('%j', (line, command) => {
    expect(parse(line)).toEqual(command)
  })

  test.each([
    ['', 'unknown-command'],
    [' STAT', 'unknown-command'],
    ['STATE', 'unknown-command'],
    ['NOOPS', 'unknown-command'],
    ['ST\xc1T', 'unknown-command'],
    ['XYZZYXYZZYXYZZYXYZZY', 'unknown-command'],
    ['APOP anna 0123', 'unknown-command'],
    ['STAT 1', 'bad-argument'],
    ['QUIT now', 'bad-argument'],
    ['LIST 1x', 'bad-argument'],
    ['LIST 1.0', 'bad-argument'],
    ['LIST 01', 'bad-argument'],
    ['LIST +1', 'bad-argument'],
    ['LIST -1', 'bad-argument'],
    ['LIST 0', 'bad-argument'],
    ['LIST 0x1', 'bad-argument'],
    ['LIST 1e0', 'bad-argument'],
    ['LIST 4294967297', 'bad-argument'],
    ['LIST 18446744073709551617', 'bad-argument'],
    ['LIST 1 2', 'bad-argument'],
    ['LIST  1', 'bad-argument'],
    ['LIST \xb2', 'bad-argument'],
    ['LIST 1\t', 'bad-argument'],
    ['RETR', 'missing-argument'],
    ['RETR ', 'missing-argument'],
    ['DELE', 'missing-argument'],
    ['TOP 1', 'missing-argument'],
    ['TOP', 'missing-argument'],
    ['TOP 1 -1', 'bad-argument'],
    ['TOP 1 01', 'bad-argument'],
    ['TOP 0 1', 'bad-argument'],
    ['TOP 1 2 3', 'bad-argument'],
    ['USER', 'missing-argument'],
    ['USER ', 'missing-argument'],
    ['PASS', 'missing-argument'],
    ['USER \xff', 'bad-text'],
    ['PASS a\0b', 'bad-octets'],
    ['STAT\r', 'bad-octets'],
    ['ST\rAT', 'bad-octets'],
    ['GET / HTTP/1.1', 'http'],
    ['POST / HTTP/1.1', 'http'],
    ['AUTH PLAIN a b', 'bad-argument'],
    ['XCLIENT', 'missing-argument'],
    ['XCLIENT ADDR', 'bad-argument'],
  ])('%j is refused: %s', (line, refuse) => {
    expect(parse(line)).toMatchObject({ refuse })
  })
})
