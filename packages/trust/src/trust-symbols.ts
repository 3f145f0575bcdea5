import type { FiredSymbol } from '@restante/mail'
import {
  type ArcEvidence,
  type AuthenticationEvidence,
  type AuthResult,
  type DkimEvidence,
  type DmarcEvidence,
  overallDkim,
  type SpfEvidence,
} from './authentication-evidence.ts'
import type { VirusScan } from './clamd.ts'
import { type ListEvidence, listSymbols } from './list-lookup.ts'
import type { MailAcceptance, ReverseEvidence } from './reverse-name.ts'

/** All that was found out about a mail; what is left out was not asked. */
export interface TrustEvidence {
  readonly authentication?: AuthenticationEvidence
  /** The client's name. */
  readonly reverse?: ReverseEvidence
  /** Whether the reverse-path's domain takes mail, with that domain. */
  readonly sender?: { readonly domain: string; readonly acceptance: MailAcceptance }
  readonly lists?: readonly ListEvidence[]
  readonly virus?: VirusScan
}

/** How evidence counts. */
export interface TrustSettings {
  /** Points that differ from {@link TRUST_SCORES}; 0 shows a symbol without points. */
  readonly scores?: Partial<Readonly<Record<TrustSymbol, number>>>
  /**
   * Domains whose ARC seal is believed (mailing lists, forwarders of ours): mail that passed DMARC when they got it is not held
   * against them. Lower case.
   */
  readonly trustedSealers?: readonly string[]
}

/** Names of symbols, besides `RBL_` and a list's name. */
export type TrustSymbol =
  | 'SPF_PASS'
  | 'SPF_FAIL'
  | 'SPF_SOFTFAIL'
  | 'SPF_NEUTRAL'
  | 'SPF_NONE'
  | 'SPF_PERMERROR'
  | 'SPF_TEMPERROR'
  | 'DKIM_ALIGNED'
  | 'DKIM_VALID'
  | 'DKIM_INVALID'
  | 'DKIM_NONE'
  | 'DKIM_TEMPERROR'
  | 'DKIM_BODY_UNSIGNED'
  | 'DMARC_PASS'
  | 'DMARC_REJECT'
  | 'DMARC_QUARANTINE'
  | 'DMARC_FAIL'
  | 'DMARC_NONE'
  | 'DMARC_TEMPERROR'
  | 'DMARC_FORWARDED'
  | 'AUTHOR_UNCLEAR'
  | 'AUTH_TOO_LARGE'
  | 'ARC_VALID'
  | 'ARC_INVALID'
  | 'NO_REVERSE_NAME'
  | 'REVERSE_NAME_FORGED'
  | 'GENERIC_REVERSE_NAME'
  | 'SENDER_TAKES_NO_MAIL'
  | 'SENDER_NO_HOST'
  | 'SENDER_NO_DOMAIN'
  | 'VIRUS_FOUND'
  | 'VIRUS_NOT_SCANNED'

/** Points where nobody says otherwise, for thresholds of 6 (tag), 9 (quarantine), 18 (reject). */
export const TRUST_SCORES: Readonly<Record<TrustSymbol, number>> = {
  SPF_PASS: -0.1,
  SPF_FAIL: 2.5,
  SPF_SOFTFAIL: 1,
  SPF_NEUTRAL: 0.3,
  SPF_NONE: 0.4,
  SPF_PERMERROR: 0.5,
  SPF_TEMPERROR: 0,
  DKIM_ALIGNED: -0.3,
  DKIM_VALID: -0.1,
  DKIM_INVALID: 0.8,
  DKIM_NONE: 0.3,
  DKIM_TEMPERROR: 0,
  DKIM_BODY_UNSIGNED: 2,
  DMARC_PASS: -0.5,
  DMARC_REJECT: 6,
  DMARC_QUARANTINE: 4,
  DMARC_FAIL: 1,
  DMARC_NONE: 0.2,
  DMARC_TEMPERROR: 0,
  DMARC_FORWARDED: 0,
  AUTHOR_UNCLEAR: 3,
  AUTH_TOO_LARGE: 1.5,
  ARC_VALID: 0,
  ARC_INVALID: 0.3,
  NO_REVERSE_NAME: 2,
  REVERSE_NAME_FORGED: 1.5,
  GENERIC_REVERSE_NAME: 1.2,
  SENDER_TAKES_NO_MAIL: 3,
  SENDER_NO_HOST: 2.5,
  SENDER_NO_DOMAIN: 5,
  VIRUS_FOUND: 50,
  VIRUS_NOT_SCANNED: 0,
}

interface Found {
  readonly symbol: TrustSymbol
  readonly why: string
  readonly evidence?: readonly string[]
}

/** Turns evidence into symbols with points and sentences: a total function of what it is given. */
export function trustSymbols(found: TrustEvidence, settings: TrustSettings = {}): readonly FiredSymbol[] {
  const scores = { ...TRUST_SCORES, ...settings.scores }
  const { authentication, reverse, sender, lists = [], virus } = found
  const all = [
    ...(authentication === undefined
      ? []
      : authenticationFound(authentication, settings.trustedSealers ?? [])),
    ...(reverse === undefined ? [] : reverseFound(reverse)),
    ...(sender === undefined ? [] : senderFound(sender.domain, sender.acceptance)),
    ...(virus === undefined ? [] : virusFound(virus)),
  ]
  return [...all.map((each) => ({ ...each, score: scores[each.symbol] })), ...lists.flatMap(listSymbols)]
}

/** Names of checks that did not come to an end, for the verdict's `skipped`: the mail goes on, marked. */
export function trustSkipped(found: TrustEvidence): readonly string[] {
  const { authentication, reverse, sender, lists = [], virus } = found
  const skipped: string[] = []
  if (authentication !== undefined) {
    const { spf, dkim, dmarc, arc } = authentication
    const results: readonly (readonly [string, AuthResult])[] = [
      ['spf', spf.result],
      ['dkim', overallDkim(dkim)],
      ['dmarc', dmarc.result],
      ['arc', arc.result],
    ]
    for (const [name, result] of results) if (result === 'temperror') skipped.push(name)
  }
  if (reverse?.result === 'temperror') skipped.push('reverse-name')
  if (sender?.acceptance.result === 'temperror') skipped.push('sender-domain')
  for (const { zone } of lists.flatMap((each) => each.skipped)) skipped.push(`list:${zone}`)
  if (virus?.result === 'unavailable') skipped.push('virus')
  return [...new Set(skipped)]
}

/** What rules know as `auth.spf`, `auth.dkim`, `auth.dmarc`, `auth.arc`; `none` where nobody was asked. */
export interface AuthFacts {
  readonly spf: string
  readonly dkim: string
  readonly dmarc: string
  readonly arc: string
}

/** The facts of an authentication. */
export function authFacts({ spf, dkim, dmarc, arc }: AuthenticationEvidence): AuthFacts {
  const say = (result: AuthResult): string => (result === 'unavailable' ? 'none' : result)
  return {
    spf: say(spf.result),
    dkim: say(overallDkim(dkim)),
    dmarc: say(dmarc.result),
    arc: say(arc.result),
  }
}

function authenticationFound(
  { outcome, spf, dkim, dmarc, arc }: AuthenticationEvidence,
  trustedSealers: readonly string[],
): readonly Found[] {
  const found = spfFound(spf)
  if (outcome === 'unavailable') return found
  if (outcome === 'too-large')
    return [...found, { symbol: 'AUTH_TOO_LARGE', why: `DKIM and DMARC were not judged: ${dmarc.reason}.` }]
  const vouched =
    arc.result === 'pass' && arc.testimony.dmarc === 'pass' && trustedSealers.includes(arc.sealer)
  return [...found, ...dkimFound(dkim), ...dmarcFound(dmarc, vouched ? arc.sealer : null), ...arcFound(arc)]
}

function spfFound({ result, domain, identity, reason }: SpfEvidence): readonly Found[] {
  const whose = identity === 'helo' ? `${domain} (its HELO name)` : domain
  switch (result) {
    case 'pass':
      return [{ symbol: 'SPF_PASS', why: `The client may send for ${whose}.` }]
    case 'fail':
      return [{ symbol: 'SPF_FAIL', why: `${whose} says that this client may not send for it.` }]
    case 'softfail':
      return [{ symbol: 'SPF_SOFTFAIL', why: `${whose} says that this client probably may not send for it.` }]
    case 'neutral':
      return [{ symbol: 'SPF_NEUTRAL', why: `${whose} does not say whether this client may send for it.` }]
    case 'none':
      return domain === '' ? [] : [{ symbol: 'SPF_NONE', why: `${whose} does not say who may send for it.` }]
    case 'permerror':
    case 'policy':
      return [{ symbol: 'SPF_PERMERROR', why: `The SPF record of ${whose} is broken: ${reason}.` }]
    case 'temperror':
      return [{ symbol: 'SPF_TEMPERROR', why: `The SPF record of ${whose} could not be had: ${reason}.` }]
    case 'unavailable':
      return []
  }
}

function dkimFound(dkim: readonly DkimEvidence[]): readonly Found[] {
  if (dkim.length === 0) return [{ symbol: 'DKIM_NONE', why: 'The mail is not signed.' }]
  const evidence = dkim.map(({ domain, result, reason }) => `${domain}: ${reason ?? result}`)
  const good =
    dkim.find((each) => each.result === 'pass' && each.aligned) ?? dkim.find((each) => each.result === 'pass')
  if (good === undefined) {
    const [first] = dkim as readonly [DkimEvidence]
    return overallDkim(dkim) === 'temperror'
      ? [
          {
            symbol: 'DKIM_TEMPERROR',
            why: 'A key could not be had, so the signature was not checked.',
            evidence,
          },
        ]
      : [
          {
            symbol: 'DKIM_INVALID',
            why: `The signature of ${first.domain} does not hold: ${first.reason}.`,
            evidence,
          },
        ]
  }
  const found: Found[] = [
    good.aligned
      ? { symbol: 'DKIM_ALIGNED', why: `Signed by ${good.domain}, the author's domain.`, evidence }
      : { symbol: 'DKIM_VALID', why: `Signed by ${good.domain}.`, evidence },
  ]
  const whole = dkim.some((each) => each.result === 'pass' && each.unsignedOctets === 0)
  if (!whole)
    found.push({
      symbol: 'DKIM_BODY_UNSIGNED',
      why: `The last ${good.unsignedOctets} octets are not signed: anybody could have added them.`,
    })
  return found
}

function dmarcFound(dmarc: DmarcEvidence, vouchedBy: string | null): readonly Found[] {
  const { result, domain, policy, reason } = dmarc
  if (result === 'pass') return [{ symbol: 'DMARC_PASS', why: `${domain} stands behind this mail.` }]
  if (result === 'none')
    return [{ symbol: 'DMARC_NONE', why: `${domain} does not say what to make of forged mail.` }]
  if (result === 'temperror')
    return [
      {
        symbol: 'DMARC_TEMPERROR',
        why: `Whether ${domain || 'the author'} stands behind this mail could not be found out: ${reason}.`,
      },
    ]
  if (result === 'permerror')
    return [{ symbol: 'AUTHOR_UNCLEAR', why: `Nobody can stand behind this mail: ${reason}.` }]
  if (result !== 'fail') return []
  if (vouchedBy !== null)
    return [
      {
        symbol: 'DMARC_FORWARDED',
        why: `${vouchedBy} testifies that ${domain} stood behind this mail before it was forwarded.`,
      },
    ]
  if (policy === 'reject')
    return [
      {
        symbol: 'DMARC_REJECT',
        why: `${domain} does not stand behind this mail, and wants such mail refused.`,
      },
    ]
  if (policy === 'quarantine')
    return [
      {
        symbol: 'DMARC_QUARANTINE',
        why: `${domain} does not stand behind this mail, and wants such mail held.`,
      },
    ]
  return [{ symbol: 'DMARC_FAIL', why: `${domain} does not stand behind this mail.` }]
}

function arcFound({ result, sealer, instance, reason }: ArcEvidence): readonly Found[] {
  if (result === 'pass')
    return [{ symbol: 'ARC_VALID', why: `Forwarded and sealed by ${sealer} (${instance}).` }]
  if (result === 'fail')
    return [{ symbol: 'ARC_INVALID', why: `The forwarders' seals do not hold: ${reason}.` }]
  return []
}

function reverseFound(reverse: ReverseEvidence): readonly Found[] {
  switch (reverse.result) {
    case 'none':
      return [{ symbol: 'NO_REVERSE_NAME', why: 'The client has no name.' }]
    case 'unconfirmed':
      return [
        {
          symbol: 'REVERSE_NAME_FORGED',
          why: `The client calls itself ${reverse.names[0]}, which does not know it.`,
          evidence: reverse.names,
        },
      ]
    case 'confirmed':
      return reverse.generic
        ? [
            {
              symbol: 'GENERIC_REVERSE_NAME',
              why: `The client's name, ${reverse.name}, is made from its address, like a home line's.`,
            },
          ]
        : []
    case 'private':
    case 'temperror':
    case 'unavailable':
      return []
  }
}

function senderFound(domain: string, acceptance: MailAcceptance): readonly Found[] {
  switch (acceptance.result) {
    case 'null-mx':
      return [
        {
          symbol: 'SENDER_TAKES_NO_MAIL',
          why: `${domain} says that it takes no mail, so nobody can answer.`,
        },
      ]
    case 'no-host':
      return [{ symbol: 'SENDER_NO_HOST', why: `${domain} has no host for mail, so nobody can answer.` }]
    case 'no-domain':
      return [{ symbol: 'SENDER_NO_DOMAIN', why: `${domain} does not exist.` }]
    case 'yes':
    case 'temperror':
    case 'unavailable':
      return []
  }
}

function virusFound(virus: VirusScan): readonly Found[] {
  switch (virus.result) {
    case 'clean':
      return []
    case 'infected':
      return [{ symbol: 'VIRUS_FOUND', why: `It carries ${virus.virus}.`, evidence: [virus.virus] }]
    case 'unavailable':
      return [{ symbol: 'VIRUS_NOT_SCANNED', why: `It was not scanned for viruses: ${virus.why}.` }]
  }
}
