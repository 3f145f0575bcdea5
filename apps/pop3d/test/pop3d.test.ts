import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { accountCredentials, deviceCredentials, generateDevicePassword } from '@restante/accounts'
import {
  type Config,
  defaultConfig,
  type Log,
  type RunningRole,
  selfSignedCertificate,
  silentLog,
} from '@restante/runtime'
import { openLocalStore } from '@restante/store-local'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startPop3d } from '../src/pop3d.ts'

const PHONE = generateDevicePassword()
const LAPTOP = generateDevicePassword()
const FIRST = 'Subject: first\r\n\r\n.dot at the start\r\n'
const SECOND = 'Subject: second\r\n\r\nHi\r\n'

let directory: string
let config: Config
let running: RunningRole | null
let logged: (readonly [string, Record<string, unknown>])[]
const note = (event: string, fields?: object) => void logged.push([event, { ...fields }])
const log: Log = { ...silentLog, info: note, warn: note, error: note }

const renew = async (name: string) => {
  const pair = selfSignedCertificate([name, '127.0.0.1'], Date.now())
  await writeFile(join(directory, 'cert.pem'), pair.cert)
  await writeFile(join(directory, 'key.pem'), pair.key)
}

beforeEach(async () => {
  running = null
  logged = []
  directory = await mkdtemp(join(tmpdir(), 'restante-pop3d-'))
  await renew('old.example')
  const base = defaultConfig()
  config = {
    ...base,
    domains: ['acme.example'],
    store: { directory, floorOctets: 0 },
    listen: {
      ...base.listen,
      smtp: null,
      pop3: { host: '127.0.0.1', port: 0 },
      pop3s: { host: '127.0.0.1', port: 0 },
    },
    tls: { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') },
    limits: { ...base.limits, perAddress: false },
  }
  await using store = await openLocalStore({ directory, floorOctets: 0 })
  const credentials = await accountCredentials('correct horse')
  const anna = await store.directory.addAccount(
    'anna@acme.example',
    credentials.map((made) => ({ ...made, device: '' })),
  )
  if (anna === null) throw new Error('no account')
  await store.directory.setCredentials(anna.id, 'phone', await deviceCredentials(PHONE))
  await store.directory.setCredentials(anna.id, 'laptop', await deviceCredentials(LAPTOP))
  const deliver = async (text: string, folder: string) => {
    const staged = await store.stage(Buffer.from(text))
    const receivedAtMs = Date.now()
    await staged.commit(
      {
        reversePath: null,
        recipients: [],
        clientIp: '',
        helo: '',
        receivedAtMs,
        protocol: 'local',
        tls: null,
        authenticatedAs: null,
        sessionId: 's',
      },
      [
        {
          account: anna.id,
          folder,
          prefix: new Uint8Array(0),
          ...(folder === 'quarantine'
            ? { hold: { class: 'spam' as const, reason: 'x', expiresAtMs: null } }
            : {}),
        },
      ],
    )
  }
  await deliver(FIRST, 'inbox')
  await deliver(SECOND, 'inbox')
  await deliver('Subject: held\r\n\r\n', 'quarantine')
})
afterEach(async () => {
  await running?.stop()
  await rm(directory, { recursive: true, force: true })
})
const start = async (changed: Config = config) => {
  running = await startPop3d(changed, { log, now: Date.now, signal: new AbortController().signal })
  return running
}

/** Says commands one after another; answers whole replies, multi-line ones with their lines. */
const converse = async (
  socket: Socket | TLSSocket,
  commands: readonly string[],
): Promise<readonly string[]> => {
  const replies: string[] = []
  const rest = ['', ...commands]
  let collecting: string[] | null = null
  for await (const line of createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (collecting) {
      collecting.push(line)
      if (line !== '.') continue
      replies.push(collecting.join('\n'))
      collecting = null
    } else if (line.startsWith('+OK') && /^(?:RETR|LIST$|UIDL$|CAPA)/.test(rest[0] ?? '')) {
      collecting = [line]
      continue
    } else replies.push(line)
    rest.shift()
    if (rest[0] === undefined) break
    socket.write(`${rest[0]}\r\n`)
  }
  socket.destroy()
  return replies
}
const talk = (port: number | undefined, ...commands: string[]) =>
  converse(connect(port as number, '127.0.0.1'), commands)
const status = (replies: readonly string[]) => replies.map((reply) => reply.slice(0, 3).trim())

test('the account password sees the inbox and gets what is stored, to the octet', async () => {
  const { ports } = await start()
  const replies = await talk(
    ports['pop3'],
    'USER anna@acme.example',
    'PASS correct horse',
    'STAT',
    'RETR 1',
    'QUIT',
  )
  expect(status(replies)).toEqual(['+OK', '+OK', '+OK', '+OK', '+OK', '+OK'])
  expect(replies[3]).toBe(`+OK 2 ${FIRST.length + SECOND.length}`)
  expect(replies[4]?.split('\n').slice(1)).toEqual(['Subject: first', '', '..dot at the start', '.'])
})

test.each([
  ['a name without @ means the first domain', 'anna', 'correct horse', 2],
  ['any case', 'ANNA@Acme.Example', 'correct horse', 2],
  ['a device password', 'anna@acme.example', PHONE, 2],
  ['the quarantine', 'anna@acme.example/quarantine', 'correct horse', 1],
  ['an empty folder', 'anna@acme.example/lists', 'correct horse', 0],
  ['what came lately', 'recent:anna@acme.example', 'correct horse', 2],
])('%s: %s', async (_, name, password, count) => {
  const { ports } = await start()
  const replies = await talk(ports['pop3'], `USER ${name}`, `PASS ${password}`, 'STAT', 'QUIT')
  expect(status(replies)).toEqual(['+OK', '+OK', '+OK', '+OK', '+OK'])
  expect(replies[3]).toMatch(new RegExp(`^\\+OK ${count} `))
})

test.each([
  ['a wrong password', 'anna@acme.example', 'correct hors'],
  ['a wrong name', 'bert@acme.example', 'correct horse'],
  ['another domain', 'anna@other.example', 'correct horse'],
  ['no name at all', 'recent:', 'correct horse'],
])('%s is refused with [AUTH], and says no more', async (_, name, password) => {
  const { ports } = await start()
  const replies = await talk(ports['pop3'], `USER ${name}`, `PASS ${password}`, 'QUIT')
  expect(status(replies)).toEqual(['+OK', '+OK', '-ER', '+OK'])
  expect(replies[2]).toMatch(/^-ERR \[AUTH\] /)
  expect(JSON.stringify(logged)).not.toContain(password)
})

test('recent: is for looking: DELE is refused', async () => {
  const { ports } = await start()
  const replies = await talk(
    ports['pop3'],
    'USER recent:anna@acme.example',
    'PASS correct horse',
    'DELE 1',
    'QUIT',
  )
  expect(replies[3]).toMatch(/^-ERR \[SYS\/PERM\] /)
})

test('what a device deletes is hidden from it alone; the account password deletes for all', async () => {
  const { ports } = await start()
  const left = async (password: string) =>
    (await talk(ports['pop3'], 'USER anna', `PASS ${password}`, 'STAT', 'QUIT'))[3]?.split(' ')[1]
  await talk(ports['pop3'], 'USER anna', `PASS ${PHONE}`, 'DELE 1', 'QUIT')
  expect([await left(PHONE), await left(LAPTOP), await left('correct horse')]).toEqual(['1', '2', '2'])
  await talk(ports['pop3'], 'USER anna', 'PASS correct horse', 'DELE 2', 'QUIT')
  expect([await left(PHONE), await left(LAPTOP), await left('correct horse')]).toEqual(['0', '1', '1'])
})

test('a held message is discarded from the quarantine, the inbox is not touched', async () => {
  const { ports } = await start()
  await talk(ports['pop3'], 'USER anna/quarantine', `PASS ${PHONE}`, 'DELE 1', 'QUIT')
  const stat = async (name: string) =>
    (await talk(ports['pop3'], `USER ${name}`, 'PASS correct horse', 'STAT', 'QUIT'))[3]?.split(' ')[1]
  expect([await stat('anna/quarantine'), await stat('anna')]).toEqual(['0', '2'])
})

test('the same maildrop twice is [IN-USE]; another device may come in meanwhile', async () => {
  const { ports } = await start()
  const first = connect(ports['pop3'] as number, '127.0.0.1')
  first.write(`USER anna\r\nPASS ${PHONE}\r\nNOOP\r\n`)
  let seen = ''
  while (seen.split('\r\n').length < 5) seen += String((await once(first, 'data'))[0])
  expect((await talk(ports['pop3'], 'USER anna', `PASS ${PHONE}`, 'QUIT'))[2]).toMatch(/^-ERR \[IN-USE\] /)
  expect((await talk(ports['pop3'], 'USER anna', `PASS ${LAPTOP}`, 'QUIT'))[2]).toMatch(/^\+OK/)
  first.destroy()
})

test('each session leaves one summary line, and each login one', async () => {
  const { ports } = await start()
  await talk(ports['pop3'], 'USER anna', 'PASS correct horse', 'RETR 2', 'DELE 2', 'QUIT')
  await running?.stop()
  running = null
  const sessions = logged.filter(([event]) => event === 'pop3-session')
  expect(sessions).toHaveLength(1)
  expect(sessions[0]?.[1]).toMatchObject({
    account: 'anna@acme.example',
    messages: 2,
    retrieved: 1,
    retrievedOctets: SECOND.length,
    deleted: 1,
    tls: null,
  })
  expect(logged.filter(([event]) => event === 'login').map(([, fields]) => fields['outcome'])).toEqual(['ok'])
})

test('POP3 inside TLS, and a renewed certificate without a restart; open sessions go on', async () => {
  const role = await start()
  const dial = async () => {
    const socket = connectTls({
      port: role.ports['pop3s'] as number,
      host: '127.0.0.1',
      rejectUnauthorized: false,
    })
    await once(socket, 'secureConnect')
    return socket
  }
  const before = await dial()
  expect(before.getPeerCertificate().subject.CN).toBe('old.example')
  await renew('new.example')
  expect(await role.reload?.(config)).toEqual([])
  const after = await dial()
  expect(after.getPeerCertificate().subject.CN).toBe('new.example')
  const login = ['USER anna', 'PASS correct horse', 'STAT', 'QUIT']
  expect(status(await converse(after, login))).toEqual(['+OK', '+OK', '+OK', '+OK', '+OK'])
  before.write('CAPA\r\n')
  expect(String((await once(before, 'data'))[0])).toMatch(/^\+OK/)
  before.destroy()
  expect(
    await role.reload?.({
      ...config,
      listen: { ...config.listen, pop3: null },
      pop3: { ...config.pop3, idleMs: 1 },
    }),
  ).toEqual(['listen.pop3', 'pop3'])
  const missing = { cert: join(directory, 'none.pem'), key: join(directory, 'none.pem') }
  await expect(role.reload?.({ ...config, tls: missing })).rejects.toThrow('none.pem')
})

test('a port that is taken is named, and everything given back', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const taken = { ...config, listen: { ...config.listen, pop3s: { host: '127.0.0.1', port } } }
  await expect(start(taken)).rejects.toMatchObject({
    code: 'EADDRINUSE',
    address: `127.0.0.1:${port}`,
    key: 'listen.pop3s.port',
  })
  other.close()
  await once(other, 'close')
  expect((await start(taken)).ports['pop3s']).toBe(port)
})
