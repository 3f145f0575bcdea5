import { CorruptOctetsError, OctetReader, OctetWriter } from './octet-stream.ts'

/** Bits of a gram's number: grams are hashed into 2^21 slots. */
export const GRAM_BITS = 21

/**
 * What the classifier sees of one message: distinct tokens as 64-bit hashes (low and high halves alternating,
 * two entries a token) and distinct character grams as slot numbers, each of header and text apart. `texts`
 * names the tokens, header first; it does not survive encoding, so only a message at hand can be explained in
 * words.
 */
export interface Features {
  readonly headerTokens: Uint32Array
  readonly textTokens: Uint32Array
  /** Slot numbers below 2^21, distinct, in no order. */
  readonly headerGrams: Uint32Array
  readonly textGrams: Uint32Array
  readonly texts: readonly string[] | null
}

const VERSION = 1
const MAX_COUNT = 100_000

function writeTokens(writer: OctetWriter, tokens: Uint32Array): void {
  writer.varint(tokens.length / 2)
  for (const half of tokens) writer.uint32(half)
}

function writeGrams(writer: OctetWriter, grams: Uint32Array): void {
  writer.varint(grams.length)
  let before = 0
  for (const gram of grams.slice().sort()) {
    writer.varint(gram - before)
    before = gram
  }
}

function readCount(reader: OctetReader, octetsEach: number): number {
  const count = reader.varint()
  if (count > MAX_COUNT || count * octetsEach > reader.left) throw new CorruptOctetsError('feature record')
  return count
}

function readTokens(reader: OctetReader): Uint32Array {
  const tokens = new Uint32Array(readCount(reader, 8) * 2)
  for (let i = 0; i < tokens.length; i++) tokens[i] = reader.uint32()
  return tokens
}

function readGrams(reader: OctetReader): Uint32Array {
  const grams = new Uint32Array(readCount(reader, 1))
  let before = 0
  for (let i = 0; i < grams.length; i++) {
    before += reader.varint()
    if (before >= 2 ** GRAM_BITS) throw new CorruptOctetsError('feature record')
    grams[i] = before
  }
  return grams
}

/**
 * Compact octets of features for a training journal: learning, unlearning and relearning need nothing else.
 * About 6 KB for an ordinary message.
 */
export function encodeFeatures(features: Features): Uint8Array {
  const writer = new OctetWriter()
  writer.octet(VERSION)
  writeTokens(writer, features.headerTokens)
  writeTokens(writer, features.textTokens)
  writeGrams(writer, features.headerGrams)
  writeGrams(writer, features.textGrams)
  return writer.finish()
}

/** Reads {@link encodeFeatures}; throws {@link CorruptOctetsError} for anything else. */
export function decodeFeatures(octets: Uint8Array): Features {
  const reader = new OctetReader(octets, 'feature record')
  if (reader.octet() !== VERSION) throw new CorruptOctetsError('feature record')
  return {
    headerTokens: readTokens(reader),
    textTokens: readTokens(reader),
    headerGrams: readGrams(reader),
    textGrams: readGrams(reader),
    texts: null,
  }
}
