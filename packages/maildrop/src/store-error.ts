/**
 * Why a store could not do its work. Never a peer's fault.
 * - `disk-full`: below the free-space floor, or the system said ENOSPC; nothing was acknowledged. Try later.
 * - `io`: a read, write or flush failed. Try later; an alarm has been logged.
 * - `corrupt`: octets on disk are not what was written (checksum); the message is named in `detail`.
 * - `newer-schema`: written by a newer release; `detail` says what to do.
 * - `busy`: another process holds what must be exclusive.
 * - `closed`: used after it was closed.
 */
export type StoreFailure = 'disk-full' | 'io' | 'corrupt' | 'newer-schema' | 'busy' | 'closed'

/** An outage of the store. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreFailure
  constructor(code: StoreFailure, detail: string, options?: { readonly cause?: unknown }) {
    super(detail, options)
    this.code = code
  }
}
