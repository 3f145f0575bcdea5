import { setImmediate } from 'node:timers/promises'
import { concatOctets, headerEnd, latin1Text, type Octets } from '@restante/mail'

/** What of a message is looked at. mailauth knows no bounds: 256 KB of continuation lines hold it for half a minute. */
export interface AuthenticationLimits {
  /** Default 131,072. */
  readonly headerOctets: Octets
  /** Lines of the header, continuation lines counted. Default 2,000. */
  readonly headerLines: number
  /** Signatures judged, from the top; more are not looked at. Default 8. */
  readonly signatures: number
  /** Of these, signatures with `l=`: each hashes the body anew. Default 2. */
  readonly lengthLimited: number
  /** A longer signature field is not looked at. Default 4,096. */
  readonly signatureOctets: Octets
  /** A longer From field is too large. Default 16,384. */
  readonly authorOctets: Octets
}

/** Limits where nobody says otherwise. */
export const AUTHENTICATION_LIMITS: AuthenticationLimits = {
  headerOctets: 131_072,
  headerLines: 2_000,
  signatures: 8,
  lengthLimited: 2,
  signatureOctets: 4_096,
  authorOctets: 16_384,
}

/** The message, or why it is not looked at. */
export type GuardedMessage =
  | { readonly octets: AsyncGenerator<Uint8Array>; readonly dropped: number }
  | { readonly tooLarge: string }

/** Small steps: the other sessions of the process get their turn after each. */
const STEP_OCTETS = 16_384

/** The message's time is up. */
export class TimeUpError extends Error {
  readonly code = 'TIME_UP'
  override readonly name = 'TimeUpError'
}

/**
 * A message with a bounded header and a bounded number of signatures, given out in small steps until `signal` ends it
 * with TimeUpError.
 */
export async function guardMessage(
  source: Uint8Array | AsyncIterable<Uint8Array>,
  limits: AuthenticationLimits,
  signal: AbortSignal,
): Promise<GuardedMessage> {
  const chunks = (source instanceof Uint8Array ? one(source) : source)[Symbol.asyncIterator]()
  const timeUp = new Promise<never>((_, reject) => {
    const fail = (): void => reject(new TimeUpError('time was up while the message was read'))
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
  timeUp.catch(() => {})
  // A source that stalls is left behind, not waited for: its own return() would wait for the stalled read.
  const leave = (): void => void chunks.return?.().catch(() => {})
  let held: Uint8Array = new Uint8Array(0)
  let end = -1
  let done = false
  while (end < 0 && !done && held.length <= limits.headerOctets) {
    const next = await Promise.race([chunks.next(), timeUp]).catch((error) => {
      leave()
      throw error
    })
    if (next.done) done = true
    else {
      const searched = Math.max(0, held.length - 3)
      held = held.length === 0 ? next.value : concatOctets([held, next.value])
      end = headerEnd(held, searched)
    }
  }
  const headerOctets = end < 0 ? held.length : end
  if (headerOctets > limits.headerOctets) {
    leave()
    return { tooLarge: `the header has more than ${limits.headerOctets} octets` }
  }
  const header = held.subarray(0, headerOctets)
  if (countLines(header) > limits.headerLines) {
    leave()
    return { tooLarge: `the header has more than ${limits.headerLines} lines` }
  }
  const kept = dropExcessSignatures(header, limits)
  if (kept.authorOctets > limits.authorOctets) {
    leave()
    return { tooLarge: `the From field has more than ${limits.authorOctets} octets` }
  }
  const rest = held.subarray(headerOctets)
  async function* octets(): AsyncGenerator<Uint8Array> {
    try {
      yield kept.header
      for (let chunk = rest; ; ) {
        for (let at = 0; at < chunk.length; at += STEP_OCTETS) {
          if (signal.aborted) await timeUp
          yield chunk.subarray(at, at + STEP_OCTETS)
          await setImmediate()
        }
        if (done) return
        const next = await Promise.race([chunks.next(), timeUp])
        if (next.done) done = true
        chunk = next.done ? new Uint8Array(0) : next.value
      }
    } finally {
      if (!done) leave()
    }
  }
  return { octets: octets(), dropped: kept.dropped }
}

async function* one(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets
}

function countLines(header: Uint8Array): number {
  let lines = 0
  for (let at = header.indexOf(10); at >= 0; at = header.indexOf(10, at + 1)) lines++
  return lines
}

/** Leaves out signature fields over the limits; all other octets stay, the header itself where nothing is left out. */
function dropExcessSignatures(
  header: Uint8Array,
  limits: AuthenticationLimits,
): { readonly header: Uint8Array; readonly dropped: number; readonly authorOctets: Octets } {
  const kept: Uint8Array[] = []
  let from = 0
  let dropped = 0
  let signatures = 0
  let lengthLimited = 0
  let authorOctets = 0
  for (let at = 0; at < header.length; ) {
    const end = fieldEnd(header, at)
    const name = /^[^:]{1,200}/.exec(latin1Text(header, at, Math.min(end, at + 200)))?.[0]
    const field = name?.replace(/\s+/g, '').toLowerCase()
    let drop = false
    if (field === 'dkim-signature') {
      const long = end - at > limits.signatureOctets
      const limited = !long && /[;:]l=/i.test(latin1Text(header, at, end).replace(/[^\u0021-\u007e]+/g, ''))
      drop = long || signatures >= limits.signatures || (limited && lengthLimited >= limits.lengthLimited)
      if (!drop) signatures++
      if (!drop && limited) lengthLimited++
    } else if (field === 'arc-message-signature' || field === 'arc-seal')
      drop = end - at > limits.signatureOctets
    else if (field === 'from') authorOctets += end - at
    if (drop) {
      if (at > from) kept.push(header.subarray(from, at))
      from = end
      dropped++
    }
    at = end
  }
  if (dropped === 0) return { header, dropped, authorOctets }
  kept.push(header.subarray(from))
  return { header: concatOctets(kept), dropped, authorOctets }
}

/** Where the next field starts. Lines that start none belong to the one before, as mailauth sees it. */
function fieldEnd(header: Uint8Array, at: Octets): Octets {
  for (let next = at; ; ) {
    const lf = header.indexOf(10, next)
    if (lf < 0) return header.length
    next = lf + 1
    if (startsField(header, next)) return next
  }
}

/** A name of printable ASCII, then a colon, with white space or a fold between them at most (RFC 5322 §3.6.8, §4.5). */
function startsField(header: Uint8Array, at: Octets): boolean {
  let i = at
  while (isNameOctet(header[i])) i++
  if (i === at) return false
  while (header[i] === 32 || header[i] === 9 || header[i] === 13 || header[i] === 10) i++
  return header[i] === 58
}

function isNameOctet(octet: number | undefined): boolean {
  return octet !== undefined && octet > 32 && octet < 127 && octet !== 58
}
