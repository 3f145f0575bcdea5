import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { hashPassword } from '@restante/accounts'
import {
  type Config,
  defaultConfig,
  type RunningRole,
  selfSignedCertificate,
  silentLog,
} from '@restante/runtime'
import { openLocalStore } from '@restante/store-local'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startReceiver } from '../src/receiver.ts'

let directory: string
let config: Config
const OFF: Config['listen'] = {
  smtp: null,
  lmtp: null,
  submission: null,
  submissions: null,
  pop3: null,
  pop3s: null,
}

let running: RunningRole | null
beforeEach(async () => {
  running = null
  directory = await mkdtemp(join(tmpdir(), 'restante-receiver-'))
  const base = defaultConfig()
  config = {
    ...base,
    hostname: 'mx.acme.example',
    dns: 'off',
    store: { directory, floorOctets: 0 },
    listen: { ...OFF, smtp: { host: '127.0.0.1', port: 0 } },
  }
  await using store = await openLocalStore({ directory, floorOctets: 0 })
  await store.directory.addAccount('anna@acme.example')
})
afterEach(async () => {
  await running?.stop()
  await rm(directory, { recursive: true, force: true })
})
const start = async (changed: Config = config) => {
  running = await startReceiver(changed, {
    log: silentLog,
    now: Date.now,
    signal: new AbortController().signal,
  })
  return running
}

/** Says lines one after another, each after the reply to the one before; answers the last line of each reply. */
const talk = async (port: number, lines: readonly string[]): Promise<readonly string[]> => {
  const socket = connect(port, '127.0.0.1')
  const replies: string[] = []
  const rest = [...lines]
  for await (const line of createInterface({ input: socket })) {
    if (!/^\d{3} /.test(line)) continue
    replies.push(line)
    const next = rest.shift()
    if (next === undefined) break
    socket.write(`${next}\r\n`)
  }
  socket.destroy()
  return replies
}
const message = ['EHLO far.example', 'MAIL FROM:<x@far.example>', 'RCPT TO:<anna@acme.example>', 'DATA']

test('mail comes in by SMTP, is judged and kept; the reply names it', async () => {
  const { ports } = await start()
  const replies = await talk(ports['smtp'] as number, [...message, 'Subject: Hello\r\n\r\nHi\r\n.', 'QUIT'])
  expect(replies.map((reply) => reply.slice(0, 3))).toEqual(['220', '250', '250', '250', '354', '250', '221'])
  const id = /Stored as (\w{26})/.exec(replies[5] as string)?.[1] as string
  await using store = await openLocalStore({ directory, floorOctets: 0 })
  const chunks: Uint8Array[] = []
  for await (const chunk of (await store.read(id)) ?? []) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString('latin1')
  expect(text).toMatch(/\r\nX-Restante-Verdict: delivered [\s\S]*\r\nSubject: Hello\r\n\r\nHi\r\n$/)
  expect(await store.records.get(id)).toMatchObject({
    subject: 'Hello',
    judgedBy: expect.stringContaining('bayes'),
  })
})

test('strangers and other domains are refused at RCPT', async () => {
  const { ports } = await start()
  const replies = await talk(ports['smtp'] as number, [
    'EHLO far.example',
    'MAIL FROM:<x@far.example>',
    'RCPT TO:<nobody@acme.example>',
    'RCPT TO:<x@elsewhere.example>',
    'QUIT',
  ])
  expect(replies.slice(3, 5).map((reply) => reply.slice(0, 9))).toEqual(['550 5.1.1', '550 5.7.1'])
})

test('a port that is taken is named, and everything given back', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const taken = { ...config, listen: { ...config.listen, smtp: { host: '127.0.0.1', port } } }
  await expect(start(taken)).rejects.toMatchObject({
    code: 'EADDRINUSE',
    address: `127.0.0.1:${port}`,
    key: 'listen.smtp.port',
  })
  other.close()
  await once(other, 'close')
  expect((await start(taken)).ports['smtp']).toBe(port)
})

test('new settings apply without a restart, or say that they need one; a certificate is taken over', async () => {
  const file = (name: string) => join(directory, name)
  const renew = async (name: string) => {
    const pair = selfSignedCertificate([name], Date.now())
    await writeFile(file('cert.pem'), pair.cert)
    await writeFile(file('key.pem'), pair.key)
  }
  await renew('old.example')
  const first: Config = {
    ...config,
    tls: { cert: file('cert.pem'), key: file('key.pem') },
    spam: { ...config.spam, thresholds: { tag: 6, quarantine: 9, reject: null } },
  }
  const role = await start(first)
  const port = role.ports['smtp'] as number
  expect(await role.reload?.(first)).toEqual([])
  const held: Config = {
    ...first,
    spam: { ...first.spam, thresholds: { tag: null, quarantine: -100, reject: null } },
  }
  expect(await role.reload?.(held)).toEqual([])
  const replies = await talk(port, [...message, 'Subject: Hello\r\n\r\nHi\r\n.', 'QUIT'])
  expect(replies[5]).toMatch(/^250/)
  await using store = await openLocalStore({ directory, floorOctets: 0 })
  const anna = await store.directory.accountByAddress('anna@acme.example')
  const folders = []
  for await (const copy of store.copies(anna?.id ?? '')) folders.push(copy.folder)
  expect(folders).toEqual(['quarantine'])

  expect(
    await role.reload?.({
      ...held,
      hostname: 'other.example',
      smtpIn: { ...held.smtpIn, maxRecipients: 500 },
      listen: { ...held.listen, smtp: null },
      spam: { ...held.spam, filter: false },
    }),
  ).toEqual(['listen.smtp', 'smtp_in', 'hostname', 'spam.filter'])
  const missing = { ...held, tls: { cert: file('none.pem'), key: file('none.pem') } }
  await expect(role.reload?.(missing)).rejects.toThrow('none.pem')
})

test('LMTP answers for each recipient, and stores the body once', async () => {
  {
    await using store = await openLocalStore({ directory, floorOctets: 0 })
    await store.directory.addAccount('bob@acme.example')
  }
  const { ports } = await start({ ...config, listen: { ...OFF, lmtp: { host: '127.0.0.1', port: 0 } } })
  expect(Object.keys(ports)).toEqual(['lmtp'])
  const socket = connect(ports['lmtp'] as number, '127.0.0.1')
  const said: string[] = []
  socket.write(
    'LHLO relay\r\nMAIL FROM:<x@far.example>\r\nRCPT TO:<anna@acme.example>\r\nRCPT TO:<nobody@acme.example>\r\nRCPT TO:<bob@acme.example>\r\nDATA\r\nSubject: Hi\r\n\r\nHi\r\n.\r\nQUIT\r\n',
  )
  for await (const line of createInterface({ input: socket })) if (/^\d{3} /.test(line)) said.push(line)
  expect(said.map((line) => line.slice(0, 3))).toEqual([
    '220',
    '250',
    '250',
    '250',
    '550',
    '250',
    '354',
    '250',
    '250',
    '221',
  ])
  expect(said[7]).not.toBe(said[8])
})

test('submission wants a login, takes mail for addresses of ours, and does not judge it', async () => {
  {
    await using store = await openLocalStore({ directory, floorOctets: 0 })
    await store.directory.addAccount('bob@acme.example', [
      { device: '', scheme: 'argon2id', verifier: await hashPassword('secret') },
    ])
  }
  const { ports } = await start({
    ...config,
    listen: { ...OFF, submission: { host: '127.0.0.1', port: 0 } },
  })
  const plain = (password: string) => Buffer.from(`\0bob@acme.example\0${password}`).toString('base64')
  const replies = await talk(ports['submission'] as number, [
    'EHLO laptop',
    'MAIL FROM:<bob@acme.example>',
    `AUTH PLAIN ${plain('wrong')}`,
    `AUTH PLAIN ${plain('secret')}`,
    'MAIL FROM:<anna@acme.example>',
    'MAIL FROM:<bob@acme.example>',
    'RCPT TO:<friend@elsewhere.example>',
    'RCPT TO:<anna@acme.example>',
    'DATA',
    'Subject: Hello\r\n\r\nHi\r\n.',
    'QUIT',
  ])
  expect(replies.map((reply) => reply.slice(0, 3))).toEqual([
    '220',
    '250',
    '530',
    '535',
    '235',
    '553',
    '250',
    '550',
    '250',
    '354',
    '250',
    '221',
  ])
  const id = /Stored as (\w{26})/.exec(replies[10] as string)?.[1] as string
  await using store = await openLocalStore({ directory, floorOctets: 0 })
  const chunks: Uint8Array[] = []
  for await (const chunk of (await store.read(id)) ?? []) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString('latin1')
  expect(text).toContain('with ESMTPA id ')
  expect(text).not.toContain('X-Spam-')
})
