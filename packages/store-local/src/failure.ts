import { StoreError, type StoreFailure } from '@restante/maildrop'

/** A failure in a form that crosses threads. */
export interface FailureNotice {
  readonly code: StoreFailure
  readonly detail: string
}

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
export function failureOf(error: unknown): FailureNotice {
  if (error instanceof StoreError) return { code: error.code, detail: error.message }
  const { code, errcode, message } = error as { code?: string; errcode?: number; message?: string }
  const detail = message ?? String(error)
  if (code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number') {
    return { code: SQLITE_CODES[errcode & 0xff] ?? 'io', detail: `index: ${detail}` }
  }
  return { code: ERRNO_CODES[code ?? ''] ?? 'io', detail }
}

/** The same as an error to throw. */
export function storeError(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  const { code, detail } = failureOf(error)
  return new StoreError(code, detail, { cause: error })
}

/** Runs `work`, turning whatever the system throws into a {@link StoreError}. */
export function guarded<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw storeError(error)
  }
}
