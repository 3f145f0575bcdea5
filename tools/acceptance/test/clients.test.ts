import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { requirePeer } from '@restante/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ownMessages } from '../src/corpus.ts'
import { inCrlfForm } from '../src/expectation.ts'
import { type Instance, makeFolder, removeFolder, runCommand, startInstance } from '../src/instance.ts'
import { POLLING_CLIENTS, type Poll, type PollingClient } from '../src/polling.ts'
import { sendAll } from '../src/sending.ts'

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

const cases: readonly Case[] = POLLING_CLIENTS.flatMap((client) => {
  const peers = client.peers.map((name) => requirePeer(name))
  return client.tls.flatMap((tls) =>
    [true, false].map((keep) => ({
      client,
      tls,
      keep,
      address: `${client.name.toLowerCase().replace(/\W+/g, '-')}-${tls}-${keep ? 'keeps' : 'takes'}@acme.example`,
      missing: peers.some((peer) => peer.missing),
      title: `${client.name} over ${tls}, ${keep ? 'keeping' : 'deleting'}${peers.find((peer) => peer.missing)?.note ?? ''}`,
    })),
  )
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

describe.each(cases.filter((each) => !each.missing))('$title', (each) => {
  const { client, tls, keep, address } = each
  const poll = () => client.poll(pollOf(client, tls, keep, address, PASSWORD))
  let firstIds: readonly string[] | null

  test('fetches every message, equal to what is stored', async () => {
    const stored = await dump(address)
    expect(stored).toHaveLength(messages.length)
    const { messages: fetched, ids } = await poll()
    firstIds = ids
    expect(sorted(client, fetched)).toEqual(sorted(client, stored))
    expect(new Set(ids).size).toBe(ids?.length ?? 0)
    expect(await dump(address)).toHaveLength(keep ? messages.length : 0)
  })

  test(`polls again: ${keep ? (client.remembers ? 'only the new one' : 'the same unique-ids and one more') : 'only the new one'}`, async () => {
    await send([LATER], [address])
    const all = await dump(address)
    const { messages: fetched, ids } = await poll()
    const expected = keep && !client.remembers ? all : all.slice(-1)
    expect(sorted(client, fetched)).toEqual(sorted(client, expected))
    if (keep && ids !== null) {
      expect(ids.slice(0, -1)).toEqual(firstIds)
      expect(firstIds).not.toContain(ids.at(-1))
    }
    expect(await dump(address)).toHaveLength(keep ? messages.length + 1 : 0)
  })
})

for (const each of cases.filter((each) => each.missing && each.keep)) test.runIf(false)(each.title, () => {})

const usable = POLLING_CLIENTS.filter((client) => client.peers.every((name) => !requirePeer(name).missing))
const clientOf = (name: string) => usable.find((client) => client.name === name)

test.runIf(clientOf('mpop') && clientOf('fetchmail'))(
  'device passwords: each device gets every message once, and takes nothing from the other',
  async () => {
    const address = 'devices@acme.example'
    const devices = await Promise.all(
      [
        { name: 'phone', client: clientOf('mpop') as PollingClient },
        { name: 'laptop', client: clientOf('fetchmail') as PollingClient },
      ].map(async ({ name, client }) => ({ name, client, password: await addDevice(address, name) })),
    )
    const fetchAs = async ({ name, client, password }: (typeof devices)[number]) =>
      sorted(
        client,
        (await client.poll({ ...pollOf(client, 'pop3s', false, address, password), folder: folderOf(name) }))
          .messages,
      )
    await send(messages.slice(0, 5), [address])
    const first = await dump(address)
    for (const device of devices) expect(await fetchAs(device)).toEqual(sorted(device.client, first))
    await send(messages.slice(5, 8), [address])
    const late = await addDevice(address, 'tablet')
    const left = await dump(address)
    for (const device of devices.toReversed())
      expect(await fetchAs(device)).toEqual(sorted(device.client, left.slice(-3)))
    for (const device of devices) expect(await fetchAs(device)).toEqual([])
    // A device that came later sees what nobody has removed for all.
    const tablet = devices[0]?.client as PollingClient
    const seen = await tablet.poll({
      ...pollOf(tablet, 'stls', true, address, late),
      folder: folderOf('tablet'),
    })
    expect(sorted(tablet, seen.messages)).toEqual(sorted(tablet, await dump(address)))
  },
)

test.runIf(clientOf('curl') && clientOf('Python poplib'))(
  'ADDRESS/quarantine and recent:ADDRESS are maildrops like any other',
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

/**
 * Messages as far as a client keeps them, in an order of their own. Return-Path is left out, which some clients take
 * for themselves; and what a reader adds when it files a message away.
 */
function sorted(client: PollingClient, octets: readonly Buffer[]): readonly string[] {
  return octets.map((each) => asKept(client, each.toString('latin1'))).sort()
}

function asKept(client: PollingClient, text: string): string {
  if (client.keeps === 'octets') return text
  const lines = text.replace(/\r?\n/g, '\n').replace(/^Return-Path: .*\n/, '')
  return client.keeps === 'lines'
    ? lines
    : lines
        .replace(/\s+/g, ' ')
        .trim()
        .replace(/(?: --\S+--)+$/, '')
}
