import type { Octets } from './octets.ts'
import type { UniqueId } from './unique-id.ts'

/**
 * A frozen maildrop as POP3 sees it, in columns: index 0 is message-number 1. Immutable, so that what is
 * formatted from it once can be kept beside it (in a WeakMap) and shared by every session that sees it.
 */
export interface Listing {
  readonly count: number
  readonly totalOctets: Octets
  readonly ids: readonly UniqueId[]
  /** Octets RETR sends without stuffing and without the final dot line. */
  readonly sizes: ArrayLike<Octets>
  /** Offset of the first octet after the header's empty line; equals the size where there is none. */
  readonly bodyOffsets: ArrayLike<Octets>
  /** 1 where some line starts with a dot. */
  readonly stuffing: ArrayLike<number>
}

/** One message of a {@link Listing}, as a row. */
export interface ListedMessage {
  readonly id: UniqueId
  readonly sizeOctets: Octets
  readonly bodyOffset: Octets
  readonly needsStuffing: boolean
}

/** Columns from rows, in message-number order. */
export function makeListing(messages: readonly ListedMessage[]): Listing {
  const count = messages.length
  const sizes = new Float64Array(count)
  const bodyOffsets = new Float64Array(count)
  const stuffing = new Uint8Array(count)
  const ids = new Array<UniqueId>(count)
  let totalOctets = 0
  for (let i = 0; i < count; i++) {
    const message = messages[i] as ListedMessage
    ids[i] = message.id
    sizes[i] = message.sizeOctets
    bodyOffsets[i] = message.bodyOffset
    stuffing[i] = message.needsStuffing ? 1 : 0
    totalOctets += message.sizeOctets
  }
  return { count, totalOctets, ids, sizes, bodyOffsets, stuffing }
}
