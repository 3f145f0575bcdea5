import { StoreError, type StoreFailure } from '@restante/maildrop'

/** SQLite's primary result codes that mean something else than `io`. */
const SQLITE_CODES: Readonly<Record<number, StoreFailure>> = {
  5: 'busy',
  6: 'busy',
  11: 'corrupt',
  13: 'disk-full',
  26: 'corrupt',
}

const ERRNO_CODES: Readonly<Record<string, StoreFailure>> = { ENOSPC: 'disk-full', EDQUOT: 'disk-full' }

/** What an error of the file system or of SQLite means to the store's users. */
export function storeError(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  const { code, errcode, message } = error as { code?: string; errcode?: number; message?: string }
  const detail = message ?? String(error)
  if (code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number') {
    return new StoreError(SQLITE_CODES[errcode & 0xff] ?? 'io', `restante.db: ${detail}`, { cause: error })
  }
  return new StoreError(ERRNO_CODES[code ?? ''] ?? 'io', detail, { cause: error })
}

/** Runs `work`, turning whatever the system throws into a {@link StoreError}. */
export function guarded<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw storeError(error)
  }
}

/** The same for work that takes time. */
export async function guardedWait<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw storeError(error)
  }
}

/** Whether an error says that a file, or a folder on the way to it, is not there. */
export function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG'
}
