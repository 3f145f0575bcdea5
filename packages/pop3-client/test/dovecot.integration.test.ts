import { requirePeer } from '@restante/peers'
import { expect, test } from 'vitest'
import { type ConnectOptions, connectPop3, fetchNew, memoryFetchState } from '../src/index.ts'
import { startDovecot } from './dovecot.ts'
import { CERTIFICATE, rejection, textOf } from './start.ts'

const dovecot = requirePeer('dovecot')
const MAIL = [
  'Subject: one\r\n\r\nfirst\r\n',
  'Subject: two\r\n\r\n.second\r\n..\r\n',
  `Subject: three\r\n\r\n${'x'.repeat(9_000)}\r\n`,
  `Subject: four\r\n\r\n${'line of text\r\n'.repeat(20_000)}`,
]

test.skipIf(dovecot.missing)(`gets on with Dovecot${dovecot.note}`, async () => {
  const { port, tlsPort } = await startDovecot(dovecot, MAIL)
  const login = { name: 'anna', password: 'secret' }
  const trust = { host: '127.0.0.1', ca: CERTIFICATE.cert, servername: 'localhost', login }
  const ways: ConnectOptions[] = [
    { ...trust, port: tlsPort },
    { ...trust, port, tls: 'stls' },
    { ...trust, port, tls: 'none' },
    { ...trust, port, tls: 'none', mechanism: 'USER' },
    { ...trust, port: tlsPort, mechanism: 'LOGIN' },
    { ...trust, port: tlsPort, mechanism: 'SCRAM-SHA-256' },
  ]
  for (const way of ways) {
    const client = await connectPop3(way)
    expect(await client.stat()).toEqual({ count: 4, sizeOctets: MAIL.join('').length })
    await client.quit()
  }

  await using client = await connectPop3(ways[0] as ConnectOptions)
  expect(client.capabilities).toMatchObject({
    pipelining: true,
    uniqueIds: true,
    top: true,
    responseCodes: true,
  })
  expect(await client.list()).toEqual(MAIL.map((mail, i) => ({ number: i + 1, sizeOctets: mail.length })))
  expect(new Set((await client.uidl()).map(({ id }) => id)).size).toBe(4)
  const seen: string[] = []
  for await (const { octets } of client.retrMany([1, 2, 3, 4])) seen.push(await textOf(octets))
  expect(seen).toEqual(MAIL)
  expect(await textOf(client.top(4, 2))).toBe('Subject: four\r\n\r\nline of text\r\nline of text\r\n')
  const done = await Promise.allSettled([client.list(9), client.retrWhole(1), client.dele(9), client.noop()])
  expect(done.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled'])
  await client.dele(1)
  await client.quit()

  const wrong = { ...(ways[0] as ConnectOptions), login: { name: 'anna', password: 'sesame' } }
  expect(await rejection(connectPop3(wrong))).toMatchObject({ code: 'auth' })

  const state = memoryFetchState()
  const taken: string[] = []
  const options = {
    server: ways[1] as ConnectOptions,
    state,
    onMessage: async ({ octets }: { octets: AsyncIterable<Uint8Array> }) =>
      void taken.push(await textOf(octets)),
  }
  expect(await fetchNew(options)).toMatchObject({ fetched: 3, deleted: 0, short: [], failed: [] })
  expect(await fetchNew({ ...options, keep: 'delete' })).toMatchObject({ fetched: 0, deleted: 3, left: 0 })
  expect(taken).toEqual(MAIL.slice(1))
})
