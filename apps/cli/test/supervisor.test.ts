import { once } from 'node:events'
import { connect } from 'node:net'
import { type Config, defaultConfig } from '@restante/runtime'
import { afterEach, expect, test, vi } from 'vitest'
import { type RoleEvent, type Supervisor, startRoles } from '../src/supervisor.ts'

const FAKE = new URL('./fake-role.ts', import.meta.url)
const NO_SUCH = new URL('./no-such-role.ts', import.meta.url)
const base = defaultConfig()
const config = (change: Partial<Config> = {}): Config => ({
  ...base,
  listen: { ...base.listen, smtp: { host: '127.0.0.1', port: 0 } },
  ...change,
})

let supervisor: Supervisor | null = null
const events: RoleEvent[] = []
const lines: string[] = []
afterEach(async () => {
  await supervisor?.stop()
  supervisor = null
  events.length = 0
  lines.length = 0
})
const start = async (silentMs?: number, change: Partial<Config> = {}) => {
  supervisor = await startRoles(['receiver'], config(change), {
    programOf: () => FAKE,
    onEvent: (event) => events.push(event),
    onLogLine: (line) => lines.push(line),
    ...(silentMs === undefined ? {} : { silentMs }),
  })
  return supervisor
}
const say = async (port: number | undefined, word: string): Promise<string> => {
  const socket = connect(port as number, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(word)
  let answer = ''
  socket.on('data', (data) => {
    answer += String(data)
  })
  await once(socket, 'close')
  if (answer === '') throw new Error('no answer')
  return answer
}

test('a role is a process of its own; stopping it is clean', async () => {
  const { ports, stop } = await start()
  const [pid] = (await say(ports['smtp'], 'who')).split(' ')
  expect(Number(pid)).not.toBe(process.pid)
  expect(await stop()).toBe(true)
  expect(events).toEqual([])
})

test('a role that crashes is started again on the port it had', async () => {
  const { ports } = await start()
  const before = await say(ports['smtp'], 'who')
  await expect(say(ports['smtp'], 'crash')).rejects.toThrow('no answer')
  const after = await vi.waitFor(() => say(ports['smtp'], 'who'), { timeout: 10_000, interval: 50 })
  expect(after).not.toBe(before)
  expect(events).toEqual([
    { role: 'receiver', event: 'exited', detail: '9' },
    { role: 'receiver', event: 'restarting', detail: 'after 200 ms' },
  ])
})

test('a role that shows no life is killed and started again', async () => {
  const { ports } = await start(2500)
  const before = await say(ports['smtp'], 'who')
  const hanging = connect(ports['smtp'] as number, '127.0.0.1')
  hanging.on('error', () => {})
  hanging.write('hang')
  await vi.waitFor(() => expect(events.map(({ event }) => event)).toContain('restarting'), {
    timeout: 15_000,
  })
  const after = await vi.waitFor(() => say(ports['smtp'], 'who'), { timeout: 10_000, interval: 50 })
  expect(after).not.toBe(before)
  expect(events.slice(0, 2)).toEqual([
    { role: 'receiver', event: 'silent', detail: 'no sign of life for 2.5 s' },
    { role: 'receiver', event: 'exited', detail: 'SIGKILL' },
  ])
})

test('changed settings reach the role, and the one that is started after a crash', async () => {
  const { ports, reload } = await start()
  reload(config({ hostname: 'mx.acme.example' }))
  await vi.waitFor(async () => expect(await say(ports['smtp'], 'who')).toContain('mx.acme.example'))
  await vi.waitFor(() =>
    expect(events).toEqual([{ role: 'receiver', event: 'reloaded', detail: 'needs a restart: hostname' }]),
  )
  await expect(say(ports['smtp'], 'crash')).rejects.toThrow('no answer')
  const after = await vi.waitFor(() => say(ports['smtp'], 'who'), { timeout: 10_000, interval: 50 })
  expect(after).toContain('mx.acme.example')
})

test('one that cannot start is named, with the code of the failure', async () => {
  await expect(start(undefined, { hostname: 'broken' })).rejects.toMatchObject({
    name: 'StartFailure',
    role: 'receiver',
    code: 'EADDRINUSE',
    message: '127.0.0.1:25 listen.smtp.port',
  })
})

test('if one of several cannot start, the others are stopped again', async () => {
  const starting = startRoles(['receiver', 'pop3d'], config(), {
    programOf: (role) => (role === 'pop3d' ? NO_SUCH : FAKE),
    onEvent: (event) => events.push(event),
    onLogLine: (line) => lines.push(line),
  })
  await expect(starting).rejects.toMatchObject({ role: 'pop3d', code: 'exit' })
  expect(lines.join('\n')).toContain('no-such-role')
  expect(events).toEqual([])
})
