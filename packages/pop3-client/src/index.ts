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
  type ClientLimits,
  type ClientTimeouts,
  type ConnectOptions,
  DEFAULT_CLIENT_LIMITS,
  DEFAULT_CLIENT_TIMEOUTS,
  type Login,
} from './options.ts'
