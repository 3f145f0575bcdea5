import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLog, errorFields, ListenError, silentLog } from '../src/index.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'restante-log-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const read = (file: string) =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('an event is a line with level, time, name and fields, there when the call returns', () => {
  const file = join(folder, 'deep', 'log')
  const log = createLog({ level: 'info', file, fields: { role: 'pop3d' } })
  log.debug('unseen')
  log.info('session-end', { session: 'K2M9', messages: 3, tls: null })
  log.with({ session: 'X' }).warn('slow')
  log.error('crash', { text: 'two\nlines' })
  const lines = read(file)
  expect(lines.map(({ at, ...rest }) => rest)).toEqual([
    { level: 'info', role: 'pop3d', session: 'K2M9', messages: 3, tls: null, event: 'session-end' },
    { level: 'warn', role: 'pop3d', session: 'X', event: 'slow' },
    { level: 'error', role: 'pop3d', text: 'two\nlines', event: 'crash' },
  ])
  for (const { at } of lines) expect(new Date(String(at)).toISOString()).toBe(at)
})

test('a file is appended to, by several logs', () => {
  const file = join(folder, 'log')
  createLog({ level: 'debug', file }).debug('one')
  createLog({ level: 'warn', file }).warn('two')
  expect(read(file).map(({ event }) => event)).toEqual(['one', 'two'])
})

test.each([
  [
    new Error('top', { cause: new Error('middle', { cause: 'bottom' }) }),
    { error: 'top <- middle <- bottom' },
  ],
  [Object.assign(new Error('no disk'), { code: 'ENOSPC' }), { error: 'no disk', code: 'ENOSPC' }],
  [Object.assign(new Error('odd'), { code: 7 }), { error: 'odd' }],
  ['just text', { error: 'just text' }],
  [null, { error: '' }],
  [undefined, { error: '' }],
])('error fields of %s', (error, fields) => expect(errorFields(error)).toEqual(fields))

test('a circle of causes ends', () => {
  const error = new Error('round')
  error.cause = error
  expect(errorFields(error).error).toBe(Array.from({ length: 5 }, () => 'round').join(' <- '))
})

test('a port that cannot be had carries address, code and the key that chose it', () => {
  const cause = Object.assign(new Error('x'), { code: 'EADDRINUSE' })
  expect(new ListenError(cause, { host: '::1', port: 25 }, 'listen.smtp.port')).toMatchObject({
    code: 'EADDRINUSE',
    address: '[::1]:25',
    key: 'listen.smtp.port',
    message: '[::1]:25 listen.smtp.port',
  })
  expect(new ListenError(new Error('x'), { host: 'h', port: 1 }, 'k').code).toBe('error')
})

test('silence is silent', () => {
  expect(silentLog.with({ a: 1 })).toBe(silentLog)
  expect(silentLog.info('x')).toBeUndefined()
})
