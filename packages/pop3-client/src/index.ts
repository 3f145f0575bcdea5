export type {
  Capabilities,
  DropLine,
  MechanismName,
  ScanLine,
  UniqueIdLine,
} from '@restante/pop3'
export { Pop3Client, type Retrieved, type RetrieveOptions } from './client.ts'
export { connectPop3 } from './connect.ts'
export type { CallOptions } from './dialogue.ts'
export { Pop3Error, type Pop3Failure } from './error.ts'
export {
  type FetchOptions,
  type FetchProgress,
  type FetchReport,
  fetchNew,
  type NewMessage,
} from './fetch-new.ts'
export type { Keep } from './fetch-plan.ts'
export {
  type FetchEntry,
  type FetchState,
  FetchStateError,
  type FileFetchState,
  jsonFileState,
  memoryFetchState,
} from './fetch-state.ts'
export {
  type ClientLimits,
  type ClientTimeouts,
  type ConnectOptions,
  DEFAULT_CLIENT_LIMITS,
  DEFAULT_CLIENT_TIMEOUTS,
  type Login,
} from './options.ts'
export { type WatchOptions, type WatchRound, watch } from './watch.ts'
