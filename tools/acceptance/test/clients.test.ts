import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { requirePeer } from '@restante/peers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ownMessages } from '../src/corpus.ts'
import { inCrlfForm } from '../src/expectation.ts'
import { type Instance, makeFolder, removeFolder, runCommand, startInstance } from '../src/instance.ts'
import { sendAll } from '../src/sending.ts'
import { POLLING_CLIENTS, type Poll, type PollingClient } from './polling.ts'

const PASSWORD = 'correct horse battery'
const messages = ownMessages(join(import.meta.dirname, 'data')).map((message) =>
  Buffer.from(inCrlfForm(message.octets), 'latin1'),
)
const LATER = Buffer.from('Subject: one more\r\n\r\nIt came between two polls.\r\n')

interface Case {
  readonly client: PollingClient
  readonly tls: 'pop3s' | 'stls'
  readonly keep: boolean
  readonly address: string
  readonly missing: boolean
  readonly title: string
}

/** TLS, and whether mail stays on the server. */
const WAYS = [
  ['pop3s', true],
  ['pop3s', false],
  ['stls', false],
] as const

const cases: readonly Case[] = POLLING_CLIENTS.flatMap((client) => {
  const peers = client.peers.map((name) => requirePeer(name))
  const missing = peers.find((peer) => peer.missing)
  return WAYS.filter(([tls]) => client.tls.includes(tls)).map(([tls, keep]) => ({
    client,
    tls,
    keep,
    address: `${client.name.toLowerCase().replace(/\W+/g, '-')}-${tls}-${keep ? 'keeps' : 'takes'}@acme.example`,
    missing: missing !== undefined,
    title: `${client.name} over ${tls}, ${keep ? 'keeping' : 'deleting'} what it fetches${missing?.note ?? ''}`,
  }))
})

let folder: string
let certificate: string
let instance: Instance

beforeAll(async () => {
  folder = makeFolder()
  instance = await startInstance(join(folder, 'data'), [
    '--limits',
    'off',
    '--filter',
    'off',
    ...[...cases.map((each) => each.address), 'devices@acme.example', 'folders@acme.example'].flatMap(
      (address) => ['--account', `${address}:${PASSWORD}`],
    ),
  ])
  certificate = join(folder, 'server.pem')
  writeFileSync(certificate, await certificateOf(instance.ready.pop3s))
  await send(
    messages,
    cases.map((each) => each.address),
  )
})

afterAll(async () => {
  expect(await instance.stop()).toBe(0)
  removeFolder(folder)
})

test.each(cases.filter((each) => !each.missing))('$title', async ({ client, tls, keep, address }) => {
  const poll = () => client.poll(pollOf(client, tls, keep, address, PASSWORD))
  const stored = await dump(address)
  expect(stored).toHaveLength(messages.length)
  const first = await poll()
  expectSame(client, first.messages, stored)
  expect(new Set(first.ids).size).toBe(first.ids?.length ?? 0)

  await send([LATER], [address])
  const left = await dump(address)
  expect(left).toHaveLength(keep ? messages.length + 1 : 1)
  const second = await poll()
  expectSame(client, second.messages, client.remembers ? left.slice(-1) : left)
  if (first.ids !== null && second.ids !== null) {
    expect(second.ids.slice(0, -1)).toEqual(keep ? first.ids : [])
    expect(first.ids).not.toContain(second.ids.at(-1))
  }
  expect(await dump(address)).toEqual(keep ? left : [])
})

for (const each of cases.filter((each) => each.missing)) test.runIf(false)(each.title, () => {})

const usable = POLLING_CLIENTS.filter((client) => client.peers.every((name) => !requirePeer(name).missing))
const clientOf = (name: string) => usable.find((client) => client.name === name)

test.runIf(clientOf('mpop') && clientOf('fetchmail'))(
  `device passwords: each device gets every message once, and takes nothing from the other${noteOf('mpop', 'fetchmail')}`,
  async () => {
    const address = 'devices@acme.example'
    const devices = await Promise.all(
      [
        { name: 'phone', client: clientOf('mpop') as PollingClient },
        { name: 'laptop', client: clientOf('fetchmail') as PollingClient },
      ].map(async ({ name, client }) => ({ name, client, password: await addDevice(address, name) })),
    )
    const expectFrom = async (
      { name, client, password }: (typeof devices)[number],
      expected: readonly Buffer[],
    ) => {
      const poll = { ...pollOf(client, 'pop3s', false, address, password), folder: folderOf(name) }
      expectSame(client, (await client.poll(poll)).messages, expected)
    }
    await send(messages.slice(0, 5), [address])
    const first = await dump(address)
    for (const device of devices) await expectFrom(device, first)
    await send(messages.slice(5, 8), [address])
    const all = await dump(address)
    for (const device of devices.toReversed()) await expectFrom(device, all.slice(-3))
    for (const device of devices) await expectFrom(device, [])
  },
)

test.runIf(clientOf('curl') && clientOf('Python poplib'))(
  `ADDRESS/quarantine and recent:ADDRESS are maildrops like any other${noteOf('curl', 'python3')}`,
  async () => {
    const address = 'folders@acme.example'
    const [held, kept] = [messages[0] as Buffer, messages[1] as Buffer]
    const file = join(folder, 'held.eml')
    writeFileSync(file, held)
    const delivered = await runCommand([
      'deliver',
      '--to',
      address,
      '--folder',
      'quarantine',
      '--verbatim',
      '--data',
      instance.data,
      file,
    ])
    expect(delivered.err).toBe('')
    await send([kept], [address])
    const fetchAs = (client: PollingClient, login: string, keep: boolean) =>
      client.poll({
        ...pollOf(client, 'pop3s', keep, login, PASSWORD),
        folder: folderOf(randomBytes(4).toString('hex')),
      })
    for (const name of ['curl', 'Python poplib']) {
      const client = clientOf(name) as PollingClient
      const quarantine = await fetchAs(client, `${address}/quarantine`, true)
      expect(quarantine.messages).toEqual([held])
      const inbox = await fetchAs(client, address, true)
      const recent = await fetchAs(client, `recent:${address}`, true)
      expect(recent.messages).toEqual(await dump(address))
      expect(recent.ids).toEqual(inbox.ids)
    }
    const python = clientOf('Python poplib') as PollingClient
    await expect(fetchAs(python, `recent:${address}`, false)).rejects.toThrow('[SYS/PERM]')
    expect((await fetchAs(python, `${address}/quarantine`, false)).messages).toEqual([held])
    expect((await fetchAs(python, `${address}/quarantine`, true)).messages).toEqual([])
    expect(await dump(address)).toHaveLength(1)
  },
)

/** Why a test is skipped, for its name; empty where it is not. */
function noteOf(...peers: readonly string[]): string {
  return peers.map((name) => requirePeer(name).note).find((note) => note !== '') ?? ''
}

function folderOf(name: string): string {
  const own = join(folder, name)
  mkdirSync(own, { recursive: true })
  return own
}

function pollOf(
  client: PollingClient,
  tls: 'pop3s' | 'stls',
  keep: boolean,
  login: string,
  password: string,
): Poll {
  const port = tls === 'pop3s' ? instance.ready.pop3s : instance.ready.pop3
  const own = folderOf(`${client.name}-${login}`.replace(/\W+/g, '-'))
  return { port, tls, login, password, keep, folder: own, certificate }
}

async function send(octets: readonly Buffer[], to: readonly string[]): Promise<void> {
  const sent = await sendAll(
    instance.ready.smtp,
    octets.map((each) => ({ from: 'sender@far.example', to, octets: each })),
    1,
  )
  expect(sent.filter((result) => !('reply' in result))).toEqual([])
}

/** What is stored, oldest first. */
async function dump(address: string): Promise<readonly Buffer[]> {
  const { code, out, err } = await runCommand([
    'mail',
    'dump',
    '--account',
    address,
    '--folder',
    'inbox',
    '--data',
    instance.data,
  ])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const stored: Buffer[] = []
  for (let at = 0; at < out.length; ) {
    const end = out.indexOf('\n', at)
    const octets = Number(/^MSG (\d+)$/.exec(out.toString('latin1', at, end))?.[1])
    stored.push(out.subarray(end + 1, end + 1 + octets))
    at = end + 1 + octets
  }
  return stored
}

async function addDevice(address: string, name: string): Promise<string> {
  const { out, code } = await runCommand([
    'account',
    'device',
    address,
    name,
    '--data',
    instance.data,
    '--json',
  ])
  expect(code).toBe(0)
  return (JSON.parse(out.toString()) as { password: string }).password
}

async function certificateOf(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const base64 = socket.getPeerCertificate().raw.toString('base64')
  socket.destroy()
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
}

/** Compares as sets: clients file messages under names of their own. */
function expectSame(client: PollingClient, fetched: readonly Buffer[], stored: readonly Buffer[]): void {
  const texts = (octets: readonly Buffer[]) =>
    octets
      .map((each) => asKept(client, each.toString('latin1')))
      .map((text) => (client.spoils?.test(text) ? 'spoilt' : text))
      .sort()
  const [got, wanted] = [texts(fetched), texts(stored)]
  const at = got.findIndex((text, i) => text !== wanted[i])
  const shown = (text: string | undefined) => text?.slice(0, 2_000)
  expect({ count: got.length, other: shown(got[at]) }).toEqual({
    count: wanted.length,
    other: shown(wanted[at]),
  })
  expect(at).toBe(-1)
}

/** A message as far as a client keeps it. Return-Path is left out, which some clients take for themselves. */
function asKept(client: PollingClient, text: string): string {
  if (client.keeps === 'octets') return text
  const lines = text.replace(/\r?\n/g, '\n').replace(/^Return-Path: .*\n/, '')
  switch (client.keeps) {
    case 'lines':
      return lines
    case 'all but empty lines':
      return lines.replace(/^Content-Length: \d+\nLines: \d+\n(?=\n)/m, '').replace(/\n+/g, '\n')
    case 'all but white space':
      // A multipart that was left open is closed, too.
      return lines
        .replace(/\s+/g, ' ')
        .trim()
        .replace(/(?: --\S+--)+$/, '')
  }
}
