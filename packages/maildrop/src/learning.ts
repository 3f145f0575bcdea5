import type { UniqueId } from '@restante/mail'
import type { AccountId } from './words.ts'

/** What a message is said to be. */
export type Label = 'ham' | 'spam'

/** Whose mail a lesson speaks for: everyone's, a domain's or an account's. */
export type Owner = 'global' | `domain:${string}` | `account:${AccountId}`

/** What a person said about a message. */
export interface Feedback {
  readonly owner: Owner
  /** `forget` takes an earlier lesson back. */
  readonly label: Label | 'forget'
  /** `learn`, `release`, `report`, `forward`. */
  readonly source: string
  /** Account id of who said it, or null for the administrator. */
  readonly by: AccountId | null
  readonly atMs: number
  /** What it is about: a stored message, or features with the hash of the octets they came from. */
  readonly about: { readonly id: UniqueId } | { readonly hash: string; readonly features: Uint8Array }
}

/** One step of training, in the order it was done. Replaying all of them from the start gives the model. */
export interface Lesson {
  readonly owner: Owner
  readonly action: 'learn' | 'unlearn'
  readonly label: Label
  /** Hash of the message's octets; the same mail taught twice is one lesson. */
  readonly hash: string
  readonly features: Uint8Array
  readonly atMs: number
}

/** A place in a log; 0 = before the first entry. Only grows. */
export type Cursor = number

/** An append-only log. Entries are durable when `append` resolves, and then visible to every process. */
export interface Log<T> {
  append(entries: readonly T[]): Promise<Cursor>
  /** Entries after `cursor`, oldest first, at most `limit`. */
  since(cursor: Cursor, limit: number): Promise<readonly { readonly cursor: Cursor; readonly entry: T }[]>
  /** The place of the newest entry; cheap enough to ask every second. */
  head(): Promise<Cursor>
}

/** The model as the learner last wrote it. */
export interface ModelSnapshot {
  /** The last lesson it contains. */
  readonly lessons: Cursor
  /** The last feedback entry that was turned into lessons. */
  readonly feedback: Cursor
  readonly atMs: number
  /** The classifier's own versioned encoding. */
  readonly octets: Uint8Array
}

/** What the learner works on. Feedback and lessons are truth; the snapshot can always be made again. */
export interface Learning {
  readonly feedback: Log<Feedback>
  readonly lessons: Log<Lesson>
  /** Which label a message was last learned with by this owner, or null. */
  labelOf(owner: Owner, hash: string): Promise<Label | null>
  latestModel(): Promise<ModelSnapshot | null>
  saveModel(snapshot: ModelSnapshot): Promise<void>
  /** `atMs` of the latest model, or null; cheap enough to ask every second. */
  modelSavedAtMs(): Promise<number | null>
}
