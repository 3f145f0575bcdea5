import { CorruptOctetsError, OctetReader } from './octet-stream.ts'
import type { TokenTexts } from './token-set.ts'

/** Bits of a gram's number: grams are hashed into 2^20 slots. */
export const GRAM_BITS = 20

/**
 * What the classifier sees of one message: distinct tokens as 64-bit hashes (low and high halves alternating,
 * two entries a token) and distinct character grams as slot numbers, each of header and text apart. `texts`
 * names the tokens, header first; it does not survive encoding, so only a message at hand can be explained in
 * words.
 */
export interface Features {
  readonly headerTokens: Uint32Array
  readonly textTokens: Uint32Array
  /** Pairs of neighbouring words as slot numbers below 2^20, distinct, in no order; so the grams. */
  readonly textPhrases: Uint32Array
  readonly headerGrams: Uint32Array
  readonly textGrams: Uint32Array
  readonly texts: TokenTexts | null
}

const VERSION = 1
const MAX_COUNT = 100_000

/** Octets of {@link encodeFeatures}. */
export function sizeOfFeatures({
  headerTokens,
  textTokens,
  textPhrases,
  headerGrams,
  textGrams,
}: Features): number {
  return (
    21 +
    (headerTokens.length + textTokens.length) * 4 +
    (textPhrases.length + headerGrams.length + textGrams.length) * 3
  )
}

/**
 * Compact octets of features for a training journal: learning, unlearning and relearning need nothing else.
 * About 9 KB for an ordinary message: a version, five counts, then 8 octets a token and 3 a phrase or gram, little-endian.
 */
export function encodeFeatures(features: Features): Uint8Array {
  const { headerTokens, textTokens, textPhrases, headerGrams, textGrams } = features
  const octets = new Uint8Array(sizeOfFeatures(features))
  let at = 0
  octets[at++] = VERSION
  const write32 = (value: number): void => {
    octets[at] = value
    octets[at + 1] = value >>> 8
    octets[at + 2] = value >>> 16
    octets[at + 3] = value >>> 24
    at += 4
  }
  for (const list of [headerTokens, textTokens, textPhrases, headerGrams, textGrams]) write32(list.length)
  for (const list of [headerTokens, textTokens])
    for (let i = 0; i < list.length; i++) write32(list[i] as number)
  for (const list of [textPhrases, headerGrams, textGrams]) {
    for (let i = 0; i < list.length; i++) {
      const gram = list[i] as number
      octets[at] = gram
      octets[at + 1] = gram >>> 8
      octets[at + 2] = gram >>> 16
      at += 3
    }
  }
  return octets
}

/** Reads {@link encodeFeatures}; throws {@link CorruptOctetsError} for anything else. */
export function decodeFeatures(octets: Uint8Array): Features {
  const reader = new OctetReader(octets, 'feature record')
  if (reader.octet() !== VERSION) throw new CorruptOctetsError('feature record')
  const counts = [
    reader.uint32(),
    reader.uint32(),
    reader.uint32(),
    reader.uint32(),
    reader.uint32(),
  ] as const
  const [headerTokens, textTokens, textPhrases, headerGrams, textGrams] = counts
  if (
    counts.some((count) => count > MAX_COUNT) ||
    headerTokens % 2 !== 0 ||
    textTokens % 2 !== 0 ||
    reader.left !== (headerTokens + textTokens) * 4 + (textPhrases + headerGrams + textGrams) * 3
  ) {
    throw new CorruptOctetsError('feature record')
  }
  return {
    headerTokens: reader.uint32s(headerTokens),
    textTokens: reader.uint32s(textTokens),
    textPhrases: reader.uint24s(textPhrases, 2 ** GRAM_BITS),
    headerGrams: reader.uint24s(headerGrams, 2 ** GRAM_BITS),
    textGrams: reader.uint24s(textGrams, 2 ** GRAM_BITS),
    texts: null,
  }
}
