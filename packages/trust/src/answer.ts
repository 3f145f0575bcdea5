import type { RecordData, RecordType } from './dns-message.ts'

/** What DNS said to one question. */
export type Answer<T extends RecordType = RecordType> =
  | {
      readonly kind: 'records'
      /** At least one, in the server's order. */
      readonly records: readonly RecordData[T][]
      readonly ttlSeconds: number
    }
  /** The name exists, records of this type do not. */
  | { readonly kind: 'nodata' }
  /** The name does not exist, or no such name can. */
  | { readonly kind: 'nxdomain' }
  /** The servers could not say: SERVFAIL, REFUSED, octets that are no answer. */
  | { readonly kind: 'servfail'; readonly why: string }
  /** Nobody answered in time, or the caller gave up. */
  | { readonly kind: 'timeout'; readonly why: string }
  /** We ask nobody: DNS is off. */
  | { readonly kind: 'unavailable'; readonly why: string }

/** How long one question may take. */
export interface QuestionOptions {
  /** Ends the wait with a `timeout` answer; others who asked the same go on waiting. */
  readonly signal?: AbortSignal | undefined
  /** Shorter than the resolver's own, never longer. */
  readonly timeoutMs?: number | undefined
}

/** Asks DNS. Nothing here throws or rejects: a failure is an answer. */
export interface Resolver {
  /** False when it answers `unavailable` to everything. */
  readonly available: boolean
  /**
   * @param name with or without the root dot, in any case; U-labels are turned into A-labels
   */
  resolve<T extends RecordType>(name: string, type: T, options?: QuestionOptions): Promise<Answer<T>>
}

/** Whether an answer settles the question, so that asking again now would say the same. */
export function isSettled(answer: Answer): boolean {
  return answer.kind === 'records' || answer.kind === 'nodata' || answer.kind === 'nxdomain'
}
