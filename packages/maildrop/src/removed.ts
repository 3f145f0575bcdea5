import type { StoredCopy } from './reading.ts'
import type { MaildropStore } from './store.ts'
import type { AccountId } from './words.ts'

/** A copy that was removed and can still come back. */
export interface RemovedCopy extends StoredCopy {
  readonly removedAtMs: number
}

/** A store that shows what `undelete` can bring back. */
export interface TrashStore extends MaildropStore {
  /** Removed copies of an account that can still come back, in the order they were removed. */
  removed(account: AccountId): AsyncIterable<RemovedCopy>
  /** Like `find`, among the removed copies. */
  findRemoved(idPrefix: string): Promise<RemovedCopy | 'ambiguous' | null>
}

/** Whether a store shows what was removed. */
export function isTrashStore(store: MaildropStore): store is TrashStore {
  return 'findRemoved' in store
}
