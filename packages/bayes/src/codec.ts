import { decodeFeatures, encodeFeatures, sizeOfFeatures } from './features.ts'
import { createModel, type Model, newState } from './model.ts'
import { CorruptOctetsError, OctetReader, OctetWriter } from './octet-stream.ts'
import { REPLAY_SIZE, type ReplaySample } from './replay.ts'
import type { TokenTable } from './token-table.ts'
import type { WeightTable } from './weights.ts'

const MAGIC = 0x424d5352
const VERSION = 2

function usedSlots({ squares }: WeightTable): number {
  let count = 0
  for (let slot = 0; slot < squares.length; slot++) if (squares[slot] !== 0) count++
  return count
}

function writeWeights(writer: OctetWriter, table: WeightTable): void {
  const { weights, squares } = table
  writer.varint(usedSlots(table))
  let before = -1
  for (let slot = 0; slot < squares.length; slot++) {
    const square = squares[slot] as number
    if (square === 0) continue
    writer.varint(slot - before - 1)
    writer.float32(weights[slot] as number)
    writer.float32(square)
    before = slot
  }
}

function readWeights(reader: OctetReader, table: WeightTable): void {
  const count = reader.varint()
  let slot = -1
  for (let i = 0; i < count; i++) {
    slot += reader.varint() + 1
    if (slot >= table.squares.length) throw new CorruptOctetsError('model')
    table.weights[slot] = reader.float32()
    table.squares[slot] = reader.float32()
  }
}

function writeReplay(writer: OctetWriter, sample: ReplaySample): void {
  writer.varint(sample.offered)
  writer.varint(sample.cursor)
  writer.varint(sample.kept.length)
  for (const features of sample.kept) writer.octetString(encodeFeatures(features))
}

function readReplay(reader: OctetReader, sample: ReplaySample): void {
  sample.offered = reader.varint()
  sample.cursor = reader.varint()
  const count = reader.varint()
  if (count > REPLAY_SIZE) throw new CorruptOctetsError('model')
  for (let i = 0; i < count; i++) sample.kept.push(decodeFeatures(reader.octetString()))
}

/** Tokens in the order of their hashes, so that equal models give equal octets however they grew. */
function writeTokens(writer: OctetWriter, tokens: TokenTable): void {
  const slots = tokens.sortedSlots()
  writer.varint(slots.length)
  let before = 0
  for (const slot of slots) {
    const { low, high, ham, spam, day } = tokens.at(slot)
    writer.varint(high - before)
    writer.uint32(low)
    writer.varint(ham)
    writer.varint(spam)
    writer.varint(day)
    before = high
  }
}

/** The whole model as versioned binary octets: the same model always gives the same octets. */
export function encodeModel(model: Model): Uint8Array {
  const { state } = model
  const replayed = [...state.hamReplay.kept, ...state.spamReplay.kept]
  const expected =
    64 +
    state.tokens.size * 12 +
    (usedSlots(state.tokenWeights) + usedSlots(state.gramWeights)) * 9.5 +
    replayed.reduce((sum, features) => sum + 4 + sizeOfFeatures(features), 0)
  const writer = new OctetWriter(Math.ceil(expected))
  writer.uint32(MAGIC)
  writer.octet(VERSION)
  writer.varint(state.ham)
  writer.varint(state.spam)
  writeTokens(writer, state.tokens)
  writeWeights(writer, state.tokenWeights)
  writeWeights(writer, state.gramWeights)
  writeReplay(writer, state.hamReplay)
  writeReplay(writer, state.spamReplay)
  return writer.finish()
}

/** Reads {@link encodeModel}; throws {@link CorruptOctetsError} for anything else. */
export function decodeModel(octets: Uint8Array): Model {
  const reader = new OctetReader(octets, 'model')
  if (reader.uint32() !== MAGIC || reader.octet() !== VERSION) throw new CorruptOctetsError('model')
  const state = newState()
  state.ham = reader.varint()
  state.spam = reader.varint()
  const count = reader.varint()
  if (count * 8 > reader.left) throw new CorruptOctetsError('model')
  let high = 0
  for (let i = 0; i < count; i++) {
    high += reader.varint()
    const low = reader.uint32()
    const ham = reader.varint()
    const spam = reader.varint()
    state.tokens.add(low, high, ham, spam, reader.varint())
  }
  readWeights(reader, state.tokenWeights)
  readWeights(reader, state.gramWeights)
  readReplay(reader, state.hamReplay)
  readReplay(reader, state.spamReplay)
  if (reader.left !== 0) throw new CorruptOctetsError('model')
  return createModel(state)
}
