import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeRecordHeader,
  decodeTrailer,
  encodeHead,
  encodeRecordHeader,
  encodeTrailer,
  isHead,
  isIntact,
  type RecordHeader,
} from '../src/segment-format.ts'
import { trailerOf } from '../src/write-delivery.ts'

const octets = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })

const headers: fc.Arbitrary<RecordHeader> = fc
  .record({
    id: octets(16),
    sizeOctets: fc.integer({ min: 0, max: 2 ** 45 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    needsStuffing: fc.boolean(),
    trailerOctets: fc.integer({ min: 0, max: 1_000_000 }),
    bodyCrc: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  })
  .map(({ share, ...rest }) => ({ ...rest, bodyOffset: Math.floor(rest.sizeOctets * share) }))

describe('record headers', () => {
  test('come back as they went in', () => {
    fc.assert(
      fc.property(headers, fc.uint8Array(), (header, trailer) => {
        const encoded = encodeRecordHeader(header, trailer)
        expect(decodeRecordHeader(encoded)).toEqual(header)
        expect(isIntact(encoded, trailer)).toBe(true)
      }),
    )
  })

  test('a changed bit is noticed', () => {
    fc.assert(
      fc.property(
        headers,
        fc.uint8Array({ minLength: 1 }),
        fc.nat(),
        fc.integer({ min: 0, max: 7 }),
        (header, trailer, at, bit) => {
          const encoded = encodeRecordHeader(header, trailer)
          const place = at % (encoded.length + trailer.length)
          const flipped = place < encoded.length ? encoded : trailer
          const offset = place < encoded.length ? place : place - encoded.length
          flipped[offset] = (flipped[offset] as number) ^ (1 << bit)
          expect(decodeRecordHeader(encoded) !== null && isIntact(encoded, trailer)).toBe(false)
        },
      ),
    )
  })

  test('any other octets are none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (noise) => {
        expect(decodeRecordHeader(noise)).toBeNull()
      }),
    )
    expect(decodeRecordHeader(new Uint8Array(52))).toBeNull()
    const other = encodeRecordHeader(
      {
        id: new Uint8Array(16),
        sizeOctets: 1,
        bodyOffset: 1,
        needsStuffing: false,
        trailerOctets: 0,
        bodyCrc: 0,
      },
      new Uint8Array(0),
    )
    other[4] = 2
    expect(decodeRecordHeader(other), 'a later version').toBeNull()
  })
})

test('trailers keep every octet of prefix and splice', () => {
  fc.assert(
    fc.property(
      fc.uint8Array(),
      fc.uint8Array(),
      fc.string({ unit: 'binary' }),
      (prefix, replacement, folder) => {
        const copy = {
          account: 'a1',
          address: 'grüße@acme.example',
          folder,
          id: 'ID',
          arrivedAtMs: 5,
          prefix,
          splice: { offset: 1, length: 2, replacement },
        }
        const back = decodeTrailer(encodeTrailer(trailerOf([copy])))?.copies[0]
        expect(Buffer.from(back?.prefix ?? '', 'latin1')).toEqual(Buffer.from(prefix))
        expect(Buffer.from(back?.splice?.replacement ?? '', 'latin1')).toEqual(Buffer.from(replacement))
        expect(back?.address).toBe(copy.address)
      },
    ),
  )
  for (const text of ['', 'null', '[]', '{"copies":1}', '{"copies":[']) {
    expect(decodeTrailer(Buffer.from(text))).toBeNull()
  }
})

test('a head is told from anything else', () => {
  expect(isHead(encodeHead(Date.now()))).toBe(true)
  expect(isHead(encodeHead(-1))).toBe(true)
  expect(isHead(new Uint8Array(16))).toBe(false)
  expect(isHead(encodeHead(0).subarray(0, 8))).toBe(false)
})

test('the checksum is the usual CRC-32', () => {
  expect(crc32('123456789')).toBe(0xcbf43926)
})
