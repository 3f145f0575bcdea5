import { createModel, type Model, newState } from './model.ts'
import { CorruptOctetsError, OctetReader, OctetWriter } from './octet-stream.ts'
import type { LogisticWeights } from './weights.ts'

const MAGIC = 0x424d5352
const VERSION = 1

function writeWeights(writer: OctetWriter, weights: LogisticWeights): void {
  writer.float64(weights.bias)
  const { table } = weights
  let count = 0
  for (const weight of table) if (weight !== 0) count++
  writer.varint(count)
  let before = -1
  for (let slot = 0; slot < table.length; slot++) {
    const weight = table[slot] as number
    if (weight === 0) continue
    writer.varint(slot - before - 1)
    writer.float32(weight)
    before = slot
  }
}

function readWeights(reader: OctetReader, weights: LogisticWeights): void {
  weights.bias = reader.float64()
  const { table } = weights
  const count = reader.varint()
  let slot = -1
  for (let i = 0; i < count; i++) {
    slot += reader.varint() + 1
    if (slot >= table.length) throw new CorruptOctetsError('model')
    table[slot] = reader.float32()
  }
}

/** The whole model as versioned binary octets: the same model always gives the same octets. */
export function encodeModel(model: Model): Uint8Array {
  const { state } = model
  const writer = new OctetWriter()
  writer.uint32(MAGIC)
  writer.octet(VERSION)
  writer.varint(state.ham)
  writer.varint(state.spam)
  const keys: { low: number; high: number; ham: number; spam: number; day: number }[] = []
  state.tokens.forEach((low, high, ham, spam, day) => {
    keys.push({ low, high, ham, spam, day })
  })
  keys.sort((a, b) => a.high - b.high || a.low - b.low)
  writer.varint(keys.length)
  let before = 0
  for (const { low, high, ham, spam, day } of keys) {
    writer.varint(high - before)
    writer.uint32(low)
    writer.varint(ham)
    writer.varint(spam)
    writer.varint(day)
    before = high
  }
  writeWeights(writer, state.tokenWeights)
  writeWeights(writer, state.gramWeights)
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
  return createModel(state)
}
