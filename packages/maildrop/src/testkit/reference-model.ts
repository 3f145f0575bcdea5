import type { Octets, UniqueId } from '@restante/mail'
import type { AccountId } from '../words.ts'
import { type Folder, INBOX, QUARANTINE, type View } from '../words.ts'
import { DAY_MS } from './fixture.ts'

/** A copy as the model knows it. */
export interface ModelCopy {
  readonly id: UniqueId
  readonly account: AccountId
  readonly folder: Folder
  readonly text: string
  readonly arrivedAtMs: number
  /** Null = not held or held for ever. */
  readonly expiresAtMs: number | null
  readonly hiddenFrom: Set<View>
  removedAtMs: number | null
}

/** The contract again, as plainly as it can be said: one list of copies, in order of arrival. */
export class ReferenceModel {
  copies: ModelCopy[] = []
  releases: UniqueId[] = []

  add(copy: Omit<ModelCopy, 'hiddenFrom' | 'removedAtMs'>): void {
    this.copies.push({ ...copy, hiddenFrom: new Set(), removedAtMs: null })
  }

  present(id: UniqueId): ModelCopy | undefined {
    return this.copies.find((copy) => copy.id === id && copy.removedAtMs === null)
  }

  removed(id: UniqueId): ModelCopy | undefined {
    return this.copies.find((copy) => copy.id === id && copy.removedAtMs !== null)
  }

  seen(account: AccountId, folder: Folder, view: View, nowMs: number): readonly ModelCopy[] {
    return this.copies.filter(
      (copy) =>
        copy.account === account &&
        copy.folder === folder &&
        copy.removedAtMs === null &&
        !copy.hiddenFrom.has(view) &&
        (view !== 'recent' || copy.arrivedAtMs > nowMs - 30 * DAY_MS),
    )
  }

  usage(account: AccountId): { octets: Octets; messages: number } {
    const kept = this.copies.filter((copy) => copy.account === account && copy.removedAtMs === null)
    return { octets: kept.reduce((sum, copy) => sum + copy.text.length, 0), messages: kept.length }
  }

  /** What QUIT does with the messages a session marked. */
  commit(marked: readonly ModelCopy[], folder: Folder, view: View, nowMs: number): void {
    for (const { id } of marked) {
      const copy = this.present(id)
      if (copy === undefined) continue
      if (view === 'classic' || folder === QUARANTINE) copy.removedAtMs = nowMs
      else copy.hiddenFrom.add(view)
    }
  }

  /** The same octets, last, under a new id. */
  replace(old: ModelCopy, id: UniqueId, folder: Folder): void {
    this.copies = this.copies.filter((copy) => copy !== old)
    this.add({ ...old, id, folder, expiresAtMs: folder === INBOX ? null : old.expiresAtMs })
  }

  expire(nowMs: number): { holds: number; removed: number } {
    const holds = this.copies.filter(
      (copy) =>
        copy.folder === QUARANTINE &&
        copy.removedAtMs === null &&
        copy.expiresAtMs !== null &&
        copy.expiresAtMs <= nowMs,
    )
    const removed = this.copies.filter((copy) => isPastUndelete(copy, nowMs))
    this.copies = this.copies.filter((copy) => !holds.includes(copy) && !removed.includes(copy))
    return { holds: holds.length, removed: removed.length }
  }
}

/** Whether a removed copy cannot come back any more. */
export function isPastUndelete(copy: ModelCopy, nowMs: number): boolean {
  return copy.removedAtMs !== null && copy.removedAtMs + 7 * DAY_MS <= nowMs
}
