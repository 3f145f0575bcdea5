export type { MakeStore, StoreUnderTest, SuiteTools } from './fixture.ts'
export { maildropSuite, type SuiteOptions } from './suite.ts'
