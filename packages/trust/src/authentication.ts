import { Readable } from 'node:stream'
import { formatPath, type Path } from '@restante/mail'
import type { ARCResult, DKIMResult, DKIMVerifyResult, SPFResult } from 'mailauth'
import type { Resolver } from './answer.ts'
import type {
  ArcEvidence,
  AuthenticationEvidence,
  AuthResult,
  DkimEvidence,
  DmarcEvidence,
  SpfEvidence,
} from './authentication-evidence.ts'
import { formatAuthenticationResults, plainText } from './authentication-results.ts'
import { canonicalIp } from './ip-address.ts'
import { type MessageResolver, mailauthParts, messageResolvers } from './mailauth-parts.ts'
import { AUTHENTICATION_LIMITS, type AuthenticationLimits, guardMessage } from './message-guard.ts'

/** Who is at the door, as far as SPF asks. */
export interface SpfQuestion {
  readonly resolver: Resolver
  /** Empty: no connection (`restante deliver`), and no result but `none`. */
  readonly clientIp: string
  readonly helo: string
  /** Null for `MAIL FROM:<>`: the HELO name is asked. */
  readonly reversePath: Path | null
  /** Our own name; also the authserv-id. */
  readonly hostname: string
  /** All must be said within this. Default 8,000. */
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
}

/** A message to authenticate. */
export interface MailQuestion extends SpfQuestion {
  /** The message as received, our own header lines not yet put before it. Chunks must stay valid until the answer. */
  readonly octets: Uint8Array | AsyncIterable<Uint8Array>
  /** SPF's answer, where it has been asked at MAIL already. */
  readonly spf?: SpfEvidence
  readonly limits?: Partial<AuthenticationLimits>
}

/** What came out: plain values only, so it passes between threads. */
export interface Authentication extends AuthenticationEvidence {
  /** The Authentication-Results field for this message, CRLF included. */
  readonly fields: string
}

const DEADLINE_MS = 8_000

/** Loads what {@link authenticateMail} needs, so that the first mail does not wait for it. */
export function prepareAuthentication(): void {
  mailauthParts()
}

/**
 * Asks SPF (RFC 7208) about a client: 10 lookups, 2 void ones. Needs no message, so it can be asked at MAIL. Never throws;
 * what could not be found out in time is `temperror`.
 */
export async function checkSpf(question: SpfQuestion): Promise<SpfEvidence> {
  const signal = deadline(question)
  const resolver = messageResolvers(question.resolver, signal)
  return await askSpf(question, resolver(), signal)
}

/**
 * Asks SPF, DKIM, DMARC and ARC about a message, all within `deadlineMs`. Never throws; what could not be found out in time is
 * `temperror`, and a message over the limits gets SPF alone.
 */
export async function authenticateMail(question: MailQuestion): Promise<Authentication> {
  const signal = deadline(question)
  const evidence = await gather(question, signal)
  return { ...evidence, fields: formatAuthenticationResults(question.hostname, evidence) }
}

function deadline({ signal, deadlineMs = DEADLINE_MS }: SpfQuestion): AbortSignal {
  const time = AbortSignal.timeout(deadlineMs)
  return signal === undefined ? time : AbortSignal.any([signal, time])
}

async function gather(question: MailQuestion, signal: AbortSignal): Promise<AuthenticationEvidence> {
  const { resolver, limits } = question
  const identity = spfIdentity(question)
  if (!resolver.available)
    return {
      outcome: 'unavailable',
      spf: question.spf ?? { ...identity, result: 'unavailable', lookups: 0, reason: null },
      dkim: [],
      dmarc: noDmarc('unavailable', null),
      arc: noArc('unavailable', null),
    }
  const resolvers = messageResolvers(resolver, signal)
  const spfAnswer = question.spf ?? askSpf(question, resolvers(), signal)
  try {
    const guarded = await guardMessage(question.octets, { ...AUTHENTICATION_LIMITS, ...limits }, signal)
    if ('tooLarge' in guarded) {
      const reason = guarded.tooLarge
      return {
        outcome: 'too-large',
        spf: await spfAnswer,
        dkim: [],
        dmarc: noDmarc('permerror', reason),
        arc: noArc('permerror', reason),
      }
    }
    const { dkimVerify, arc, evaluateDmarc } = mailauthParts()
    const dkimResolver = resolvers()
    const verified = await dkimVerify(Readable.from(guarded.octets), {
      resolver: dkimResolver.ask,
      sender: identity.domain,
      rejectRsaSha1: true,
    })
    const spf = await spfAnswer
    const arcResolver = resolvers()
    const chain = verified.arc
    const arcAnswer = chain === undefined ? null : await arc(chain as never, { resolver: arcResolver.ask })
    const dmarcResolver = resolvers()
    const passed = verified.results.filter((each) => each.status.result === 'pass')
    const { response, reason, dkimAligned } = await evaluateDmarc({
      headerFrom: verified.headerFrom,
      fromFields: verified.fromFields,
      spfDomains: spf.result === 'pass' ? [spf.domain] : [],
      dkimDomains: passed.flatMap(({ id, signingDomain, status }) =>
        signingDomain === undefined || id === undefined
          ? []
          : [{ id, domain: signingDomain, ...(status.underSized ? { underSized: status.underSized } : {}) }],
      ),
      resolver: dmarcResolver.ask,
    })
    const dkim = signatures(verified, dkimAligned)
    const dmarc = readDmarc(response, reason, verified.headerFrom.length > 0 || verified.fromFields > 0)
    const arcEvidence = readArc(arcAnswer, arcResolver.failed)
    const temporary = [spf, dmarc, arcEvidence, ...dkim].some((each) => each.result === 'temperror')
    return { outcome: temporary ? 'temperror' : 'complete', spf, dkim, dmarc, arc: arcEvidence }
  } catch (error) {
    const reason = plainText(error instanceof Error ? error.message : String(error), 200)
    return {
      outcome: 'temperror',
      spf: await spfAnswer,
      dkim: [],
      dmarc: noDmarc('temperror', reason),
      arc: noArc('temperror', reason),
    }
  }
}

function spfIdentity({ reversePath, helo }: SpfQuestion): Pick<SpfEvidence, 'identity' | 'domain'> {
  const domain = reversePath === null ? helo : reversePath.domain
  return {
    identity: reversePath === null ? 'helo' : 'mailfrom',
    domain: plainText(domain.toLowerCase(), 253),
  }
}

async function askSpf(
  question: SpfQuestion,
  resolver: MessageResolver,
  signal: AbortSignal,
): Promise<SpfEvidence> {
  const identity = spfIdentity(question)
  const { clientIp, helo, reversePath, hostname } = question
  if (clientIp === '') return { ...identity, result: 'none', lookups: 0, reason: null }
  if (!question.resolver.available) return { ...identity, result: 'unavailable', lookups: 0, reason: null }
  try {
    const answer = await mailauthParts().spf({
      resolver: resolver.ask,
      sender: reversePath === null ? '' : formatPath(reversePath),
      ip: canonicalIp(clientIp) ?? clientIp,
      helo,
      mta: hostname,
    })
    return readSpf(answer, identity.identity, signal)
  } catch (error) {
    const reason = plainText(error instanceof Error ? error.message : String(error), 200)
    return { ...identity, result: 'temperror', lookups: 0, reason }
  }
}

const RESULTS: ReadonlySet<string> = new Set<AuthResult>([
  'pass',
  'fail',
  'softfail',
  'neutral',
  'none',
  'policy',
  'temperror',
  'permerror',
])

function toResult(text: string): AuthResult {
  return RESULTS.has(text) ? (text as AuthResult) : 'permerror'
}

function readSpf(answer: SPFResult, identity: SpfEvidence['identity'], signal: AbortSignal): SpfEvidence {
  const result = toResult(answer.status.result)
  const error = result === 'temperror' || result === 'permerror'
  // mailauth's comment: "HOST: permanent error in processing during lookup of SENDER: WHY".
  const why = /during lookup of .*?: (.*)$/s.exec(answer.status.comment ?? '')?.[1] ?? 'cannot be evaluated'
  return {
    result,
    identity,
    domain: plainText(answer.domain, 253),
    lookups: answer.lookups?.count ?? 0,
    reason: error ? plainText(signal.aborted ? 'time was up' : why, 200) : null,
  }
}

function signatures(
  verified: DKIMVerifyResult,
  dkimAligned: ReadonlySet<string> | undefined,
): readonly DkimEvidence[] {
  return verified.results
    .filter((each) => each.signingDomain !== undefined)
    .map((each) => readSignature(each, dkimAligned))
}

function readSignature(each: DKIMResult, dkimAligned: ReadonlySet<string> | undefined): DkimEvidence {
  const { status, signingDomain = '', bodyHash, bodyHashExpecting } = each
  // mailauth says neutral to a body that was changed; RFC 8601 §2.7.1 calls that fail.
  const changed = status.result === 'neutral' && bodyHash !== undefined && bodyHash !== bodyHashExpecting
  const result = changed ? 'fail' : toResult(status.result)
  const domain = signingDomain.toLowerCase().replace(/\.$/, '')
  const rule = status.policy?.['dkim-rules']
  const reason = status.comment ?? (rule === undefined ? result : rule.replace('-', ' '))
  return {
    result,
    domain: plainText(domain, 253),
    selector: plainText(each.selector ?? '', 253),
    algorithm: plainText(each.algo ?? '', 40),
    aligned:
      result === 'pass' && dkimAligned !== undefined ? dkimAligned.has(domain) : Boolean(status.aligned),
    keyBits: each.modulusLength ?? null,
    unsignedOctets: status.underSized ?? 0,
    testing: status.testing === true,
    signature: plainText(each.signature ?? '', 200).slice(0, 8),
    reason: result === 'pass' ? null : plainText(reason, 200),
  }
}

const NO_AUTHOR: Readonly<Record<string, string>> = {
  'no-author-domain': 'no author address in From',
  'multiple-author-domains': 'authors of several domains in From',
  'invalid-author-domain': 'an author address without a domain',
  'multiple-from-fields': 'several From fields',
}

function readDmarc(
  response: Awaited<ReturnType<ReturnType<typeof mailauthParts>['evaluateDmarc']>>['response'],
  reason: string | undefined,
  hasFrom: boolean,
): DmarcEvidence {
  if (response === false)
    return noDmarc('permerror', hasFrom ? (NO_AUTHOR[reason ?? ''] ?? 'no author') : 'no From field')
  const { status, policy, policyDomain, alignment, testMode, error } = response as typeof response & {
    error?: string
  }
  const result = toResult(status.result)
  const alignedBy: ('spf' | 'dkim')[] = []
  if (alignment?.spf?.result) alignedBy.push('spf')
  if (alignment?.dkim?.result) alignedBy.push('dkim')
  return {
    result,
    domain: plainText(status.header?.from ?? '', 253),
    policyDomain: plainText(policyDomain ?? '', 253),
    policy: policy === 'none' || policy === 'quarantine' || policy === 'reject' ? policy : null,
    testMode: testMode === true,
    alignedBy,
    reason: result === 'temperror' ? plainText(error ?? 'DNS failed', 200) : null,
  }
}

function noDmarc(result: AuthResult, reason: string | null): DmarcEvidence {
  return { result, domain: '', policyDomain: '', policy: null, testMode: false, alignedBy: [], reason }
}

function noArc(result: AuthResult, reason: string | null): ArcEvidence {
  return { result, instance: 0, sealer: '', testimony: { spf: '', dkim: [], dmarc: '' }, reason }
}

function readArc(answer: ARCResult | null, failed: boolean): ArcEvidence {
  if (answer === null) return noArc('none', null)
  const signature = answer.signature === false ? undefined : answer.signature
  const temporary = answer.status.result === 'fail' && (failed || signature?.status.result === 'temperror')
  const result = temporary ? 'temperror' : toResult(answer.status.result)
  const said: Readonly<Record<string, unknown>> =
    result === 'pass' && answer.authenticationResults ? answer.authenticationResults : {}
  const dkim = Array.isArray(said['dkim']) ? said['dkim'].slice(0, 8) : []
  return {
    result,
    instance: typeof answer.i === 'number' ? answer.i : 0,
    sealer: plainText(signature?.signingDomain ?? '', 253).toLowerCase(),
    testimony: {
      spf: saidResult(said['spf']),
      dkim: dkim.map(saidResult),
      dmarc: saidResult(said['dmarc']),
    },
    reason: result === 'fail' || temporary ? plainText(answer.status.comment ?? 'DNS failed', 200) : null,
  }
}

function saidResult(said: unknown): string {
  const { result } = (said ?? {}) as { result?: unknown }
  return typeof result === 'string' ? plainText(result, 20) : ''
}
