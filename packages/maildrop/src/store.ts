import type { Delivery } from './delivery.ts'
import type { Directory } from './directory.ts'
import type { Learning } from './learning.ts'
import type { Keeping, Reading } from './reading.ts'
import type { Records } from './record.ts'

/** A name held by one living process: given back when disposed, or when the process is gone. */
export interface Claim extends AsyncDisposable {
  readonly name: string
}

/**
 * The shared maildrop store: what every store promises, in types; the test kit says it in tests.
 * Methods reject with {@link StoreError} on an outage and with nothing else, save a `RangeError` or `Error` where the
 * caller broke a rule stated here (a hold outside the quarantine, a second commit).
 */
export interface MaildropStore extends Delivery, Reading, Keeping, AsyncDisposable {
  readonly directory: Directory
  readonly records: Records
  readonly learning: Learning
  /** Claims a name (such as `role:learner`) for this process, at once; null if a living process has it. */
  claim(name: string): Promise<Claim | null>
  /** Finishes what was begun, then closes. Opened maildrops and claims are given back. */
  [Symbol.asyncDispose](): Promise<void>
}
