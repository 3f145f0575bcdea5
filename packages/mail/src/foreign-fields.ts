import { CR, concatOctets, LF, latin1Text, type Octets } from './octets.ts'

/** What {@link removeForeignFields} left of a header, and what it saw on the way. */
export interface CleanHeader {
  /** The header without the foreign fields; the input itself where none was found. */
  readonly octets: Uint8Array
  /** Names of the fields taken out, in lower case, in order. */
  readonly removed: readonly string[]
  /** Number of `Received` fields: how many hosts passed the mail on (RFC 5321 §6.3). */
  readonly hops: number
}

/**
 * Offset just after the header's empty line, or -1 where there is none (yet). `from` says where to go on looking:
 * a place at or before the last two octets already searched.
 */
export function headerEnd(octets: Uint8Array, from: Octets = 0): Octets {
  if (from === 0) {
    if (octets[0] === LF) return 1
    if (octets[0] === CR && octets[1] === LF) return 2
  }
  for (let lf = octets.indexOf(LF, from); lf >= 0; lf = octets.indexOf(LF, lf + 1)) {
    if (octets[lf + 1] === LF) return lf + 2
    if (octets[lf + 1] === CR && octets[lf + 2] === LF) return lf + 3
  }
  return -1
}

/**
 * Takes out of a header what only we may say about a message: `Return-Path`, `X-Spam-*`, `X-Restante-*`, and
 * `Authentication-Results` that bear our own authserv-id (RFC 8601 §5). All other octets stay as they are.
 * @param header the header, with or without its empty line; lines may end in CRLF or LF
 */
export function removeForeignFields(header: Uint8Array, authservId: string): CleanHeader {
  const kept: Uint8Array[] = []
  const removed: string[] = []
  let hops = 0
  let from = 0
  for (let at = 0; at < header.length; ) {
    const end = fieldEnd(header, at)
    const name = fieldName(header, at, end)
    if (name === 'received') hops++
    if (isForeign(name, header, at, end, authservId)) {
      if (at > from) kept.push(header.subarray(from, at))
      from = end
      removed.push(name)
    }
    at = end
  }
  if (removed.length === 0) return { octets: header, removed, hops }
  if (header.length > from) kept.push(header.subarray(from))
  return { octets: kept.length === 0 ? new Uint8Array(0) : concatOctets(kept), removed, hops }
}

/** Offset after the field that starts at `at`, its continuation lines included. */
function fieldEnd(header: Uint8Array, at: Octets): Octets {
  for (let next = at; ; ) {
    const lf = header.indexOf(LF, next)
    if (lf < 0) return header.length
    next = lf + 1
    if (header[next] !== 32 && header[next] !== 9) return next
  }
}

function fieldName(header: Uint8Array, at: Octets, end: Octets): string {
  const limit = Math.min(end, at + 80)
  let colon = at
  while (colon < limit && header[colon] !== 58 && header[colon] !== LF) colon++
  if (header[colon] !== 58) return ''
  return latin1Text(header, at, colon).trimEnd().toLowerCase()
}

function isForeign(name: string, header: Uint8Array, at: Octets, end: Octets, authservId: string): boolean {
  if (name === 'return-path' || name.startsWith('x-spam-') || name.startsWith('x-restante-')) return true
  if (name !== 'authentication-results') return false
  const value = latin1Text(header, at, Math.min(end, at + 2048)).replace(/^[^:]*:/, '')
  const id = /^(?:\s|\((?:[^()\\]|\\.)*\))*"?([^\s;"()]+)/.exec(value)?.[1]
  return id !== undefined && id.toLowerCase() === authservId.toLowerCase()
}

/** A message whose header has been cleaned, its octets still streaming. */
export interface CleanMessage extends Omit<CleanHeader, 'octets'> {
  /** The whole message, header cleaned. */
  readonly octets: AsyncIterable<Uint8Array>
}

/**
 * Cleans the header of a message while it streams by. Holds back at most `headerMaxOctets`; a longer header is
 * cleaned as far as that.
 * @param source chunks that stay valid (not reused by their producer)
 */
export async function cleanMessage(
  source: AsyncIterable<Uint8Array>,
  authservId: string,
  headerMaxOctets: Octets = 1 << 20,
): Promise<CleanMessage> {
  const chunks = source[Symbol.asyncIterator]()
  let held: Uint8Array = new Uint8Array(0)
  let end = -1
  let done = false
  while (end < 0 && !done && held.length < headerMaxOctets) {
    const next = await chunks.next()
    if (next.done) {
      done = true
      break
    }
    const searched = Math.max(0, held.length - 3)
    held = held.length === 0 ? next.value : concatOctets([held, next.value])
    end = headerEnd(held, searched)
  }
  const headerLength = end < 0 ? held.length : end
  const header = removeForeignFields(held.subarray(0, headerLength), authservId)
  const rest = held.subarray(headerLength)
  async function* octets(): AsyncGenerator<Uint8Array> {
    try {
      if (header.octets.length > 0) yield header.octets
      if (rest.length > 0) yield rest
      while (!done) {
        const next = await chunks.next()
        if (next.done) done = true
        else yield next.value
      }
    } finally {
      if (!done) await chunks.return?.()
    }
  }
  return { removed: header.removed, hops: header.hops, octets: octets() }
}
