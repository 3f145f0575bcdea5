/** Bounds on what one message may make us look at. Beyond a bound the walk goes on with less and says so in `defects`. */
export interface FactLimits {
  /** Octets of one header section that are read as fields. */
  readonly headerOctets: number
  /** Fields of one header section. */
  readonly fields: number
  /** Characters kept of one field's value. */
  readonly fieldCharacters: number
  /** Leaf parts and multiparts walked. */
  readonly parts: number
  /** Nesting of multiparts and attached messages. */
  readonly depth: number
  /** Octets of text (encoded) decoded over all text parts. */
  readonly textOctets: number
  /** Characters of visible text kept over all parts. */
  readonly textCharacters: number
  /** URLs kept. */
  readonly urls: number
  /** Attachments described. */
  readonly attachments: number
  /** Mailboxes parsed of To and Cc; more are only counted. */
  readonly mailboxes: number
  /** Octets of one packed attachment opened to read the names inside. */
  readonly archiveOctets: number
}

/** Limits that fit ordinary mail many times over. */
export const DEFAULT_FACT_LIMITS: FactLimits = {
  headerOctets: 262_144,
  fields: 1_000,
  fieldCharacters: 16_384,
  parts: 1_000,
  depth: 50,
  textOctets: 1_048_576,
  textCharacters: 262_144,
  urls: 200,
  attachments: 100,
  mailboxes: 100,
  archiveOctets: 2_097_152,
}
