import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { Packet } from 'dns2'
import { describe, expect, test } from 'vitest'
import { createResolver, parseServerAddress, ServerAddressError } from '../src/index.ts'
import { startDnsServer } from './dns-server.ts'

const { A, AAAA, CNAME, MX, NS, PTR, SOA, TXT } = Packet.TYPE
const record = (name: string, type: number, rest: object) =>
  ({ name, type, class: 1, ttl: 60, ...rest }) as never
const soa = (ttl: number, minimum: number) =>
  record('acme.example', SOA, {
    ttl,
    primary: 'ns.acme.example',
    admin: 'root.acme.example',
    serial: 1,
    refresh: 1,
    retry: 1,
    expiration: 1,
    minimum,
  })

describe('a resolver and a name server on UDP and TCP', () => {
  test('reads all types', async () => {
    await using server = await startDnsServer((name, type) => {
      switch (type) {
        case 'A':
          return {
            answers: [record(name, A, { address: '192.0.2.1' }), record(name, A, { address: '192.0.2.2' })],
          }
        case 'AAAA':
          return { answers: [record(name, AAAA, { address: '2001:db8:0:0:1::5' })] }
        case 'MX':
          return {
            answers: [
              record(name, MX, { priority: 10, exchange: 'MX1.Acme.example' }),
              record(name, MX, { priority: 0, exchange: '' }),
            ],
          }
        case 'TXT':
          return { answers: [record(name, TXT, { data: ['v=spf1 ', 'ip4:192.0.2.0/24 -all'] })] }
        case 'PTR':
          return { answers: [record(name, PTR, { domain: 'mail.acme.example' })] }
        case 'NS':
          return { answers: [record(name, NS, { ns: 'ns1.acme.example' })] }
        default:
          return { rcode: Packet.RCODE.REFUSED }
      }
    })
    const resolver = createResolver({ servers: [server.address] })
    const records = async (name: string, type: 'A' | 'AAAA' | 'MX' | 'TXT' | 'PTR' | 'NS') => {
      const answer = await resolver.resolve(name, type)
      return answer.kind === 'records' ? answer.records : answer
    }
    expect(await records('acme.example', 'A')).toEqual(['192.0.2.1', '192.0.2.2'])
    expect(await records('acme.example', 'AAAA')).toEqual(['2001:db8::1:0:0:5'])
    expect(await records('acme.example', 'MX')).toEqual([
      { preference: 10, exchange: 'mx1.acme.example' },
      { preference: 0, exchange: '' },
    ])
    expect(await records('acme.example', 'TXT')).toEqual(['v=spf1 ip4:192.0.2.0/24 -all'])
    expect(await records('1.2.0.192.in-addr.arpa', 'PTR')).toEqual(['mail.acme.example'])
    expect(await records('acme.example', 'NS')).toEqual(['ns1.acme.example'])
  })

  test('goes to TCP for what does not fit into a datagram', async () => {
    const long = Array.from({ length: 40 }, (_, i) => `part ${i} `.padEnd(100, 'x'))
    await using server = await startDnsServer((name) => ({ answers: [record(name, TXT, { data: long })] }))
    const resolver = createResolver({ servers: [server.address] })
    expect(await resolver.resolve('big.example', 'TXT')).toMatchObject({
      kind: 'records',
      records: [long.join('')],
    })
    expect(server.questions).toEqual(['UDP TXT big.example', 'TCP TXT big.example'])
  })

  test('tells apart no data, no name, failure and silence', async () => {
    await using server = await startDnsServer((name) => {
      if (name.startsWith('nodata')) return { authorities: [soa(60, 60)] }
      if (name.startsWith('nxdomain')) return { rcode: Packet.RCODE.NXDOMAIN, authorities: [soa(60, 60)] }
      if (name.startsWith('servfail')) return { rcode: Packet.RCODE.SERVFAIL }
      if (name.startsWith('refused')) return { rcode: Packet.RCODE.REFUSED }
      return { drop: true }
    })
    const resolver = createResolver({ servers: [server.address] })
    expect(await resolver.resolve('nodata.example', 'A')).toEqual({ kind: 'nodata' })
    expect(await resolver.resolve('nxdomain.example', 'A')).toEqual({ kind: 'nxdomain' })
    expect(await resolver.resolve('servfail.example', 'A')).toEqual({ kind: 'servfail', why: 'SERVFAIL' })
    expect(await resolver.resolve('refused.example', 'A')).toEqual({ kind: 'servfail', why: 'REFUSED' })
    const hasty = createResolver({ servers: [server.address], timeoutMs: 50 })
    expect(await hasty.resolve('silent.example', 'A')).toMatchObject({ kind: 'timeout' })
  })

  test('follows aliases within an answer; its life is the shortest one', async () => {
    await using server = await startDnsServer((name) => ({
      answers: [
        record(name, CNAME, { ttl: 300, domain: 'b.example' }),
        record('b.example', CNAME, { ttl: 20, domain: 'c.example' }),
        record('c.example', A, { ttl: 300, address: '192.0.2.9' }),
        record('other.example', A, { ttl: 300, address: '192.0.2.66' }),
      ],
    }))
    const resolver = createResolver({ servers: [server.address] })
    expect(await resolver.resolve('a.example', 'A')).toEqual({
      kind: 'records',
      records: ['192.0.2.9'],
      ttlSeconds: 20,
    })
  })

  test('asks the next server when one fails or says nothing', async () => {
    await using broken = await startDnsServer(() => ({ rcode: Packet.RCODE.SERVFAIL }))
    await using silent = await startDnsServer(() => ({ drop: true }))
    await using good = await startDnsServer((name) => ({
      answers: [record(name, A, { address: '192.0.2.1' })],
    }))
    const servers = [broken.address, silent.address, good.address]
    const resolver = createResolver({ servers, attemptMs: 400 })
    expect(await resolver.resolve('acme.example', 'A')).toMatchObject({ records: ['192.0.2.1'] })
    expect(resolver.counts().sent).toBe(3)
  })

  test('asks silent servers a second time', async () => {
    let heard = 0
    await using server = await startDnsServer((name) =>
      ++heard === 1 ? { drop: true } : { answers: [record(name, A, { address: '192.0.2.1' })] },
    )
    const resolver = createResolver({ servers: [server.address], attemptMs: 200 })
    expect(await resolver.resolve('acme.example', 'A')).toMatchObject({ kind: 'records' })
  })

  test('is not fooled by octets that answer something else', async () => {
    const liar = createSocket('udp4')
    liar.bind(0, '127.0.0.1')
    await once(liar, 'listening')
    liar.on('message', (query, { port }) => {
      const say = (change: (octets: Buffer) => void): void => {
        const octets = Buffer.from(query)
        octets.writeUInt16BE(0x8180, 2)
        octets.writeUInt16BE(0, 10)
        change(octets)
        liar.send(octets.subarray(0, octets.length - 11), port, '127.0.0.1')
      }
      liar.send(Buffer.from('what?'), port, '127.0.0.1')
      say((octets) => octets.writeUInt16BE(octets.readUInt16BE(0) ^ 1, 0)) // another id
      say((octets) => octets.write('x', 13)) // another name
      say((octets) => octets.writeUInt16BE(0x0180, 2)) // no response
      say((octets) => octets.writeUInt16BE(0x8183, 2)) // the truth: NXDOMAIN
    })
    const resolver = createResolver({ servers: [`127.0.0.1:${liar.address().port}`] })
    expect(await resolver.resolve('acme.example', 'A')).toEqual({ kind: 'nxdomain' })
    liar.close()
  })

  test('answers servfail, and soon, where nobody listens', async () => {
    const held = createSocket('udp4')
    held.bind(0, '127.0.0.1')
    await once(held, 'listening')
    const { port } = held.address()
    held.close()
    const resolver = createResolver({ servers: [`127.0.0.1:${port}`] })
    expect(await resolver.resolve('acme.example', 'A')).toMatchObject({ kind: 'servfail' })
  })
})

describe('what is kept', () => {
  const addresses = (name: string) => ({ answers: [record(name, A, { address: '192.0.2.1' })] })

  test('records live as long as they say, counted down', async () => {
    let nowMs = 0
    await using server = await startDnsServer(addresses)
    const resolver = createResolver({ servers: [server.address], now: () => nowMs })
    await resolver.resolve('acme.example', 'A')
    nowMs = 59_000
    expect(await resolver.resolve('ACME.example.', 'A')).toMatchObject({ ttlSeconds: 1 })
    expect(server.questions).toHaveLength(1)
    nowMs = 60_000
    await resolver.resolve('acme.example', 'A')
    expect(server.questions).toHaveLength(2)
  })

  test.each([
    ['the SOA says 120 s', { authorities: [soa(300, 120)] }, 120_000],
    ['the SOA itself lives 20 s', { authorities: [soa(20, 120)] }, 20_000],
    ['the SOA says a day: at most 15 minutes', { authorities: [soa(86_400, 86_400)] }, 900_000],
    ['no SOA: 30 s', {}, 30_000],
    ['SERVFAIL: 5 s', { rcode: 2 }, 5_000],
  ])('there is none, %s', async (_, reply, lifeMs) => {
    let nowMs = 0
    await using server = await startDnsServer(() => reply)
    const resolver = createResolver({ servers: [server.address], now: () => nowMs })
    await resolver.resolve('acme.example', 'A')
    nowMs = lifeMs - 1
    await resolver.resolve('acme.example', 'A')
    expect(server.questions).toHaveLength(1)
    nowMs = lifeMs
    await resolver.resolve('acme.example', 'A')
    expect(server.questions).toHaveLength(2)
  })

  test('is bounded by number and by octets, the least used gone first', async () => {
    await using server = await startDnsServer(addresses)
    const resolver = createResolver({ servers: [server.address], cache: { entries: 2 } })
    for (const name of ['a.example', 'b.example', 'a.example', 'c.example']) await resolver.resolve(name, 'A')
    expect(resolver.counts()).toMatchObject({ cacheEntries: 2, fromCache: 1 })
    await resolver.resolve('a.example', 'A')
    expect(resolver.counts()).toMatchObject({ fromCache: 2 })
    const small = createResolver({ servers: [server.address], cache: { octets: 1_000 } })
    for (let i = 0; i < 20; i++) await small.resolve(`n${i}.example`, 'A')
    expect(small.counts().cacheOctets).toBeLessThanOrEqual(1_000)
    expect(small.counts().cacheEntries).toBeGreaterThan(0)
    small.clear()
    expect(small.counts()).toMatchObject({ cacheEntries: 0, cacheOctets: 0 })
  })
})

describe('who asks together', () => {
  test('shares one question, and one giving up leaves the others waiting', async () => {
    let answer = (): void => {}
    const asked = Promise.withResolvers<void>()
    const go = new Promise<void>((resolve) => {
      answer = resolve
    })
    await using server = await startDnsServer(async (name) => {
      asked.resolve()
      await go
      return { answers: [record(name, A, { address: '192.0.2.1' })] }
    })
    const resolver = createResolver({ servers: [server.address] })
    const hasty = new AbortController()
    const first = resolver.resolve('acme.example', 'A', { signal: hasty.signal })
    const second = resolver.resolve('acme.example', 'A')
    const third = resolver.resolve('acme.example', 'A', { timeoutMs: 1 })
    await asked.promise
    hasty.abort()
    expect(await first).toEqual({ kind: 'timeout', why: 'the asker gave up' })
    expect(await third).toMatchObject({ kind: 'timeout' })
    answer()
    expect(await second).toMatchObject({ kind: 'records' })
    expect(resolver.counts()).toMatchObject({ asked: 3, joined: 2, sent: 1 })
  })

  test('abandons a question nobody waits for, and remembers nothing of it', async () => {
    let silent = true
    await using server = await startDnsServer((name) =>
      silent ? { drop: true } : { answers: [record(name, A, { address: '192.0.2.1' })] },
    )
    const resolver = createResolver({ servers: [server.address] })
    expect(await resolver.resolve('acme.example', 'A', { timeoutMs: 5 })).toMatchObject({ kind: 'timeout' })
    silent = false
    expect(await resolver.resolve('acme.example', 'A')).toMatchObject({ kind: 'records' })
  })

  test('waits its turn, and is turned away when too many wait', async () => {
    const go = Promise.withResolvers<void>()
    await using server = await startDnsServer(async (name) => {
      await go.promise
      return { answers: [record(name, A, { address: '192.0.2.1' })] }
    })
    const resolver = createResolver({ servers: [server.address], inFlightMax: 1, waitingMax: 1 })
    const first = resolver.resolve('a.example', 'A')
    const second = resolver.resolve('b.example', 'A')
    const third = await resolver.resolve('c.example', 'A')
    expect(third).toEqual({ kind: 'servfail', why: 'too many questions are waiting' })
    go.resolve()
    expect([(await first).kind, (await second).kind]).toEqual(['records', 'records'])
  })
})

describe('names and servers', () => {
  test('off answers at once', async () => {
    const resolver = createResolver({ servers: 'off' })
    expect(resolver.available).toBe(false)
    expect(await resolver.resolve('acme.example', 'A')).toEqual({ kind: 'unavailable', why: 'DNS is off' })
  })

  test('a name that cannot be is not asked; U-labels are asked as A-labels', async () => {
    await using server = await startDnsServer((name) => ({
      answers: [record(name, A, { address: '192.0.2.1' })],
    }))
    const resolver = createResolver({ servers: [server.address] })
    for (const name of [
      '',
      '.',
      'a..b',
      `${'a'.repeat(64)}.example`,
      `${'a.'.repeat(130)}example`,
      '\u0000é..x',
    ])
      expect(await resolver.resolve(name, 'A'), name).toEqual({ kind: 'nxdomain' })
    expect(server.questions).toEqual([])
    await resolver.resolve('Bücher.example', 'A')
    expect(server.questions).toEqual(['UDP A xn--bcher-kva.example'])
  })

  test.each([
    ['192.0.2.1', { host: '192.0.2.1', port: 53 }],
    ['127.0.0.1:5353', { host: '127.0.0.1', port: 5353 }],
    ['localhost:5353', { host: '127.0.0.1', port: 5353 }],
    ['2001:db8::1', { host: '2001:db8::1', port: 53 }],
    ['[2001:db8::1]:5353', { host: '2001:db8::1', port: 5353 }],
  ])('server %s', (text, address) => {
    expect(parseServerAddress(text)).toEqual(address)
  })

  test.each(['', 'dns.example', '192.0.2.1:0', '192.0.2.1:99999', '[192.0.2.1]:53', ':53', '1.2.3.4:5:6'])(
    'server "%s" is refused',
    (text) => {
      expect(() => createResolver({ servers: [text] })).toThrow(ServerAddressError)
    },
  )
})
