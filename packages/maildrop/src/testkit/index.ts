export type { MakeStore, StoreUnderTest, SuiteTools } from './fixture.ts'
export { deviceSuite, maildropSuite, type SuiteOptions, searchSuite, trashSuite } from './suite.ts'
