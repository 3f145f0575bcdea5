/** A unique-id: 1 to 70 octets of 0x21-0x7E, opaque, stored, never reused (RFC 1939 §7). */
export type UniqueId = string

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** Whether a text may stand as a unique-id (ours or one imported from another server). */
export function isUniqueId(text: string): boolean {
  return /^[\x21-\x7e]{1,70}$/.test(text)
}

/**
 * Our own form: 26 Crockford characters, 48 bits of milliseconds then 80 random bits, so that ids sort by
 * time. `random` must hold at least 10 octets of the caller's randomness.
 */
export function formatUniqueId(timeMs: number, random: Uint8Array): UniqueId {
  let head = ''
  for (let left = timeMs, i = 0; i < 10; i++) {
    head = CROCKFORD[left % 32] + head
    left = Math.floor(left / 32)
  }
  let tail = ''
  let bits = 0
  let held = 0
  for (let i = 0; i < 10; i++) {
    held = ((held << 8) | (random[i] as number)) & 0xffff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      tail += CROCKFORD[(held >> bits) & 31]
    }
  }
  return head + tail
}

/** The milliseconds in one of our own unique-ids, or null for another form. */
export function uniqueIdTimeMs(id: UniqueId): number | null {
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(id)) return null
  let timeMs = 0
  for (let i = 0; i < 10; i++) timeMs = timeMs * 32 + CROCKFORD.indexOf(id[i] as string)
  return timeMs
}
