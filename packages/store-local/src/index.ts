export type { LocalStore, LocalStoreOptions } from './store.ts'
export { openLocalStore } from './store.ts'
export type { StoreLog } from './writer.ts'
