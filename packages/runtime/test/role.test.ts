import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import { defaultConfig, type FromRole, type ToRole } from '../src/index.ts'

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
const begin = (hostname: string) => {
  const child = fork(new URL('./role-child.ts', import.meta.url), [], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
  })
  children.push(child)
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += String(chunk)
  })
  const tell = (message: ToRole) => child.send(message)
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  tell({ type: 'start', role: 'test', config: { ...defaultConfig(), hostname } })
  const next = async (): Promise<FromRole> => (await once(child, 'message'))[0] as FromRole
  return { child, tell, ended, next, errors: () => errors }
}

test('start, ready, alive, reload, stop', async () => {
  const role = begin('fine')
  expect(await role.next()).toEqual({ type: 'ready', ports: { smtp: 25 } })
  expect(await role.next()).toEqual({ type: 'alive' })
  role.tell({ type: 'reload', config: { ...defaultConfig(), hostname: 'other' } })
  expect(await role.next()).toEqual({ type: 'reloaded', restartFor: ['hostname'] })
  role.tell({ type: 'stop' })
  expect(await role.ended).toBe(0)
})

test.each(['SIGTERM', 'disconnect'] as const)('%s stops it cleanly', async (how) => {
  const role = begin('fine')
  await role.next()
  if (how === 'disconnect') role.child.disconnect()
  else role.child.kill(how)
  expect(await role.ended).toBe(0)
})

test("a terminal's ^C and a hang-up are the supervisor's matter", async () => {
  const role = begin('fine')
  await role.next()
  role.child.kill('SIGINT')
  role.child.kill('SIGHUP')
  expect(await role.next()).toEqual({ type: 'alive' })
})

test('one that cannot start says why', async () => {
  const role = begin('fails')
  expect(await role.next()).toEqual({ type: 'failed', message: 'cannot', code: 'EADDRINUSE' })
  expect(await role.ended).toBe(1)
})

test.each([
  ['crashes', 70, 'bug'],
  ['stops-badly', 1, 'stuck'],
])('one that %s ends with %d, and the log says so', async (hostname, code, why) => {
  const role = begin(hostname)
  await role.next()
  if (hostname === 'stops-badly') role.tell({ type: 'stop' })
  expect(await role.ended).toBe(code)
  await vi.waitFor(() => expect(role.errors()).toContain(`"error":"${why}"`))
})

test('a promise nobody waits for is logged, not the end', async () => {
  const role = begin('throws-later')
  await role.next()
  expect(await role.next()).toEqual({ type: 'alive' })
  await vi.waitFor(() => expect(role.errors()).toContain('"event":"unhandled-rejection"'))
})

test('settings it cannot take over leave it running', async () => {
  const role = begin('fine')
  await role.next()
  role.tell({ type: 'reload', config: { ...defaultConfig(), hostname: 'bad' } })
  expect(await role.next()).toEqual({ type: 'alive' })
  await vi.waitFor(() => expect(role.errors()).toContain('"event":"reload-failed"'))
})

test('started by hand it says how to start it', async () => {
  const child = fork(new URL('./role-child.ts', import.meta.url), [], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
    env: { ...process.env, NODE_CHANNEL_FD: '' },
  })
  children.push(child)
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += String(chunk)
  })
  await once(child, 'close')
  expect(errors).toContain('restante serve')
  expect(child.exitCode).toBe(2)
})
