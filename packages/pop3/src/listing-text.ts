import { CR, DOT, LF, type Listing } from '@restante/mail'

interface ListingText {
  sizes?: Uint8Array
  ids?: Uint8Array
}

const TEXTS = new WeakMap<Listing, ListingText>()
const NONE: ReadonlySet<number> = new Set()

/**
 * The lines LIST sends after its status line, final dot line included (RFC 1939 §5). Made once per listing and
 * shared while nothing is marked: the array must not be changed.
 */
export function scanListingOctets(listing: Listing, deleted: ReadonlySet<number> = NONE): Uint8Array {
  if (deleted.size > 0) return formatSizes(listing, deleted)
  const text = textOf(listing)
  text.sizes ??= formatSizes(listing, NONE)
  return text.sizes
}

/** The lines UIDL sends after its status line; shared as in {@link scanListingOctets}. */
export function uniqueIdListingOctets(listing: Listing, deleted: ReadonlySet<number> = NONE): Uint8Array {
  if (deleted.size > 0) return formatIds(listing, deleted)
  const text = textOf(listing)
  text.ids ??= formatIds(listing, NONE)
  return text.ids
}

function textOf(listing: Listing): ListingText {
  let text = TEXTS.get(listing)
  if (text === undefined) {
    text = {}
    TEXTS.set(listing, text)
  }
  return text
}

function formatSizes(listing: Listing, deleted: ReadonlySet<number>): Uint8Array {
  const { count, sizes } = listing
  const all = deleted.size === 0
  let length = 3
  for (let i = 0; i < count; i++) {
    if (all || !deleted.has(i)) length += digitsIn(i + 1) + digitsIn(sizes[i] as number) + 3
  }
  const octets = new Uint8Array(length)
  let at = 0
  for (let i = 0; i < count; i++) {
    if (!all && deleted.has(i)) continue
    at = putNumber(octets, at, i + 1)
    octets[at++] = 32
    at = putNumber(octets, at, sizes[i] as number)
    octets[at++] = CR
    octets[at++] = LF
  }
  return putDotLine(octets, at)
}

function formatIds(listing: Listing, deleted: ReadonlySet<number>): Uint8Array {
  const { count, ids } = listing
  const all = deleted.size === 0
  let length = 3
  for (let i = 0; i < count; i++) {
    if (all || !deleted.has(i)) length += digitsIn(i + 1) + (ids[i] as string).length + 3
  }
  const octets = new Uint8Array(length)
  let at = 0
  for (let i = 0; i < count; i++) {
    if (!all && deleted.has(i)) continue
    at = putNumber(octets, at, i + 1)
    octets[at++] = 32
    const id = ids[i] as string
    for (let k = 0; k < id.length; k++) octets[at++] = id.charCodeAt(k)
    octets[at++] = CR
    octets[at++] = LF
  }
  return putDotLine(octets, at)
}

function putDotLine(octets: Uint8Array, at: number): Uint8Array {
  octets[at] = DOT
  octets[at + 1] = CR
  octets[at + 2] = LF
  return octets
}

function digitsIn(value: number): number {
  let digits = 1
  for (let bound = 10; value >= bound; bound *= 10) digits++
  return digits
}

function putNumber(octets: Uint8Array, at: number, value: number): number {
  const end = at + digitsIn(value)
  let left = value
  for (let i = end - 1; i >= at; i--) {
    const tenth = Math.floor(left / 10)
    octets[i] = 48 + (left - tenth * 10)
    left = tenth
  }
  return end
}
