import type { Path, Reply } from '@restante/mail'
import type { Guarded, Outcome } from './guard.ts'
import type { LineEndFilter } from './line-ends.ts'
import type { MailData } from './mail-data.ts'
import type { MailParameters, RcptParameters } from './parameters.ts'

/** One mail transaction (RFC 5321 §3.3): from an accepted MAIL to its end. */
export interface Transaction {
  readonly id: string
  readonly startedMs: number
  readonly reversePath: Path | null
  readonly parameters: MailParameters
  readonly recipients: Path[]
  readonly recipientParameters: RcptParameters[]
  /** Where a recipient stands in `recipients`, by canonical address; empty in LMTP, which keeps duplicates. */
  readonly places: Map<string, number>
  /** Some RCPT was answered, if only with a refusal. */
  attempted: boolean
  /** Mail data, once it has begun. */
  content: Content | null
}

/** The mail data of a transaction while it comes in. */
export interface Content {
  readonly by: 'data' | 'bdat'
  readonly body: MailData
  readonly lineEnds: LineEndFilter
  /** As received, dots unstuffed, before the line-end policy. */
  sizeOctets: number
  /** Why the library itself refuses it, whatever the hook says. */
  refusal: Reply | null
  /** All of it has come. */
  complete: boolean
  hook: Guarded | null
  outcome: Outcome<Reply | readonly Reply[]> | null
  /** Goes on with the peer's input once the outcome is known. */
  conclude: (() => void) | null
}

/** The chunk of BDAT that is coming in. */
export interface Chunk {
  readonly octets: number
  readonly last: boolean
  /** Its octets are thrown away and this is the answer. */
  readonly refusal: Reply | null
}
