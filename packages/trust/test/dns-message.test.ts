import { Packet } from 'dns2'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  canonicalName,
  decodeResponse,
  encodeQuery,
  extractRecords,
  negativeTtlSeconds,
  RECORD_TYPES,
  type RecordType,
} from '../src/dns-message.ts'

test('another implementation reads our query', () => {
  const query = Packet.parse(Buffer.from(encodeQuery(77, '_dmarc.acme.example', RECORD_TYPES.TXT)))
  expect(query.header).toMatchObject({ id: 77, qr: 0, rd: 1 })
  expect(query.questions).toMatchObject([{ name: '_dmarc.acme.example', type: Packet.TYPE.TXT, class: 1 }])
  expect(query.additionals).toMatchObject([{ type: Packet.TYPE.EDNS, class: 1232 }])
})

test.each([
  ['Acme.Example.', 'acme.example'],
  ['a b.example', 'a b.example'],
  ['', null],
  ['.', null],
  ['a..b', null],
  ['.a', null],
  ['a.', 'a'],
  ['a'.repeat(63), 'a'.repeat(63)],
  ['a'.repeat(64), null],
  [`${'a.'.repeat(126)}a`, `${'a.'.repeat(126)}a`],
  [`${'a.'.repeat(126)}ab`, null],
  ['\u0416.example', null],
])('name "%s"', (name, canonical) => {
  expect(canonicalName(name)).toBe(canonical)
})

const types = Object.keys(RECORD_TYPES).filter((each) => each !== 'SOA') as RecordType[]

function readAll(octets: Uint8Array): void {
  const response = decodeResponse(octets)
  if (response === null) return
  for (const type of types) extractRecords(octets, response, response.question?.name ?? '', type)
  negativeTtlSeconds(octets, response)
}

test('whatever octets come, reading them ends and throws nothing', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), readAll))
  const head = [0, 1, 0x81, 0x80, 0, 1, 0, 4, 0, 2, 0, 0]
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (rest) => readAll(Uint8Array.from([...head, ...rest]))),
  )
})

test('a true response, one octet changed or cut off anywhere, is read or refused', () => {
  const packet = new Packet()
  Object.assign(packet.header, { id: 5, qr: 1 })
  packet.questions.push({ name: 'acme.example', type: 15, class: 1 } as never)
  packet.answers.push(
    { name: 'acme.example', type: 15, class: 1, ttl: 60, priority: 10, exchange: 'mx.acme.example' } as never,
    { name: 'acme.example', type: 16, class: 1, ttl: 60, data: ['one', 'two'] } as never,
    { name: 'acme.example', type: 28, class: 1, ttl: 60, address: '2001:db8::1' } as never,
  )
  const whole = packet.toBuffer()
  readAll(whole)
  for (let i = 0; i < whole.length; i++) {
    readAll(whole.subarray(0, i))
    for (const value of [0, 1, 0x3f, 0xc0, 0xff]) {
      const changed = Uint8Array.from(whole)
      changed[i] = value
      readAll(changed)
    }
  }
})

test('compression that points at itself is refused', () => {
  const octets = Uint8Array.from([0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1])
  expect(decodeResponse(octets)).toBeNull()
})
