/** Low half of the last {@link hashText}; two module variables instead of an object per token. */
export let hashLow = 0
/** High half of the last {@link hashText}. */
export let hashHigh = 0

/** Hashes a string to 64 bits (two rounds of 32-bit multiply-xor), left in {@link hashLow} and {@link hashHigh}. */
export function hashText(text: string): void {
  let a = 0x9e3779b9
  let b = 0x85ebca6b
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 0x01000193)
    b = Math.imul(b ^ (code + 0x7f4a7c15), 0x5bd1e995)
    b ^= b >>> 15
  }
  a ^= text.length
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b)
  a = Math.imul(a ^ (a >>> 13), 0xc2b2ae35)
  b = Math.imul(b ^ (b >>> 16), 0x27d4eb2f)
  b = Math.imul(b ^ (b >>> 13) ^ a, 0x165667b1)
  hashLow = (a ^ (a >>> 16)) >>> 0
  // Zero in both halves marks a free slot of the token table.
  hashHigh = ((b ^ (b >>> 16)) | 1) >>> 0
}
