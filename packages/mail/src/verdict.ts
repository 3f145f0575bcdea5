/** One piece of named evidence that fired for a message. */
export interface FiredSymbol {
  /** Upper-case name, such as `BAYES_SPAM`. */
  readonly symbol: string
  /** Points it adds; negative speaks for ham. */
  readonly score: number
  /** One sentence in words. */
  readonly why: string
  /** What it saw, short and safe to print: tokens, a host, a header value. */
  readonly evidence?: readonly string[]
}

/** What is done with one recipient's copy, from mildest to hardest. */
export const DISPOSITIONS = ['accept', 'tag', 'quarantine', 'defer', 'reject'] as const
export type Disposition = (typeof DISPOSITIONS)[number]

/** Points from which a disposition applies. `null` switches it off. */
export interface Thresholds {
  readonly tag: number | null
  readonly quarantine: number | null
  readonly reject: number | null
}

/** The conclusion for one recipient. */
export interface Verdict {
  readonly disposition: Disposition
  readonly score: number
  /** The threshold that decided, or the next one that was not reached; null where none is set. */
  readonly threshold: number | null
  readonly symbols: readonly FiredSymbol[]
  /** Checks that timed out or failed, by name: the mail goes on, marked. */
  readonly skipped: readonly string[]
}

/** The hardest disposition whose threshold the score reaches, with the threshold that speaks in the verdict. */
export function disposeByScore(
  score: number,
  thresholds: Thresholds,
): { readonly disposition: Disposition; readonly threshold: number | null } {
  const { tag, quarantine, reject } = thresholds
  if (reject !== null && score >= reject) return { disposition: 'reject', threshold: reject }
  if (quarantine !== null && score >= quarantine) return { disposition: 'quarantine', threshold: quarantine }
  if (tag !== null && score >= tag) return { disposition: 'tag', threshold: tag }
  return { disposition: 'accept', threshold: tag ?? quarantine ?? reject }
}
