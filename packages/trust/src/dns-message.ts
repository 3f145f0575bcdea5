import { formatIp } from './ip-address.ts'

/** Record types we ask for, with their numbers on the wire (RFC 1035 §3.2.2, RFC 3596 §2.1). */
export const RECORD_TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28 } as const

/** A mail exchanger (RFC 1035 §3.3.9). `exchange` is empty for the root: a null MX (RFC 7505). */
export interface MxRecord {
  readonly preference: number
  readonly exchange: string
}

/** What a record of each type holds. Names are in lower case, without the root dot. */
export interface RecordData {
  readonly A: string
  readonly AAAA: string
  readonly CNAME: string
  readonly MX: MxRecord
  readonly NS: string
  readonly PTR: string
  /** The character-strings of one record joined, an octet a character (Latin-1). */
  readonly TXT: string
}

/** The types somebody may ask for. */
export type RecordType = keyof RecordData

/** One decoded record of an answer section. */
export interface ResourceRecord {
  readonly owner: string
  readonly type: number
  readonly ttlSeconds: number
  /** Where its data lies in the message. */
  readonly at: number
  readonly length: number
}

/** A decoded response (RFC 1035 §4.1). */
export interface DnsResponse {
  readonly id: number
  readonly truncated: boolean
  readonly rcode: number
  readonly question: { readonly name: string; readonly type: number } | null
  readonly answers: readonly ResourceRecord[]
  readonly authorities: readonly ResourceRecord[]
}

const IN = 1
const OPT = 41
/** UDP payload we take, small enough to pass unfragmented (DNS flag day 2020). */
const UDP_OCTETS = 1232
const RECORDS_MAX = 512
const POINTERS_MAX = 32

/**
 * A name as it is asked: lower case, no root dot, U-labels must be A-labels already. Null if DNS cannot hold it
 * (RFC 1035 §2.3.4): an empty label, a label over 63 octets, a name over 253, a character that is no octet.
 */
export function canonicalName(name: string): string | null {
  const text = (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
  if (text.length === 0 || text.length > 253) return null
  let label = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0xff) return null
    if (code !== 46) label++
    else if (label === 0) return null
    else label = 0
    if (label > 63) return null
  }
  return label === 0 ? null : text
}

/** A query with recursion desired and EDNS (RFC 6891). `name` is canonical. */
export function encodeQuery(id: number, name: string, type: number): Uint8Array {
  const octets = new Uint8Array(12 + name.length + 2 + 4 + 11)
  const view = new DataView(octets.buffer)
  view.setUint16(0, id)
  view.setUint16(2, 0x0100)
  view.setUint16(4, 1)
  view.setUint16(10, 1)
  let at = 12
  for (const label of name.split('.')) {
    octets[at++] = label.length
    for (let i = 0; i < label.length; i++) octets[at++] = label.charCodeAt(i)
  }
  octets[at++] = 0
  view.setUint16(at, type)
  view.setUint16(at + 2, IN)
  view.setUint16(at + 5, OPT)
  view.setUint16(at + 7, UDP_OCTETS)
  return octets
}

class Malformed extends Error {}

/** Reads names and numbers of one message; throws Malformed beyond its end. */
class MessageReader {
  readonly octets: Uint8Array
  readonly view: DataView
  at = 0

  constructor(octets: Uint8Array) {
    this.octets = octets
    this.view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
  }

  uint16(): number {
    if (this.at + 2 > this.octets.length) throw new Malformed()
    this.at += 2
    return this.view.getUint16(this.at - 2)
  }

  uint32(): number {
    if (this.at + 4 > this.octets.length) throw new Malformed()
    this.at += 4
    return this.view.getUint32(this.at - 4)
  }

  /** A name, its compression followed (RFC 1035 §4.1.4); lower case. */
  name(): string {
    const labels: string[] = []
    let total = 0
    let at = this.at
    let after = -1
    for (let pointers = 0; ; ) {
      const length = this.octets[at]
      if (length === undefined) throw new Malformed()
      if (length === 0) {
        at++
        break
      }
      if ((length & 0xc0) === 0xc0) {
        const low = this.octets[at + 1]
        if (low === undefined || ++pointers > POINTERS_MAX) throw new Malformed()
        if (after < 0) after = at + 2
        at = ((length & 0x3f) << 8) | low
        continue
      }
      if (length > 63 || at + 1 + length > this.octets.length) throw new Malformed()
      total += length + 1
      if (total > 255) throw new Malformed()
      labels.push(latin1(this.octets, at + 1, at + 1 + length).toLowerCase())
      at += 1 + length
    }
    this.at = after < 0 ? at : after
    return labels.join('.')
  }

  records(count: number): ResourceRecord[] {
    const records: ResourceRecord[] = []
    for (let i = 0; i < count; i++) {
      const owner = this.name()
      const type = this.uint16()
      const klass = this.uint16()
      const ttl = this.uint32()
      const length = this.uint16()
      if (this.at + length > this.octets.length) throw new Malformed()
      // RFC 2181 §8: a TTL with the top bit set counts as zero.
      if (klass === IN)
        records.push({ owner, type, ttlSeconds: ttl > 0x7fffffff ? 0 : ttl, at: this.at, length })
      this.at += length
    }
    return records
  }
}

function latin1(octets: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let i = from; i < to; i++) text += String.fromCharCode(octets[i] as number)
  return text
}

/** Reads a response, or null for octets that are none. Of a truncated one the header and question alone count. */
export function decodeResponse(octets: Uint8Array): DnsResponse | null {
  if (octets.length < 12) return null
  const reader = new MessageReader(octets)
  const id = reader.uint16()
  const flags = reader.uint16()
  if ((flags & 0x8000) === 0) return null
  const truncated = (flags & 0x0200) !== 0
  const rcode = flags & 0x000f
  const questions = reader.uint16()
  const answerCount = reader.uint16()
  const authorityCount = reader.uint16()
  reader.uint16()
  try {
    if (questions > 1 || answerCount > RECORDS_MAX || authorityCount > RECORDS_MAX) return null
    let question: DnsResponse['question'] = null
    if (questions === 1) {
      const name = reader.name()
      const type = reader.uint16()
      if (reader.uint16() !== IN) return null
      question = { name, type }
    }
    if (truncated) return { id, truncated, rcode, question, answers: [], authorities: [] }
    const answers = reader.records(answerCount)
    const authorities = reader.records(authorityCount)
    return { id, truncated, rcode, question, answers, authorities }
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
}

/** The records of a type that a response gives for a name, its CNAMEs followed within the response. */
export interface Extracted<T extends RecordType> {
  readonly records: readonly RecordData[T][]
  /** The shortest life along the chain. */
  readonly ttlSeconds: number
}

/** Takes records out of a response, or null if the response contradicts itself or a record is malformed. */
export function extractRecords<T extends RecordType>(
  octets: Uint8Array,
  response: DnsResponse,
  name: string,
  type: T,
): Extracted<T> | null {
  const wanted = RECORD_TYPES[type]
  let owner = name
  let ttlSeconds = 0x7fffffff
  try {
    for (let hops = 0; hops < 16; hops++) {
      const own = response.answers.filter((each) => each.owner === owner)
      const found = own.filter((each) => each.type === wanted)
      if (found.length > 0) {
        const records: RecordData[T][] = []
        for (const each of found) {
          ttlSeconds = Math.min(ttlSeconds, each.ttlSeconds)
          records.push(readData(octets, each, type))
        }
        return { records, ttlSeconds }
      }
      const alias = own.find((each) => each.type === RECORD_TYPES.CNAME)
      if (alias === undefined) return { records: [], ttlSeconds }
      ttlSeconds = Math.min(ttlSeconds, alias.ttlSeconds)
      owner = readName(octets, alias.at)
    }
    return null
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
}

/** How long "there is none" holds, from the zone's SOA (RFC 2308 §5); null if the response does not say. */
export function negativeTtlSeconds(octets: Uint8Array, response: DnsResponse): number | null {
  const soa = response.authorities.find((each) => each.type === RECORD_TYPES.SOA)
  if (soa === undefined || soa.length < 22) return null
  const minimum = new DataView(octets.buffer, octets.byteOffset + soa.at + soa.length - 4, 4).getUint32(0)
  return Math.min(soa.ttlSeconds, minimum)
}

function readName(octets: Uint8Array, at: number): string {
  const reader = new MessageReader(octets)
  reader.at = at
  return reader.name()
}

function readData<T extends RecordType>(octets: Uint8Array, record: ResourceRecord, type: T): RecordData[T] {
  return READERS[type](octets, record)
}

const READERS: { readonly [T in RecordType]: (octets: Uint8Array, record: ResourceRecord) => RecordData[T] } =
  {
    A: (octets, { at, length }) => {
      if (length !== 4) throw new Malformed()
      return octets.subarray(at, at + 4).join('.')
    },
    AAAA: (octets, { at, length }) => {
      if (length !== 16) throw new Malformed()
      return formatIp(octets.subarray(at, at + 16))
    },
    CNAME: (octets, { at }) => readName(octets, at),
    NS: (octets, { at }) => readName(octets, at),
    PTR: (octets, { at }) => readName(octets, at),
    MX: (octets, { at, length }) => {
      if (length < 3) throw new Malformed()
      const preference = ((octets[at] as number) << 8) | (octets[at + 1] as number)
      return { preference, exchange: readName(octets, at + 2) }
    },
    TXT: (octets, { at, length }) => {
      let text = ''
      for (let i = at; i < at + length; ) {
        const end = i + 1 + (octets[i] as number)
        if (end > at + length) throw new Malformed()
        text += latin1(octets, i + 1, end)
        i = end
      }
      return text
    },
  }
