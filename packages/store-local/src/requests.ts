import type {
  Account,
  AccountChange,
  Alias,
  CopyName,
  CopyOutcome,
  Credential,
  Domain,
  Feedback,
  Hold,
  Lesson,
  ModelSnapshot,
  RemoveAfter,
  Splice,
} from '@restante/maildrop'
import type { FailureNotice } from './failure.ts'
import type { PickUp } from './pick-ups.ts'
import type { RecordWords } from './record-words.ts'

/** One copy of a delivery on its way to the writer; every array is its own, nothing shared with the caller. */
export interface CopyRequest {
  readonly account: string
  readonly folder: string
  readonly id: string
  readonly prefix: Uint8Array
  readonly splice: Splice | null
  readonly hold: Hold | null
  readonly arrivedAtMs: number
  readonly record: {
    readonly receivedAtMs: number
    readonly json: string
    readonly features: Uint8Array | null
    readonly sizeOctets: number
    readonly words: RecordWords
  } | null
}

/** A body that already is in a segment file of its own, flushed. */
export interface PlacedBody {
  /** Row of its segment, entered before its record was whole. */
  readonly row: number
  readonly segmentOctets: number
  readonly position: number
  readonly crc: number
}

/** A staged body with the copies to make of it. `bodyId` is 16 octets, sizes are of the body alone. */
export interface DeliverRequest {
  readonly bodyId: Uint8Array
  readonly body: Uint8Array | PlacedBody
  readonly sizeOctets: number
  readonly bodyOffset: number
  readonly needsStuffing: boolean
  readonly atMs: number
  readonly copies: readonly CopyRequest[]
}

/** One step on a copy: which, its new unique-id where it gets one, by whom and when. */
export interface CopyStep {
  readonly copy: CopyName
  readonly newId: string
  readonly by: string | null
  readonly atMs: number
}

/** Messages of one maildrop by their places. `device` null removes them for all views. */
export interface RemoveRequest {
  readonly maildrop: number
  readonly device: string | null
  readonly places: readonly number[]
  readonly atMs: number
}

/** A body's new location, found while compacting; it moves only if it still is in segment `from`. */
export interface Relocation {
  readonly body: number
  readonly from: number
  readonly position: number
}

/**
 * Everything the writer thread does, each atomic and durable when its answer comes. Purging and moving work in
 * slices of a few hundred rows and say how many they did; asked again until they did none.
 */
export interface Operations {
  deliver(request: DeliverRequest): readonly CopyOutcome[]
  remove(request: RemoveRequest): null
  release(step: CopyStep): { readonly released: string } | { readonly failed: 'no-such-message' | 'not-held' }
  move(
    step: CopyStep & { readonly folder: string },
  ): { readonly moved: string } | { readonly failed: 'no-such-message' | 'held' }
  discard(step: CopyStep): boolean
  undelete(
    step: CopyStep,
  ): { readonly restored: string } | { readonly failed: 'no-such-message' | 'too-late' }

  purgeHolds(due: { readonly beforeMs: number; readonly realMs: number }): number
  purgeRemoved(due: { readonly beforeMs: number; readonly realMs: number }): number
  purgeErased(due: { readonly realMs: number }): number
  expireRecords(due: { readonly beforeMs: number }): number
  expireRenames(due: { readonly beforeMs: number }): number
  /** Drops purged copies and bodies nobody has any more. */
  reap(due: { readonly beforeRealMs: number }): number

  setRemoveAfter(request: { readonly id: string; readonly policy: RemoveAfter | null }): boolean
  keepPickUps(pickUps: readonly PickUp[]): null
  /** Removes what all of these devices hide, or where null any device; how many of at most a few hundred. */
  retireHidden(request: {
    readonly maildrop: number
    readonly devices: readonly string[] | null
    readonly atMs: number
  }): number
  /** Removes what came before a time; how many of at most a few hundred. */
  retireOld(request: { readonly maildrop: number; readonly beforeMs: number; readonly atMs: number }): number

  putDomain(domain: Domain): null
  removeDomain(name: string): boolean
  addAccount(request: {
    readonly id: string
    readonly address: string
    readonly domain: string
    readonly atMs: number
    readonly credentials: readonly Credential[]
  }): Account | null
  changeAccount(request: { readonly id: string; readonly change: AccountChange }): Account | null
  eraseAccount(request: { readonly id: string }): boolean
  setCredentials(request: {
    readonly id: string
    readonly device: string
    readonly credentials: readonly Credential[]
  }): boolean
  removeDevice(request: { readonly id: string; readonly device: string }): boolean
  putAlias(alias: Alias): boolean
  removeAlias(address: string): boolean

  appendFeedback(entries: readonly Feedback[]): number
  appendLessons(entries: readonly Lesson[]): number
  forgetLessons(account: string): number
  forgetRecords(account: string): number
  saveModel(snapshot: ModelSnapshot): null

  /** Enters a segment that compaction, or the staging of a large body, is about to fill. */
  addSegment(segment: { readonly name: string; readonly octets: number; readonly atMs: number }): number
  relocate(request: { readonly to: number; readonly bodies: readonly Relocation[] }): number
  /** Marks a sealed segment as emptied, so that its file may go; false if a body is still in it. */
  emptySegment(n: number): boolean
  /** Takes a segment whose file is gone out of the index; false if a body is still in it. */
  forgetSegment(n: number): boolean
  /** Remembers that the index is older than the mail, until it is rebuilt. */
  noteOldIndex(): null
  /** Seals segments of processes that are gone, with the sizes of their files. */
  sealSegments(segments: readonly { readonly name: string; readonly octets: number }[]): number
}

/** Name of an operation. */
export type OperationName = keyof Operations
/** What an operation is given; crosses to the writer thread by copy. */
export type Argument<K extends OperationName> = Parameters<Operations[K]>[0]
/** What an operation answers. */
export type Answer<K extends OperationName> = ReturnType<Operations[K]>

/** One request as it crosses to the writer. */
export interface PostedRequest {
  readonly serial: number
  readonly op: OperationName
  readonly argument: unknown
}

/** What crosses to the writer thread. */
export type ToWriter = { readonly requests: readonly PostedRequest[] } | { readonly close: true }

/** What comes back. */
export type FromWriter =
  | {
      readonly answers: readonly (
        | { readonly serial: number; readonly answer: unknown }
        | { readonly serial: number; readonly failure: FailureNotice }
      )[]
    }
  | { readonly log: string; readonly fields: Readonly<Record<string, string | number | boolean>> }
  | { readonly ready: true }
  | { readonly closed: true }

/** What the writer thread is started with. */
export interface WriterData {
  readonly directory: string
  /** Names of this instance's segments start with it. */
  readonly instance: string
  /** Distinguishes writer threads of one instance, after one crashed. */
  readonly generation: number
  readonly segmentMaxOctets: number
  readonly segmentMaxAgeMs: number
  readonly filesModule: string | undefined
}
