import type { Octets, UniqueId, Verdict } from '@restante/mail'

/**
 * The small record kept about a message (design: "facts"): enough to search it, explain it and count it later,
 * whether or not the message itself is still there. Plain JSON values only.
 */
export interface MessageRecord {
  readonly receivedAtMs: number
  readonly clientIp: string
  readonly helo: string
  /** `local@domain`, or empty for the null reverse-path. */
  readonly reversePath: string
  readonly recipient: string
  readonly sizeOctets: Octets
  /** Decoded header facts, cut to a few hundred characters each. */
  readonly from: string
  readonly subject: string
  readonly messageId: string
  readonly attachments: readonly {
    readonly name: string
    readonly type: string
    readonly sizeOctets: Octets
  }[]
  readonly verdict: Verdict
  /** Spam probability as the model gave it, 0-1, or null where it had nothing to say. */
  readonly spamProbability: number | null
  /** Features of the classifier (its own versioned encoding), so that feedback can train without the body. */
  readonly features?: Uint8Array
  /** Version of rules and model the verdict came from. */
  readonly judgedBy: string
}

/** A record as the store gives it back. */
export interface StoredRecord extends MessageRecord {
  /** The copy's unique-id at delivery. */
  readonly id: UniqueId
  /** Its unique-id now, or at last: release, move and undelete give it another one. */
  readonly currentId: UniqueId
}

/** The records of messages, in arrival order. Kept 30 days by default. */
export interface Records {
  /** By unique-id (of the copy as delivered, or its current one), or null. */
  get(id: UniqueId): Promise<StoredRecord | null>
}
