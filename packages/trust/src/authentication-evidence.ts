/**
 * A result of one method (RFC 8601 §2.7). `unavailable`: we asked nobody, as DNS is off. A `temperror` may be another result when
 * asked again; a `permerror` will not.
 */
export type AuthResult =
  | 'pass'
  | 'fail'
  | 'softfail'
  | 'neutral'
  | 'none'
  | 'policy'
  | 'temperror'
  | 'permerror'
  | 'unavailable'

/** What SPF says of the client (RFC 7208). */
export interface SpfEvidence {
  readonly result: AuthResult
  /** Whose domain was asked: the reverse-path's, or for a null reverse-path the HELO name's. */
  readonly identity: 'mailfrom' | 'helo'
  /** A-labels, lower case; empty where there is none. */
  readonly domain: string
  /** Queries that count against the limit of 10. */
  readonly lookups: number
  /** For an error: what was wrong. ASCII, at most 200 characters. */
  readonly reason: string | null
}

/** What one DKIM signature is worth (RFC 6376). */
export interface DkimEvidence {
  readonly result: AuthResult
  /** The signing domain, `d=`. */
  readonly domain: string
  readonly selector: string
  readonly algorithm: string
  /** Whether `domain` aligns with the author's domain, by the mode the author's DMARC record asks for. */
  readonly aligned: boolean
  readonly keyBits: number | null
  /** Octets at the end of the body that `l=` leaves unsigned: anybody could have added them. */
  readonly unsignedOctets: number
  /** The key says `t=y`: the domain is only trying DKIM out. */
  readonly testing: boolean
  /** The first characters of the signature, to tell apart two of one domain (RFC 6008). */
  readonly signature: string
  /** Why it is no `pass`. ASCII, at most 200 characters. */
  readonly reason: string | null
}

/** What a domain's owner wants done with mail that fails DMARC. */
export type DmarcPolicy = 'none' | 'quarantine' | 'reject'

/** Whether the author's domain stands behind the mail (DMARC, RFC 9989). */
export interface DmarcEvidence {
  readonly result: AuthResult
  /** The author's domain, from the From field; empty where there is not exactly one. */
  readonly domain: string
  /** Where the record was found: the domain or a parent; empty without one. */
  readonly policyDomain: string
  /** What applies to this mail, subdomain policy and test mode taken in; null without a record. */
  readonly policy: DmarcPolicy | null
  readonly testMode: boolean
  readonly alignedBy: readonly ('spf' | 'dkim')[]
  /** Why it could not be judged. ASCII, at most 200 characters. */
  readonly reason: string | null
}

/** What earlier hosts testify (ARC, RFC 8617). */
export interface ArcEvidence {
  readonly result: AuthResult
  /** Number of sets; 0 without ARC. */
  readonly instance: number
  /** Who sealed last; trust the testimony only if you trust this domain. */
  readonly sealer: string
  /** What the last sealer saw, as it says; results in its own words. */
  readonly testimony: { readonly spf: string; readonly dkim: readonly string[]; readonly dmarc: string }
  readonly reason: string | null
}

/** All of it. */
export interface AuthenticationEvidence {
  /**
   * `complete`; `temperror`: some result may change when asked again; `unavailable`: DNS is off; `too-large`: the message is over a
   * limit, only SPF was judged.
   */
  readonly outcome: 'complete' | 'temperror' | 'unavailable' | 'too-large'
  readonly spf: SpfEvidence
  readonly dkim: readonly DkimEvidence[]
  readonly dmarc: DmarcEvidence
  readonly arc: ArcEvidence
}

/** The best result over all signatures: `pass` if one passes; `none` without any. What rules know as `auth.dkim`. */
export function overallDkim(dkim: readonly DkimEvidence[]): AuthResult {
  for (const result of DKIM_ORDER) if (dkim.some((each) => each.result === result)) return result
  return 'none'
}

const DKIM_ORDER: readonly AuthResult[] = [
  'pass',
  'temperror',
  'fail',
  'policy',
  'neutral',
  'permerror',
  'unavailable',
]
