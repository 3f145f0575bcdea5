export { RECOVERED } from '@restante/maildrop'
export {
  type BackupOptions,
  type BackupProgress,
  type BackupReport,
  readBackup,
  restoreBackup,
  unfoldBackup,
} from './backup.ts'
export type { CompactReport } from './compaction.ts'
export { type RebuildOptions, type RebuildReport, rebuildIndex } from './rebuild.ts'
export { checkSchemas, type SchemaState } from './schema-check.ts'
export type { StoreStats } from './statistics.ts'
export type { LocalStore, LocalStoreOptions } from './store.ts'
export { openLocalStore } from './store.ts'
export type { Random } from './unique-ids.ts'
export type { StoreProblem, VerifyProgress, VerifyReport } from './verification.ts'
export type { StoreLog } from './writer.ts'
