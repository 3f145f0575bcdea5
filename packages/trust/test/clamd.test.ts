import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { type ClamdOptions, createClamd } from '../src/index.ts'

interface FakeClamd extends AsyncDisposable {
  readonly options: ClamdOptions
  /** What was streamed, one entry a connection. */
  readonly streams: readonly Buffer[]
}

/** A clamd that takes streams apart and answers by a function; `null` says nothing. */
async function fakeClamd(
  answer: (stream: Buffer, socket: Socket) => string | null,
  early?: (socket: Socket) => void,
): Promise<FakeClamd> {
  const streams: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let held = Buffer.alloc(0)
    let stream = Buffer.alloc(0)
    socket.on('error', () => {})
    if (early) return early(socket)
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk as Buffer])
      const nul = held.indexOf(0)
      if (held.toString('latin1').startsWith('z')) {
        if (nul < 0) return
        const command = held.toString('latin1', 0, nul)
        held = held.subarray(nul + 1)
        if (command !== 'zINSTREAM') return socket.end('ClamAV 1.2.3\0')
      }
      while (held.length >= 4) {
        const length = held.readUInt32BE()
        if (length === 0) {
          streams.push(stream)
          const said = answer(stream, socket)
          if (said !== null) socket.end(said)
          return
        }
        if (held.length < 4 + length) return
        stream = Buffer.concat([stream, held.subarray(4, 4 + length)])
        held = held.subarray(4 + length)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    options: { address: { host: '127.0.0.1', port } },
    streams,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const octets = (text: string) => new TextEncoder().encode(text)

describe('INSTREAM', () => {
  test.each([
    ['stream: OK\0', { result: 'clean' }],
    ['stream: Win.Test.EICAR_HDB-1 FOUND\0', { result: 'infected', virus: 'Win.Test.EICAR_HDB-1' }],
    ['stream: Name with FOUND FOUND\0', { result: 'infected', virus: 'Name with FOUND' }],
    [
      'INSTREAM size limit exceeded. ERROR\0',
      { result: 'unavailable', why: 'it says: INSTREAM size limit exceeded. ERROR' },
    ],
    ['', { result: 'unavailable', why: 'it hung up without an answer' }],
    ['UNKNOWN COMMAND\0', { result: 'unavailable', why: 'it says: UNKNOWN COMMAND' }],
  ])('%j', async (answer, result) => {
    await using fake = await fakeClamd(() => answer)
    expect(await createClamd(fake.options).scan(octets('hello'))).toEqual(result)
    expect(fake.streams.map(String)).toEqual(['hello'])
  })

  test('sends a message whole, whatever its pieces', async () => {
    await using fake = await fakeClamd(() => 'stream: OK\0')
    const clamd = createClamd(fake.options)
    const big = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => i & 255))
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(0)
      yield big.subarray(0, 1)
      yield big.subarray(1, 200_000)
      yield big.subarray(200_000)
    }
    expect(await clamd.scan(big)).toEqual({ result: 'clean' })
    expect(await clamd.scan(pieces())).toEqual({ result: 'clean' })
    expect(await clamd.scan(new Uint8Array(0))).toEqual({ result: 'clean' })
    expect(fake.streams.map((stream) => stream.length)).toEqual([big.length, big.length, 0])
    expect(fake.streams.slice(0, 2).every((stream) => stream.equals(big))).toBe(true)
  })

  test('says which clamd it is', async () => {
    await using fake = await fakeClamd(() => null)
    expect(await createClamd(fake.options).version()).toBe('ClamAV 1.2.3')
  })
})

describe('unavailable, never a crash', () => {
  test('too large: a whole message is not even begun, a stream is cut', async () => {
    await using fake = await fakeClamd(() => 'stream: OK\0')
    const clamd = createClamd({ ...fake.options, sizeMaxOctets: 10 })
    const why = 'larger than 10 octets'
    let pulled = 0
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        pulled++
        yield octets('1234')
      }
    }
    expect(await clamd.scan(octets('12345678901'))).toEqual({ result: 'unavailable', why })
    expect(await clamd.scan(endless())).toEqual({ result: 'unavailable', why })
    expect(pulled).toBe(3)
    expect(await clamd.scan(octets('1234567890'))).toEqual({ result: 'clean' })
    expect(fake.streams.map(String)).toEqual(['1234567890'])
  })

  test('nobody listens', async () => {
    const fake = await fakeClamd(() => null)
    await fake[Symbol.asyncDispose]()
    expect(await createClamd(fake.options).scan(octets('x'))).toMatchObject({
      result: 'unavailable',
      why: expect.stringContaining('ECONNREFUSED'),
    })
    const gone = createClamd({ address: { path: '/nowhere/clamd.sock' } })
    expect(await gone.scan(octets('x'))).toMatchObject({ why: expect.stringContaining('ENOENT') })
    expect(await gone.version()).toBeNull()
  })

  test('no answer in time, and a caller who gives up', async () => {
    await using fake = await fakeClamd(() => null)
    const clamd = createClamd({ ...fake.options, deadlineMs: 30 })
    expect(await clamd.scan(octets('x'))).toEqual({ result: 'unavailable', why: 'no answer within 30 ms' })
    const caller = new AbortController()
    const scan = createClamd(fake.options).scan(octets('x'), { signal: caller.signal })
    caller.abort()
    expect(await scan).toEqual({ result: 'unavailable', why: 'given up' })
  })

  test('it answers and hangs up in the middle, or never stops talking', async () => {
    await using rude = await fakeClamd(
      () => null,
      (socket) => socket.end('INSTREAM size limit exceeded. ERROR\0'),
    )
    expect(await createClamd(rude.options).scan(new Uint8Array(5_000_000))).toMatchObject({
      result: 'unavailable',
    })
    await using chatty = await fakeClamd(
      () => null,
      (socket) => void socket.write('x'.repeat(10_000)),
    )
    expect(await createClamd(chatty.options).scan(octets('x'))).toEqual({
      result: 'unavailable',
      why: 'an answer without end',
    })
  })

  test('a message that fails while it is read', async () => {
    await using fake = await fakeClamd(() => 'stream: OK\0')
    const failing = {
      async *[Symbol.asyncIterator]() {
        yield octets('x')
        throw new Error('disk gone')
      },
    }
    expect(await createClamd(fake.options).scan(failing)).toEqual({ result: 'unavailable', why: 'disk gone' })
  })

  test('so many at a time; the others wait, within their time', async () => {
    let answer = (): void => {}
    const asked = Promise.withResolvers<void>()
    await using fake = await fakeClamd((stream, socket) => {
      if (String(stream) !== 'slow') return 'stream: OK\0'
      answer = () => socket.end('stream: OK\0')
      asked.resolve()
      return null
    })
    const clamd = createClamd({ ...fake.options, scansMax: 1 })
    const slow = clamd.scan(octets('slow'))
    await asked.promise
    const hurried = new AbortController()
    const gone = clamd.scan(octets('gone'), { signal: hurried.signal })
    const next = clamd.scan(octets('next'))
    hurried.abort()
    expect(await gone).toEqual({ result: 'unavailable', why: 'no turn in time' })
    expect(fake.streams.map(String)).toEqual(['slow'])
    answer()
    expect([await slow, await next]).toEqual([{ result: 'clean' }, { result: 'clean' }])
    expect(fake.streams.map(String)).toEqual(['slow', 'next'])
  })
})
