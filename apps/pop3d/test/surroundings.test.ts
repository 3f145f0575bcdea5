import { defaultConfig } from '@restante/runtime'
import { afterEach, expect, test } from 'vitest'
import { createLoginDelay } from '../src/login-delay.ts'
import { type RunningPop3d, runPop3d } from './running-pop3d.ts'

const { pop3 } = defaultConfig()
let pop3d: RunningPop3d | null = null
afterEach(() => pop3d?.[Symbol.asyncDispose]())

const LOGIN = ['USER anna', 'PASS correct horse'] as const
const remotes = (running: RunningPop3d) =>
  running.logged.filter(([event]) => event === 'login').map(([, fields]) => fields['remote'])

test('a proxy says whose connection it is, where it is trusted; XCLIENT likewise', async () => {
  pop3d = await runPop3d({ pop3: { ...pop3, plainLogin: 'always', proxyFrom: ['127.0.0.0/8'] } })
  const replies = await pop3d.talk('PROXY TCP4 192.0.2.7 192.0.2.1 4711 110', ...LOGIN, 'QUIT')
  expect(replies[2]).toMatch(/^\+OK/)
  expect(remotes(pop3d)).toEqual(['192.0.2.7'])
  await pop3d[Symbol.asyncDispose]()

  pop3d = await runPop3d({ pop3: { ...pop3, plainLogin: 'always', xclientFrom: ['127.0.0.1'] } })
  expect(await pop3d.talk('CAPA', 'QUIT')).toContain('XCLIENT')
  await pop3d.talk('XCLIENT ADDR=192.0.2.8 PORT=4711', ...LOGIN, 'QUIT')
  expect(remotes(pop3d)).toEqual(['192.0.2.8'])
  await pop3d[Symbol.asyncDispose]()

  pop3d = await runPop3d()
  expect(await pop3d.talk('CAPA', 'QUIT')).not.toContain('XCLIENT')
  const untrusted = await pop3d.talk('PROXY TCP4 192.0.2.7 192.0.2.1 4711 110', ...LOGIN, 'QUIT')
  expect(untrusted[1]).toMatch(/^-ERR/)
  expect(remotes(pop3d)).toEqual(['127.0.0.1'])
})

test('login_delay is announced and kept, for each maildrop apart; wrong passwords learn nothing of it', async () => {
  pop3d = await runPop3d({ pop3: { ...pop3, loginDelayS: 60 } })
  const { talk, clock } = pop3d
  expect(await talk('CAPA', 'QUIT')).toContain('LOGIN-DELAY 60')
  expect((await talk(...LOGIN, 'QUIT'))[2]).toMatch(/^\+OK/)
  expect((await talk(...LOGIN, 'QUIT'))[2]).toMatch(/^-ERR \[LOGIN-DELAY\] /)
  expect((await talk('USER anna', 'PASS wrong', 'QUIT'))[2]).toMatch(/^-ERR \[AUTH\] /)
  expect((await talk('USER anna/quarantine', 'PASS correct horse', 'QUIT'))[2]).toMatch(/^\+OK/)
  clock.nowMs += 60_000
  expect((await talk(...LOGIN, 'QUIT'))[2]).toMatch(/^\+OK/)
})

test('without login_delay none is announced', async () => {
  pop3d = await runPop3d()
  expect((await pop3d.talk('CAPA', 'QUIT')).join()).not.toContain('LOGIN-DELAY')
})

test('a clock that was set back keeps nobody out', () => {
  let nowMs = 1_000_000
  const delay = createLoginDelay(60, () => nowMs)
  const key = { account: 'a', folder: 'inbox', view: 'classic' } as const
  delay.opened(key)
  expect(delay.allows(key)).toBe(false)
  nowMs = 1000
  expect(delay.allows(key)).toBe(true)
})

test.each([
  ['all_devices', 'EXPIRE NEVER'],
  ['any_device', 'EXPIRE NEVER'],
  ['90d', 'EXPIRE 90'],
] as const)('remove_after: %s is announced as %s', async (removeAfter, line) => {
  pop3d = await runPop3d({ pop3: { ...pop3, removeAfter } })
  expect(await pop3d.talk('CAPA', 'QUIT')).toContain(line)
})

test('an account with a policy of its own: the smallest promise, taken over by a reload', async () => {
  pop3d = await runPop3d({ pop3: { ...pop3, removeAfter: '90d' } })
  const { store, talk, reload } = pop3d
  const anna = await store.directory.accountByAddress('anna@acme.example')
  await store.setRemoveAfter(anna?.id ?? '', '30d')
  await reload({ pop3: { ...pop3, removeAfter: '90d' } })
  expect(await talk('CAPA', 'QUIT')).toContain('EXPIRE 30 USER')
})
