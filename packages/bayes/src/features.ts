import { CorruptOctetsError, OctetReader, OctetWriter } from './octet-stream.ts'

/** Bits of a gram's number: grams are hashed into 2^22 slots. */
export const GRAM_BITS = 22

/**
 * What the classifier sees of one message: distinct tokens as 64-bit hashes, distinct character grams as slot
 * numbers. `texts` names the tokens in the same order; it does not survive encoding, so only a message at hand
 * can be explained in words.
 */
export interface Features {
  /** Low and high halves alternating: two entries a token. */
  readonly tokens: Uint32Array
  /** Slot numbers below 2^22, distinct, in no order. */
  readonly grams: Uint32Array
  readonly texts: readonly string[] | null
}

const VERSION = 1
const MAX_COUNT = 1_000_000

/**
 * Compact octets of features for a training journal: learning, unlearning and relearning need nothing else.
 * About 6 KB for an ordinary message.
 */
export function encodeFeatures(features: Features): Uint8Array {
  const writer = new OctetWriter()
  writer.octet(VERSION)
  writer.varint(features.tokens.length / 2)
  for (const half of features.tokens) writer.uint32(half)
  const grams = features.grams.slice().sort()
  writer.varint(grams.length)
  let before = 0
  for (const gram of grams) {
    writer.varint(gram - before)
    before = gram
  }
  return writer.finish()
}

/** Reads {@link encodeFeatures}; throws {@link CorruptOctetsError} for anything else. */
export function decodeFeatures(octets: Uint8Array): Features {
  const reader = new OctetReader(octets, 'feature record')
  if (reader.octet() !== VERSION) throw new CorruptOctetsError('feature record')
  const tokenCount = reader.varint()
  if (tokenCount > MAX_COUNT || tokenCount * 8 > reader.left) throw new CorruptOctetsError('feature record')
  const tokens = new Uint32Array(tokenCount * 2)
  for (let i = 0; i < tokens.length; i++) tokens[i] = reader.uint32()
  const gramCount = reader.varint()
  if (gramCount > MAX_COUNT || gramCount > reader.left) throw new CorruptOctetsError('feature record')
  const grams = new Uint32Array(gramCount)
  let before = 0
  for (let i = 0; i < gramCount; i++) {
    before += reader.varint()
    if (before >= 2 ** GRAM_BITS) throw new CorruptOctetsError('feature record')
    grams[i] = before
  }
  return { tokens, grams, texts: null }
}
