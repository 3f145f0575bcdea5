import { crc32 } from 'node:zlib'

/**
 * A segment file: a head, then records end to end, nothing between them. All numbers little-endian.
 *
 * head    0  8  `RESTSEG1`
 *         8  8  when it was made (milliseconds)
 *
 * record  0  4  `RMSG`
 *         4  1  version (1)
 *         5  1  flags: 1 = some line of the body starts with a dot
 *         6  2  zero
 *         8 16  id of the body
 *        24  8  octets of the body
 *        32  8  offset of what follows the header's empty line
 *        40  4  octets of the trailer
 *        44  4  CRC-32 of the body
 *        48  4  CRC-32 of the 48 octets above and the trailer
 *        52     body, trailer
 *
 * The trailer (JSON, see {@link Trailer}) repeats what the index knows of the copies, so that the index can be made
 * again. What is behind the last whole record of a file is a delivery that was never acknowledged.
 */
export const HEAD_OCTETS = 16
export const RECORD_HEADER_OCTETS = 52
const HEAD_MAGIC = 'RESTSEG1'
const RECORD_MAGIC = 0x47534d52
const VERSION = 1
/** No trailer is longer; a length above it is not one of ours. */
export const TRAILER_MAX_OCTETS: number = 64 * 1024 * 1024

/** One copy as the trailer remembers it. `prefix` and `splice.replacement` are Latin-1 text, an octet a character. */
export interface TrailerCopy {
  readonly account: string
  readonly address: string
  readonly folder: string
  readonly id: string
  readonly arrivedAtMs: number
  readonly prefix: string
  readonly splice?: { readonly offset: number; readonly length: number; readonly replacement: string }
}

/** What a record says about its copies. */
export interface Trailer {
  readonly copies: readonly TrailerCopy[]
}

/** The fixed part of a record. */
export interface RecordHeader {
  readonly id: Uint8Array
  readonly sizeOctets: number
  readonly bodyOffset: number
  readonly needsStuffing: boolean
  readonly trailerOctets: number
  readonly bodyCrc: number
}

/** The head of a segment file made at `atMs`. */
export function encodeHead(atMs: number): Uint8Array {
  const head = new Uint8Array(HEAD_OCTETS)
  head.set(Buffer.from(HEAD_MAGIC, 'latin1'))
  new DataView(head.buffer).setBigUint64(8, BigInt(Math.max(0, Math.floor(atMs))), true)
  return head
}

/** Whether a file that starts so is a segment. */
export function isHead(octets: Uint8Array): boolean {
  return octets.length >= HEAD_OCTETS && Buffer.from(octets.subarray(0, 8)).toString('latin1') === HEAD_MAGIC
}

/** A record's trailer, UTF-8 JSON. */
export function encodeTrailer(trailer: Trailer): Uint8Array {
  return Buffer.from(JSON.stringify(trailer), 'utf8')
}

/** The header of a record, its own checksum included. */
export function encodeRecordHeader(header: RecordHeader, trailer: Uint8Array): Uint8Array {
  const octets = new Uint8Array(RECORD_HEADER_OCTETS)
  const view = new DataView(octets.buffer)
  view.setUint32(0, RECORD_MAGIC, true)
  octets[4] = VERSION
  octets[5] = header.needsStuffing ? 1 : 0
  octets.set(header.id, 8)
  view.setBigUint64(24, BigInt(header.sizeOctets), true)
  view.setBigUint64(32, BigInt(header.bodyOffset), true)
  view.setUint32(40, header.trailerOctets, true)
  view.setUint32(44, header.bodyCrc, true)
  view.setUint32(48, crc32(trailer, crc32(octets.subarray(0, 48))), true)
  return octets
}

/** Reads a record's header; null where there is none. The checksum is {@link isIntact}'s business. */
export function decodeRecordHeader(octets: Uint8Array): RecordHeader | null {
  if (octets.length < RECORD_HEADER_OCTETS) return null
  const view = new DataView(octets.buffer, octets.byteOffset, RECORD_HEADER_OCTETS)
  if (view.getUint32(0, true) !== RECORD_MAGIC || octets[4] !== VERSION) return null
  const sizeOctets = Number(view.getBigUint64(24, true))
  const bodyOffset = Number(view.getBigUint64(32, true))
  const trailerOctets = view.getUint32(40, true)
  if (!Number.isSafeInteger(sizeOctets) || bodyOffset > sizeOctets || trailerOctets > TRAILER_MAX_OCTETS) {
    return null
  }
  return {
    id: octets.slice(8, 24),
    sizeOctets,
    bodyOffset,
    needsStuffing: (octets[5] as number) === 1,
    trailerOctets,
    bodyCrc: view.getUint32(44, true),
  }
}

/** Whether header and trailer are what was written. */
export function isIntact(header: Uint8Array, trailer: Uint8Array): boolean {
  const view = new DataView(header.buffer, header.byteOffset, RECORD_HEADER_OCTETS)
  return view.getUint32(48, true) === crc32(trailer, crc32(header.subarray(0, 48)))
}

/** The copies a trailer names; null where it is not one. */
export function decodeTrailer(octets: Uint8Array): Trailer | null {
  try {
    const value = JSON.parse(Buffer.from(octets).toString('utf8')) as Partial<Trailer> | null
    return value && Array.isArray(value.copies) ? (value as Trailer) : null
  } catch {
    return null
  }
}
