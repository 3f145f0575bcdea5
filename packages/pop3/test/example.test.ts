import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { example } from './example.ts'

test('the 60-second example runs', () => {
  expect(example('USER anna\r\nPASS x\r\nSTAT\r\nRETR 1\r\nQUIT\r\n')).toBe(
    [
      '+OK Example POP3 ready',
      '+OK Name accepted, send PASS',
      '+OK Maildrop open',
      '+OK 1 25',
      '+OK 25 octets',
      'From: a@b.example',
      '',
      'hi',
      '.',
      '+OK Goodbye',
      '',
    ].join('\r\n'),
  )
  expect(example('USER x\r\nPASS x\r\n')).toContain('-ERR [AUTH]')
})

test('the README shows it', () => {
  const file = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8')
  expect(file('../README.md')).toContain(file('example.ts'))
})
