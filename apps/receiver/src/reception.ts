import type { Destination, RecipientResolver } from '@restante/accounts'
import {
  type Judged,
  type JudgeFailure,
  type JudgePool,
  type MailChecks,
  type MailEvidence,
  prefixSubject,
  resolveThresholds,
  verdictFields,
  verdictLine,
  withEvidence,
} from '@restante/filter'
import {
  cleanMessage,
  disposeByScore,
  type Envelope,
  fillReply,
  formatPath,
  type Path,
  REPLIES,
  type Reply,
  traceFields,
  utf8Octets,
  type Verdict,
} from '@restante/mail'
import {
  type CopyOrder,
  type CopyOutcome,
  type MaildropStore,
  QUARANTINE,
  type Staged,
  StoreError,
} from '@restante/maildrop'
import { type Config, errorFields, type Log } from '@restante/runtime'
import type { DataHook } from '@restante/smtp'
import type { AskedEarly, Door } from './door.ts'
import { hasRoom } from './recipients.ts'

/** RFC 5321 §6.3: more Received fields than this are a loop. */
const HOPS_MAX = 100
/** What the judge is given of a message; a longer one is judged by its beginning. */
const JUDGED_MAX_OCTETS = 2_000_000

/** What receiving needs. */
export interface ReceptionParts {
  readonly store: MaildropStore
  readonly resolver: RecipientResolver
  /** Null: mail is not judged. */
  readonly pool: JudgePool | null
  /** Null: neither DNS nor clamd is asked. */
  readonly checks?: MailChecks | null
  readonly door?: Door | null
  config(): Config
  readonly log: Log
}

/** What is known of a message once it has been looked at. */
interface Findings {
  /** Null: it was not judged, because nobody asked for it. */
  readonly judged: Judged | JudgeFailure | null
  readonly evidence: MailEvidence | null
}

/** One copy to be: where it goes, for which recipient, and what was decided about it. */
interface Planned {
  readonly recipient: Path
  /** Index in the envelope of the recipient it answers for. */
  readonly answersFor: number[]
  readonly destination: Destination
  readonly verdict: Verdict | null
}

/** Takes mail data: cleaned, staged, judged, committed; the reply says 250 only when every octet is on disk. */
export function createReception(parts: ReceptionParts): DataHook {
  const { store, log, door = null } = parts
  return async (envelope, body, context) => {
    const config = parts.config()
    const message = await cleanMessage(body, config.hostname)
    if (message.hops > HOPS_MAX) return REPLIES['mail-loop']
    try {
      await using staged = await store.stage(message.octets)
      // What people here send after logging in is theirs to answer for.
      const findings =
        envelope.authenticatedAs === null
          ? await lookAt(staged, envelope, parts, door?.asked(context.session) ?? null)
          : NOTHING
      const { judged } = findings
      const { planned, failedFor } = await plan(envelope, parts, config, findings)
      if (planned.length === 0) return REPLIES['no-recipients']
      const refused = refusalOf(planned, config, findings)
      if (refused) {
        log.info('refused', {
          session: envelope.sessionId,
          reason: refused.reason,
          score: judgedScore(judged),
        })
        return refused
      }
      if (context.session.mode !== 'lmtp') {
        const late = await lateRefusal(envelope, planned, failedFor, store)
        if (late) return late
      }
      const orders = await Promise.all(
        planned.map((copy) => orderOf(copy, envelope, config, staged, findings)),
      )
      const outcomes = await staged.commit(envelope, orders)
      logOutcomes(log, envelope, planned, outcomes, staged.sizeOctets, message.removed)
      if (judged !== null && !('failed' in judged))
        for (const [i, { recipient, verdict }] of planned.entries())
          if (verdict?.disposition === 'accept' && 'stored' in (outcomes[i] as CopyOutcome))
            door?.accepted(envelope.reversePath, recipient)
      return replies(envelope, planned, outcomes, failedFor)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      log.error('store-failed', { session: envelope.sessionId, ...errorFields(error) })
      return error.code === 'disk-full' ? REPLIES['disk-full'] : REPLIES['store-failed']
    }
  }
}

const NOTHING: Findings = { judged: null, evidence: null }

/** Has a message judged and checked, side by side; both end within their deadline, and neither throws. */
async function lookAt(
  staged: Staged,
  envelope: Envelope,
  { pool, checks = null, log }: ReceptionParts,
  early: AskedEarly | null,
): Promise<Findings> {
  if (pool === null && checks === null) return NOTHING
  const whole = await staged.readWhole(JUDGED_MAX_OCTETS)
  const judging = pool === null ? null : judge(pool, whole ?? (await beginningOf(staged)), log, envelope)
  const { clientIp, helo, reversePath } = envelope
  const [judged, evidence] = await Promise.all([
    judging,
    checks?.check({
      whole,
      read: () => staged.read(),
      from: early === null || pool === null ? null : { clientIp, helo, reversePath, ...early },
      linkHosts: (judging ?? Promise.resolve(null)).then(hostsOf),
    }) ?? null,
  ])
  if (evidence !== null && evidence.skipped.length > 0)
    log.warn('not-checked', { session: envelope.sessionId, what: evidence.skipped.join(',') })
  return { judged, evidence }
}

function hostsOf(judged: Judged | JudgeFailure | null): readonly string[] {
  return judged === null || 'failed' in judged ? [] : (judged.linkHosts ?? [])
}

async function judge(
  pool: JudgePool,
  octets: Uint8Array,
  log: Log,
  envelope: Envelope,
): Promise<Judged | JudgeFailure> {
  const judged = await pool.judge(octets)
  if ('failed' in judged)
    log.error('not-judged', { session: envelope.sessionId, why: judged.failed, detail: judged.detail })
  return judged
}

async function beginningOf(staged: Staged): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of staged.read()) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= JUDGED_MAX_OCTETS) break
  }
  return Buffer.concat(chunks).subarray(0, JUDGED_MAX_OCTETS)
}

/** One copy for each maildrop the recipients lead to, with its own verdict; the same maildrop never gets two. */
async function plan(
  envelope: Envelope,
  parts: ReceptionParts,
  config: Config,
  findings: Findings,
): Promise<{ readonly planned: readonly Planned[]; readonly failedFor: ReadonlySet<number> }> {
  const planned = new Map<string, Planned>()
  const failedFor = new Set<number>()
  for (const [index, recipient] of envelope.recipients.entries()) {
    const found = await parts.resolver.resolve(recipient)
    // Accepted at RCPT, gone since.
    if (!('deliver' in found) || found.deliver.length === 0) {
      failedFor.add(index)
      continue
    }
    for (const destination of found.deliver) {
      const verdict = verdictFor(destination, config, findings)
      const folder = isHeld(verdict) ? QUARANTINE : destination.folder
      const key = `${destination.account.id} ${folder}`
      const before = planned.get(key)
      if (before) before.answersFor.push(index)
      else planned.set(key, { recipient, answersFor: [index], destination, verdict })
    }
  }
  return { planned: [...planned.values()], failedFor }
}

function verdictFor(
  destination: Destination,
  config: Config,
  { judged, evidence }: Findings,
): Verdict | null {
  const infected = evidence !== null && evidence.virus !== null
  if (judged === null && !infected) return null
  const { account } = destination
  const { thresholds, filter } = resolveThresholds(
    account.address,
    config.spam.thresholds,
    config.spam.overrides,
    account.thresholds,
  )
  // Who wants no judgement about spam has not asked for viruses.
  if (!filter && !infected) return null
  const content = contentOf(judged, evidence !== null)
  const { score, symbols, skipped } = evidence === null ? content : withEvidence(content, evidence)
  // Nothing was found out at all: delivered, whatever the thresholds say.
  if (judged !== null && 'failed' in judged && evidence === null)
    return { disposition: 'accept', score, threshold: thresholds.tag, symbols, skipped }
  const { disposition, threshold } = disposeByScore(score, thresholds)
  const held = infected && disposition !== 'reject'
  return { disposition: held ? 'quarantine' : disposition, threshold, score, symbols, skipped }
}

/** What judging the content came to, where it did not come to an end as well. */
function contentOf(
  judged: Judged | JudgeFailure | null,
  checked: boolean,
): Pick<Judged, 'score' | 'symbols' | 'skipped'> {
  if (judged === null) return { score: 0, symbols: [], skipped: ['content (filter off)'] }
  if (!('failed' in judged)) return judged
  return { score: 0, symbols: [], skipped: [`${checked ? 'content' : 'everything'} (${judged.failed})`] }
}

/** Whether a copy goes to the quarantine; what some would refuse is held where others take it. */
function isHeld(verdict: Verdict | null): verdict is Verdict {
  return verdict?.disposition === 'quarantine' || verdict?.disposition === 'reject'
}

/**
 * In SMTP one reply stands for all recipients. One who was there, or had room, at RCPT and has not now is told before
 * anything is stored: the sender comes again, and RCPT sorts it out. Said after the commit it would be lost or doubled.
 */
async function lateRefusal(
  envelope: Envelope,
  planned: readonly Planned[],
  failedFor: ReadonlySet<number>,
  store: MaildropStore,
): Promise<Reply | null> {
  if (failedFor.size > 0) return REPLIES['store-failed']
  // As the store counts: one message may overdraw.
  const rooms = await Promise.all(
    planned.map(({ destination }) => hasRoom(destination.account, 0, store.directory)),
  )
  for (const [index, recipient] of envelope.recipients.entries()) {
    const own = planned.map((copy, i) => copy.answersFor.includes(index) && rooms[i])
    if (!own.includes(true)) return fillReply(REPLIES['over-quota'], { address: formatPath(recipient) })
  }
  return null
}

/** A refusal only if every copy would be refused; otherwise those that would be are held instead. */
function refusalOf(planned: readonly Planned[], config: Config, { evidence }: Findings): Reply | null {
  if (!planned.every((copy) => copy.verdict?.disposition === 'reject')) return null
  const domain = planned[0]?.recipient.domain ?? config.hostname
  const virus = evidence?.virus ?? null
  if (virus !== null) return fillReply(REPLIES['malware-refused'], { virus, domain })
  const score = planned[0]?.verdict?.score ?? 0
  return fillReply(REPLIES['spam-refused'], { score: score.toFixed(1), domain })
}

async function orderOf(
  copy: Planned,
  envelope: Envelope,
  config: Config,
  staged: Staged,
  { judged, evidence }: Findings,
): Promise<CopyOrder> {
  const { destination, recipient } = copy
  const verdict: Verdict | null =
    copy.verdict?.disposition === 'reject' ? { ...copy.verdict, disposition: 'quarantine' } : copy.verdict
  const held = isHeld(verdict)
  const prefix =
    traceFields(envelope, recipient, config.hostname) +
    (verdict === null ? '' : verdictFields(verdict, config.hostname, evidence?.authenticationField ?? null))
  const splice =
    verdict?.disposition === 'tag' && config.spam.subjectPrefix !== null
      ? await subjectSplice(staged, config.spam.subjectPrefix)
      : null
  return {
    account: destination.account.id,
    folder: held ? QUARANTINE : destination.folder,
    prefix: utf8Octets(prefix),
    ...(splice === null ? {} : { splice }),
    ...(held
      ? {
          hold: {
            class: evidence !== null && evidence.virus !== null ? 'malware' : 'spam',
            reason: verdictLine(verdict),
            expiresAtMs: envelope.receivedAtMs + config.quarantine.keepMs,
          },
        }
      : {}),
    record: {
      receivedAtMs: envelope.receivedAtMs,
      clientIp: envelope.clientIp,
      helo: envelope.helo,
      reversePath: envelope.reversePath === null ? '' : formatPath(envelope.reversePath),
      recipient: formatPath(recipient),
      sizeOctets: staged.sizeOctets,
      ...describe(judged),
      verdict: verdict ?? {
        disposition: 'accept',
        score: 0,
        threshold: null,
        symbols: [],
        skipped: ['everything (filter off)'],
      },
    },
  }
}

function describe(judged: Judged | JudgeFailure | null): {
  from: string
  subject: string
  messageId: string
  attachments: Judged['attachments']
  spamProbability: number | null
  judgedBy: string
} {
  if (judged === null || 'failed' in judged) {
    return {
      from: '',
      subject: '',
      messageId: '',
      attachments: [],
      spamProbability: null,
      judgedBy: 'nobody',
    }
  }
  const { from, subject, messageId, attachments, spamProbability } = judged
  return { from, subject, messageId, attachments, spamProbability, judgedBy: 'bayes 1' }
}

const HEADER_LOOKED_AT_OCTETS = 65_536

async function subjectSplice(staged: Staged, prefix: string): Promise<ReturnType<typeof prefixSubject>> {
  for await (const chunk of staged.read())
    return prefixSubject(chunk.subarray(0, HEADER_LOOKED_AT_OCTETS), prefix)
  return null
}

/** One for each recipient, in order; in SMTP the engine takes the mildest. */
function replies(
  envelope: Envelope,
  planned: readonly Planned[],
  outcomes: readonly CopyOutcome[],
  failedFor: ReadonlySet<number>,
): readonly Reply[] {
  return envelope.recipients.map((recipient, index): Reply => {
    if (failedFor.has(index))
      return fillReply(REPLIES['unknown-recipient'], { address: formatPath(recipient) })
    const own = planned.flatMap((copy, i) =>
      copy.answersFor.includes(index) ? [outcomes[i] as CopyOutcome] : [],
    )
    const stored = own.find((outcome) => 'stored' in outcome)
    if (stored && 'stored' in stored) return fillReply(REPLIES.accepted, { id: stored.stored.id })
    return own.some((outcome) => 'failed' in outcome && outcome.failed === 'over-quota')
      ? fillReply(REPLIES['over-quota'], { address: formatPath(recipient) })
      : fillReply(REPLIES['unknown-recipient'], { address: formatPath(recipient) })
  })
}

function judgedScore(judged: Judged | JudgeFailure | null): number | null {
  return judged === null || 'failed' in judged ? null : judged.score
}

/** One summary line per stored copy. */
function logOutcomes(
  log: Log,
  envelope: Envelope,
  planned: readonly Planned[],
  outcomes: readonly CopyOutcome[],
  sizeOctets: number,
  removed: readonly string[],
): void {
  for (const [i, copy] of planned.entries()) {
    const outcome = outcomes[i] as CopyOutcome
    const about = {
      session: envelope.sessionId,
      from: envelope.reversePath === null ? '<>' : formatPath(envelope.reversePath),
      to: formatPath(copy.recipient),
      sizeOctets,
      verdict: copy.verdict?.disposition ?? 'unfiltered',
      score: copy.verdict?.score ?? null,
      removedFields: removed.length,
    }
    if ('stored' in outcome) log.info('stored', { ...about, id: outcome.stored.id })
    else log.warn('not-stored', { ...about, why: outcome.failed })
  }
}
