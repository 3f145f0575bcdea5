import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { Answer } from './answer.ts'
import {
  type DnsResponse,
  decodeResponse,
  encodeQuery,
  extractRecords,
  negativeTtlSeconds,
  RECORD_TYPES,
  type RecordType,
} from './dns-message.ts'

/** A name server. */
export interface ServerAddress {
  readonly host: string
  readonly port: number
}

/** An answer of one server, with how long it may be kept; null where the server did not say. */
export interface ServerAnswer<T extends RecordType = RecordType> {
  readonly answer: Answer<T>
  readonly ttlSeconds: number | null
}

const TCP_OCTETS_MAX = 65_535

/**
 * Asks one server over UDP, and over TCP where the answer does not fit (RFC 7766). A socket of its own with a port of
 * the system's choice, and a random id: both must be guessed to forge an answer (RFC 5452). `name` is canonical.
 */
export async function queryServer<T extends RecordType>(
  server: ServerAddress,
  name: string,
  type: T,
  signal: AbortSignal,
): Promise<ServerAnswer<T>> {
  const id = randomInt(0x10000)
  const query = encodeQuery(id, name, RECORD_TYPES[type])
  const fits = (response: DnsResponse | null): response is DnsResponse =>
    response !== null &&
    response.id === id &&
    (response.question === null
      ? response.rcode !== 0
      : response.question.name === name && response.question.type === RECORD_TYPES[type])
  try {
    let octets = await exchangeUdp(server, query, (each) => fits(decodeResponse(each)), signal)
    let response = decodeResponse(octets)
    if (response?.truncated) {
      octets = await exchangeTcp(server, query, signal)
      response = decodeResponse(octets)
      if (!fits(response) || response.truncated) return failed('an answer over TCP that does not fit')
    }
    return response === null ? failed('octets that are no answer') : read(octets, response, name, type)
  } catch (error) {
    if (signal.aborted) return { answer: { kind: 'timeout', why: 'no answer in time' }, ttlSeconds: null }
    return failed(error instanceof Error ? error.message : String(error))
  }
}

function failed(why: string): ServerAnswer<never> {
  return { answer: { kind: 'servfail', why }, ttlSeconds: null }
}

const RCODES: Readonly<Record<number, string>> = {
  1: 'FORMERR',
  2: 'SERVFAIL',
  4: 'NOTIMP',
  5: 'REFUSED',
}

function read<T extends RecordType>(
  octets: Uint8Array,
  response: DnsResponse,
  name: string,
  type: T,
): ServerAnswer<T> {
  if (response.rcode === 3)
    return { answer: { kind: 'nxdomain' }, ttlSeconds: negativeTtlSeconds(octets, response) }
  if (response.rcode !== 0) return failed(RCODES[response.rcode] ?? `rcode ${response.rcode}`)
  const found = extractRecords(octets, response, name, type)
  if (found === null) return failed('a malformed record')
  if (found.records.length === 0)
    return { answer: { kind: 'nodata' }, ttlSeconds: negativeTtlSeconds(octets, response) }
  const { records, ttlSeconds } = found
  return { answer: { kind: 'records', records, ttlSeconds }, ttlSeconds }
}

function exchangeUdp(
  server: ServerAddress,
  query: Uint8Array,
  fits: (octets: Uint8Array) => boolean,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Error('aborted'))
    const socket = createSocket(server.host.includes(':') ? 'udp6' : 'udp4')
    let open = true
    const end = (): void => {
      signal.removeEventListener('abort', abort)
      if (open) socket.close()
      open = false
    }
    const abort = (): void => {
      end()
      reject(new Error('aborted'))
    }
    signal.addEventListener('abort', abort, { once: true })
    socket.on('error', (error) => {
      end()
      reject(error)
    })
    socket.on('message', (octets) => {
      // Another's octets on our port: keep waiting for ours.
      if (!open || !fits(octets)) return
      end()
      resolve(octets)
    })
    // Connected: the kernel drops what other hosts send to this port.
    socket.connect(server.port, server.host, () => {
      if (!open) return
      socket.send(query, (error) => {
        if (!error || !open) return
        end()
        reject(error)
      })
    })
  })
}

function exchangeTcp(server: ServerAddress, query: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Error('aborted'))
    const socket = connect(server.port, server.host)
    let held: Buffer = Buffer.alloc(0)
    const end = (error: Error | null, octets?: Uint8Array): void => {
      signal.removeEventListener('abort', abort)
      socket.destroy()
      if (error === null && octets !== undefined) resolve(octets)
      else reject(error ?? new Error('aborted'))
    }
    const abort = (): void => end(new Error('aborted'))
    signal.addEventListener('abort', abort, { once: true })
    socket.on('error', (error) => end(error))
    socket.on('close', () => end(new Error('the server hung up')))
    socket.on('connect', () => {
      const framed = Buffer.alloc(query.length + 2)
      framed.writeUInt16BE(query.length)
      framed.set(query, 2)
      socket.write(framed)
    })
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk])
      if (held.length < 2) return
      const length = held.readUInt16BE()
      if (held.length >= 2 + length) end(null, held.subarray(2, 2 + length))
      else if (held.length > TCP_OCTETS_MAX + 2) end(new Error('too many octets'))
    })
  })
}
