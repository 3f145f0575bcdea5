import { describe, expect, test } from 'vitest'
import { parseNetworks, parseProxyHeader, plainAddress } from '../src/index.ts'
import { start } from './start.ts'
import { connectPlain, logIn, secure, wireOver } from './wire.ts'

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n'
const v2 = (command: number, family: number, rest: string) =>
  Buffer.from(
    `${SIGNATURE}${String.fromCharCode(0x20 | command, family, rest.length >> 8, rest.length & 255)}${rest}`,
    'latin1',
  )
const tlv = (type: number, value: string) =>
  `${String.fromCharCode(type, value.length >> 8, value.length & 255)}${value}`
const ipv4 = '\xc0\0\x02\x07\x7f\0\0\x01\x12\x34\0\x6e'

describe('the PROXY header', () => {
  test.each([
    ['PROXY TCP4 192.0.2.7 127.0.0.1 4660 110\r\nCAPA', { address: '192.0.2.7', port: 4660 }, 4],
    ['PROXY TCP6 2001:db8::7 ::1 1 110\r\n', { address: '2001:db8::7', port: 1 }, 0],
    ['PROXY UNKNOWN\r\n', null, 0],
    ['PROXY UNKNOWN ffff::1 ffff::2 1 2\r\nX', null, 1],
  ])('version 1: %j', (text, client, rest) => {
    expect(parseProxyHeader(Buffer.from(text, 'latin1'))).toEqual({
      client,
      tls: null,
      serverName: null,
      length: text.length - rest,
    })
  })

  test.each([
    'PROXY TCP4 192.0.2.7 127.0.0.1 4660\r\n',
    'PROXY TCP4 2001:db8::7 ::1 1 110\r\n',
    'PROXY TCP4 192.0.2.7 127.0.0.1 99999 110\r\n',
    'PROXY TCP5 192.0.2.7 127.0.0.1 1 110\r\n',
    'proxy TCP4 192.0.2.7 127.0.0.1 1 110\r\n',
    'USER anna\r\n',
    `PROXY TCP4 ${' '.repeat(120)}`,
    '\r\n\r\nX',
  ])('bad: %j', (text) => {
    expect(parseProxyHeader(Buffer.from(text, 'latin1'))).toBe('bad')
  })

  test('version 2: addresses, local connections, TLS that was taken off', () => {
    expect(parseProxyHeader(v2(1, 0x11, ipv4))).toMatchObject({
      client: { address: '192.0.2.7', port: 4660 },
      tls: null,
    })
    const six = `\x20\x01\x0d\xb8${'\0'.repeat(11)}\x07${'\0'.repeat(15)}\x01\0\x09\0\x6e`
    expect(parseProxyHeader(v2(1, 0x21, six))).toMatchObject({ client: { address: '2001:db8::7', port: 9 } })
    const mapped = `${'\0'.repeat(10)}\xff\xff\xc0\0\x02\x07${'\0'.repeat(16)}\0\x09\0\x6e`
    expect(parseProxyHeader(v2(1, 0x21, mapped))).toMatchObject({ client: { address: '192.0.2.7', port: 9 } })
    expect(parseProxyHeader(v2(0, 0, ''))).toMatchObject({ client: null, length: 16 })
    expect(parseProxyHeader(v2(1, 0x31, 'x'.repeat(216)))).toMatchObject({ client: null })
    const ssl = tlv(0x20, `\x01\0\0\0\0${tlv(0x21, 'TLSv1.3')}${tlv(0x23, 'TLS_AES_128')}`)
    expect(parseProxyHeader(v2(1, 0x11, ipv4 + tlv(2, 'mail.example') + ssl))).toMatchObject({
      tls: { protocol: 'TLSv1.3', cipher: 'TLS_AES_128' },
      serverName: 'mail.example',
    })
  })

  test('version 2: bad ones', () => {
    expect(parseProxyHeader(v2(2, 0x11, ipv4))).toBe('bad')
    expect(parseProxyHeader(v2(1, 0x11, 'short'))).toBe('bad')
    expect(parseProxyHeader(v2(1, 0x11, 'x'.repeat(5_000)))).toBe('bad')
  })

  test('any prefix wants more', () => {
    for (const whole of [v2(1, 0x11, ipv4), Buffer.from('PROXY TCP4 192.0.2.7 127.0.0.1 4660 110\r\n')]) {
      for (let length = 1; length < whole.length; length++)
        expect(parseProxyHeader(whole.subarray(0, length))).toBe('more')
      expect(parseProxyHeader(whole)).toMatchObject({ length: whole.length })
    }
  })
})

describe('behind a trusted proxy', () => {
  test('the client is who the header says, and plain login is judged by that address', async () => {
    const { port, event } = await start({ proxyFrom: ['127.0.0.0/8'] })
    const wire = await connectPlain(port)
    wire.write('PROXY TCP4 192.0.2.7 127.0.0.1 4660 110\r\nUSER anna\r\n')
    expect(await wire.line()).toMatch(/^\+OK/)
    expect(await wire.line()).toMatch(/^-ERR \[SYS\/PERM\]/)
    expect((await event('connection')).session).toMatchObject({
      remoteAddress: '192.0.2.7',
      remotePort: 4660,
    })
  })

  test('TLS the proxy took off counts as TLS', async () => {
    const { port, event } = await start({ proxyFrom: ['127.0.0.1'], allowPlainLogin: 'never' })
    const wire = await connectPlain(port)
    wire.write(v2(1, 0x11, ipv4 + tlv(0x20, `\x01\0\0\0\0${tlv(0x21, 'TLSv1.3')}`)))
    await logIn(wire)
    expect((await event('login')).session.tls?.protocol).toBe('TLSv1.3')
    expect((await wire.askMulti('CAPA')).body).not.toContain('STLS')
  })

  test('the header comes before an implicit handshake, in one piece with it or octet by octet', async () => {
    const { tlsPort, events } = await start({ proxyFrom: ['127.0.0.1'] })
    const { connect } = await import('node:net')
    for (const split of [false, true]) {
      const socket = connect(tlsPort, '127.0.0.1')
      await new Promise((resolve) => socket.once('connect', resolve))
      const header = Buffer.from('PROXY TCP4 192.0.2.8 127.0.0.1 1 995\r\n')
      if (split) {
        for (const octet of header) {
          socket.write(Buffer.of(octet))
          await new Promise((resolve) => setImmediate(resolve))
        }
      } else {
        socket.cork()
        socket.write(header)
        process.nextTick(() => socket.uncork())
      }
      const secured = await secure(wireOver(socket))
      expect(await secured.line()).toMatch(/^\+OK/)
      secured.destroy()
    }
    expect(
      events.flatMap((event) => (event.type === 'connection' ? [event.session.remoteAddress] : [])),
    ).toEqual(['192.0.2.8', '192.0.2.8'])
  })

  test('no header, no session; from elsewhere a header is only a bad command', async () => {
    const { port, event } = await start({ proxyFrom: ['127.0.0.1'] })
    const wire = await connectPlain(port)
    wire.write('USER anna\r\n')
    expect(await wire.closed()).toBe('')
    expect((await event('session-end')).reason).toBe('proxy-header')
    const direct = await start({ proxyFrom: ['10.0.0.0/8'] })
    const stranger = await connectPlain(direct.port)
    await stranger.line()
    expect(await stranger.ask('PROXY TCP4 192.0.2.7 127.0.0.1 4660 110')).toMatch(/^-ERR/)
  })
})

describe('XCLIENT', () => {
  test('from a trusted peer: address and port change, and what follows from them', async () => {
    const { port, event } = await start({ xclientFrom: ['127.0.0.1'] })
    const wire = await connectPlain(port)
    await wire.line()
    expect(await wire.ask('XCLIENT ADDR=nonsense')).toMatch(/^-ERR/)
    expect(await wire.ask('XCLIENT ADDR=192.0.2.9 PORT=77 TTL=3')).toMatch(/^\+OK/)
    expect(await wire.ask('USER anna')).toMatch(/^-ERR \[SYS\/PERM\]/)
    expect(await wire.ask('XCLIENT ADDR=IPV6:::1')).toMatch(/^\+OK/)
    await wire.ask('USER anna')
    await wire.ask('PASS secret')
    expect((await event('login')).session).toMatchObject({ remoteAddress: '::1', remotePort: 77 })
  })
})

describe('networks', () => {
  test('hold addresses', () => {
    const networks = parseNetworks(['10.0.0.0/8', '2001:db8::/32', '127.0.0.1'])
    expect(['10.1.2.3', '2001:db8:1::', '127.0.0.1'].map((address) => networks.has(address))).toEqual([
      true,
      true,
      true,
    ])
    expect(['11.1.2.3', '2001:db9::', '127.0.0.2', '', 'x'].some((address) => networks.has(address))).toBe(
      false,
    )
    expect(parseNetworks([]).isEmpty).toBe(true)
    expect(plainAddress('::ffff:192.0.2.1')).toBe('192.0.2.1')
  })

  test.each(['x', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::/129', '10.0.0.0/-1'])(
    '%s is none',
    (text) => {
      expect(() => parseNetworks([text])).toThrow(`not an address or network: ${text}`)
    },
  )
})
