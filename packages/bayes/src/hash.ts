/** Low half of the last {@link hashToken}. */
export let hashLow = 0
/** High half of the last {@link hashToken}; never zero. */
export let hashHigh = 0

const START_LOW = 0x9e3779b9 | 0
const START_HIGH = 0x85ebca6b | 0

interface Begun {
  readonly low: number
  readonly high: number
}

/** Prefixes are few, but some are field names from outside. */
const REMEMBERED_PREFIXES = 500
const begun = new Map<string, Begun>()
/** Most tokens follow one of their own kind. */
let lastPrefix = ''
let lastBegun: Begun = { low: START_LOW, high: START_HIGH }

function begin(prefix: string): Begun {
  const known = begun.get(prefix)
  if (known !== undefined) return known
  let low = START_LOW
  let high = START_HIGH
  for (let i = 0; i < prefix.length; i++) {
    const code = prefix.charCodeAt(i)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ (code + 0x7f4a7c15), 0x5bd1e995)
    high ^= high >>> 15
  }
  if (begun.size >= REMEMBERED_PREFIXES) begun.clear()
  const state = { low, high }
  begun.set(prefix, state)
  return state
}

/**
 * Hashes a token, given in two pieces so that they need not be joined, to 64 bits; the halves are left in
 * {@link hashLow} and {@link hashHigh} instead of an object per token.
 */
export function hashToken(prefix: string, word: string): void {
  if (prefix !== lastPrefix) {
    lastBegun = begin(prefix)
    lastPrefix = prefix
  }
  const state = lastBegun
  let a = state.low
  let b = state.high
  for (let i = 0; i < word.length; i++) {
    const code = word.charCodeAt(i)
    a = Math.imul(a ^ code, 0x01000193)
    b = Math.imul(b ^ (code + 0x7f4a7c15), 0x5bd1e995)
    b ^= b >>> 15
  }
  a ^= prefix.length + word.length
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b)
  a = Math.imul(a ^ (a >>> 13), 0xc2b2ae35)
  b = Math.imul(b ^ (b >>> 16), 0x27d4eb2f)
  b = Math.imul(b ^ (b >>> 13) ^ a, 0x165667b1)
  hashLow = (a ^ (a >>> 16)) >>> 0
  // Zero in the high half marks a free slot of the token table.
  hashHigh = ((b ^ (b >>> 16)) | 1) >>> 0
}
