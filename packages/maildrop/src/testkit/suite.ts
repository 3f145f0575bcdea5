import { describe } from 'vitest'
import { deliveryTests } from './delivery-tests.ts'
import { deviceTests } from './device-tests.ts'
import { directoryTests } from './directory-tests.ts'
import { durableTests } from './durable-tests.ts'
import type { MakeStore } from './fixture.ts'
import { keepingTests } from './keeping-tests.ts'
import { learningTests } from './learning-tests.ts'
import { lifeTests } from './life-tests.ts'
import { randomTests } from './random-tests.ts'
import { readingTests } from './reading-tests.ts'
import { removedTests } from './removed-tests.ts'
import { roomTests } from './room-tests.ts'
import { searchTests } from './search-tests.ts'
import { viewTests } from './view-tests.ts'

/** What a store can do beyond being made, so that it is tested too. */
export interface SuiteOptions {
  /** What was acknowledged survives closing and opening again: `makeStore` then answers with `reopen`. */
  readonly durable?: boolean
  /** Makes a store with room for about 1 MB of mail, to test what happens when it is full. */
  readonly makeSmallStore?: MakeStore
  /** How many random histories are tried: 50, or 20 of a durable store, which is opened again in each of them. */
  readonly histories?: number
}

/**
 * Every sentence of the store contract as a test, for vitest. Call it at the top of a test file.
 * @param name what the tests are grouped under
 * @param makeStore called once for each test; the answer is an empty store nobody else uses
 */
export function maildropSuite(name: string, makeStore: MakeStore, options: SuiteOptions = {}): void {
  describe(name, () => {
    describe('delivery', () => deliveryTests(makeStore))
    describe('reading', () => readingTests(makeStore))
    describe('views', () => viewTests(makeStore))
    describe('keeping', () => keepingTests(makeStore))
    describe('directory', () => directoryTests(makeStore))
    describe('learning', () => learningTests(makeStore))
    describe('life', () => lifeTests(makeStore))
    const durable = options.durable ?? false
    describe('random histories', () =>
      randomTests(makeStore, durable, options.histories ?? (durable ? 20 : 50)))
    if (durable) describe('durability', () => durableTests(makeStore))
    const { makeSmallStore } = options
    if (makeSmallStore) describe('room', () => roomTests(makeSmallStore))
  })
}

/**
 * The tests of a store that knows its devices (`DeviceStore`), beside {@link maildropSuite}. The store must have no
 * policy of its own: every test sets the account's.
 */
export function deviceSuite(
  name: string,
  makeStore: MakeStore,
  options: Pick<SuiteOptions, 'durable'> = {},
): void {
  describe(`${name}: devices`, () => deviceTests(makeStore, options.durable ?? false))
}

/** The tests of a store that shows what was removed (`TrashStore`), beside {@link maildropSuite}. */
export function trashSuite(name: string, makeStore: MakeStore): void {
  describe(`${name}: removed mail`, () => removedTests(makeStore))
}

/** The tests of a store whose records can be searched (`SearchableStore`), beside {@link maildropSuite}. */
export function searchSuite(name: string, makeStore: MakeStore): void {
  describe(`${name}: search`, () => searchTests(makeStore))
}
