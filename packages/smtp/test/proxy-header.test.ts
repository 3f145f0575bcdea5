import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readProxyHeader } from '../src/proxy-header.ts'

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

function version2(command: number, family: number, body: Buffer): Buffer {
  const head = Buffer.from([0x20 | command, family, body.length >> 8, body.length & 255])
  return Buffer.concat([SIGNATURE, head, body])
}

const IPV4 = Buffer.from([192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0, 25])
const IPV6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from('00000000000000000000000000000001', 'hex'),
  Buffer.from([0x12, 0x34, 0, 25]),
])
const LOCAL = { remoteAddress: null, remotePort: 0, localAddress: null, localPort: 0 }

describe('PROXY header', () => {
  const good: readonly (readonly [string, Buffer, object])[] = [
    [
      'version 1, IPv4',
      Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 4660 25\r\n'),
      { remoteAddress: '192.0.2.1', remotePort: 4660, localAddress: '198.51.100.2', localPort: 25 },
    ],
    [
      'version 1, IPv6',
      Buffer.from('PROXY TCP6 2001:db8::1 ::1 4660 25\r\n'),
      { remoteAddress: '2001:db8::1', remotePort: 4660, localAddress: '::1', localPort: 25 },
    ],
    ['version 1, UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), LOCAL],
    ['version 1, UNKNOWN with addresses', Buffer.from('PROXY UNKNOWN ffff:: ffff:: 1 2\r\n'), LOCAL],
    [
      'version 2, IPv4',
      version2(1, 0x11, IPV4),
      { remoteAddress: '192.0.2.1', remotePort: 4660, localAddress: '198.51.100.2', localPort: 25 },
    ],
    [
      'version 2, IPv6',
      version2(1, 0x21, IPV6),
      { remoteAddress: '2001:db8::1', remotePort: 4660, localAddress: '::1', localPort: 25 },
    ],
    [
      'version 2 with a TLV after the addresses',
      version2(1, 0x11, Buffer.concat([IPV4, Buffer.from([4, 0, 1, 0])])),
      { remoteAddress: '192.0.2.1', remotePort: 4660, localAddress: '198.51.100.2', localPort: 25 },
    ],
    ['version 2, LOCAL', version2(0, 0, Buffer.alloc(0)), LOCAL],
    ['version 2, unspecified', version2(1, 0, Buffer.alloc(0)), LOCAL],
  ]

  test.each(good)('%s', (_name, header, expected) => {
    expect(readProxyHeader(header)).toEqual({ ...expected, octets: header.length })
    expect(readProxyHeader(Buffer.concat([header, Buffer.from('EHLO x\r\n')]))).toEqual({
      ...expected,
      octets: header.length,
    })
    for (let length = 0; length < header.length; length++) {
      expect(readProxyHeader(header.subarray(0, length))).toBeNull()
    }
  })

  test.each([
    'EHLO x\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.2 4660\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.2 4660 25 x\r\n',
    'PROXY TCP4 192.0.2.256 198.51.100.2 4660 25\r\n',
    'PROXY TCP4 2001:db8::1 ::1 4660 25\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.2 65536 25\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.2 +1 25\r\n',
    'PROXY TCP9 192.0.2.1 198.51.100.2 1 25\r\n',
    `PROXY UNKNOWN ${'x'.repeat(200)}`,
    '\r\n\r\n\0\r\nQUIX',
  ])('refuses %j', (text) => {
    expect(readProxyHeader(Buffer.from(text, 'latin1'))).toBe('bad')
  })

  test.each([
    ['version 3', Buffer.concat([SIGNATURE, Buffer.from([0x31, 0x11, 0, 0])])],
    ['an unknown command', version2(2, 0x11, IPV4)],
    ['short addresses', version2(1, 0x11, IPV4.subarray(1))],
    ['UDP', version2(1, 0x12, IPV4)],
    ['a length beyond all sense', Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0xff, 0xff])])],
  ])('refuses version 2 with %s', (_name, header) => {
    expect(readProxyHeader(header)).toBe('bad')
  })

  test('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (octets, signed) => {
        const input = signed ? Buffer.concat([SIGNATURE, octets]) : Buffer.from(octets)
        expect(() => readProxyHeader(input)).not.toThrow()
      }),
    )
  })
})
