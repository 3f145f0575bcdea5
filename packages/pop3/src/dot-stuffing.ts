import { DOT, LF } from '@restante/mail'

/** Octets of a multi-line reply with every line-starting dot doubled (RFC 1939 §3). */
export interface Stuffed {
  /** `chunk` itself where no line in it starts with a dot, a new array otherwise. */
  readonly octets: Uint8Array
  /** Whether the next chunk starts a line. */
  readonly atLineStart: boolean
}

/** Small results share pieces of memory this large: one allocation for many messages. */
const SLAB_OCTETS = 262_144
const SLAB_RESULT_OCTETS = 65_536
let slab = new Uint8Array(0)
let slabUsed = 0

function allocate(length: number): Uint8Array {
  if (length > SLAB_RESULT_OCTETS) return new Uint8Array(length)
  if (slabUsed + length > slab.length) {
    slab = new Uint8Array(SLAB_OCTETS)
    slabUsed = 0
  }
  slabUsed += length
  return slab.subarray(slabUsed - length, slabUsed)
}

/** Stuffs one chunk; `atLineStart` is true for the first chunk, then what the previous call returned. */
export function stuffDots(chunk: Uint8Array, atLineStart: boolean): Stuffed {
  if (chunk.length === 0) return { octets: chunk, atLineStart }
  const ends = chunk[chunk.length - 1] === LF
  const places: number[] = []
  if (atLineStart && chunk[0] === DOT) places.push(0)
  for (let at = chunk.indexOf(DOT, 1); at > 0; at = chunk.indexOf(DOT, at + 1)) {
    if (chunk[at - 1] === LF) places.push(at)
  }
  if (places.length === 0) return { octets: chunk, atLineStart: ends }
  const octets = allocate(chunk.length + places.length)
  let from = 0
  let to = 0
  for (const place of places) {
    octets.set(chunk.subarray(from, place), to)
    to += place - from
    octets[to++] = DOT
    from = place
  }
  octets.set(chunk.subarray(from), to)
  return { octets, atLineStart: ends }
}
