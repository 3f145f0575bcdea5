import { createHash } from 'node:crypto'
import { type Classification, extractFeatures, type Features, type Model } from '@restante/bayes'
import type { FiredSymbol } from '@restante/mail'
import { factsOf, lookDeep, type MessageFacts } from '@restante/message'
import { bayesSymbol } from './bayes-symbol.ts'
import type { Fold } from './folding.ts'
import type { MailEvidence } from './mail-checks.ts'

/** What judging one message's octets came to, before anyone's thresholds. Plain values: crosses threads. */
export interface Judged {
  readonly score: number
  readonly symbols: readonly FiredSymbol[]
  /** Checks that failed on this message, by name. */
  readonly skipped: readonly string[]
  /** 0 to 1, or null where the model knows nothing yet. */
  readonly spamProbability: number | null
  /** SHA-256 of the octets, hex: the same message taught twice is one lesson. */
  readonly hash: string
  readonly from: string
  readonly subject: string
  readonly messageId: string
  readonly attachments: readonly {
    readonly name: string
    readonly type: string
    readonly sizeOctets: number
  }[]
  readonly defects: readonly string[]
  /** Hosts the message links to, at most 100; for lists of domains. */
  readonly linkHosts?: readonly string[]
}

/** Defects after which our own walk may have seen less than a reader's program would show. */
const WORTH_A_DEEP_LOOK: ReadonlySet<string> = new Set([
  'bad-content-type',
  'no-boundary',
  'unclosed-multipart',
  'bad-base64',
  'unknown-encoding',
  'unknown-charset',
])
const DEEP_LOOK_MS = 1500
const DEEP_LOOK_MAX_OCTETS = 1_000_000
const TEXT_MAX_CHARACTERS = 100_000
const LINK_HOSTS_MAX = 100

/** The hash that names a message for learning. */
export function hashOf(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex')
}

/** Judges one message: facts, features, the classifier, symbols. */
export async function judgeMessage(octets: Uint8Array, model: Model, fold: Fold): Promise<Judged> {
  const { facts, features, skipped } = await readMessage(octets, fold)
  const classification = model.classify(features)
  const symbols: FiredSymbol[] = [bayesSymbol(classification, model.counts)]
  if (facts.defects.length > 0) {
    symbols.push({
      symbol: 'BROKEN_MAIL',
      score: 0,
      why: `not quite as mail should be: ${facts.defects.join(', ')}`,
      evidence: facts.defects,
    })
  }
  return {
    score: round(symbols.reduce((sum, symbol) => sum + symbol.score, 0)),
    symbols,
    skipped,
    spamProbability: knows(classification) ? classification.probability : null,
    hash: hashOf(octets),
    from: (facts.from?.name
      ? `${facts.from.name} <${facts.from.address}>`
      : (facts.from?.address ?? '')
    ).slice(0, 300),
    subject: facts.subject.slice(0, 300),
    messageId: facts.messageId.slice(0, 300),
    attachments: facts.attachments
      .slice(0, 50)
      .map(({ name, type, sizeOctets }) => ({ name: name.slice(0, 200), type, sizeOctets })),
    defects: facts.defects,
    linkHosts: [...new Set(facts.urls.filter(({ host }) => host !== '').map(({ host }) => host))].slice(
      0,
      LINK_HOSTS_MAX,
    ),
  }
}

/** What the classifier is given of a message: our own facts, and mailparser's second look where ours is in doubt. */
export async function readMessage(
  octets: Uint8Array,
  fold: Fold,
): Promise<{
  readonly facts: MessageFacts
  readonly features: Features
  readonly skipped: readonly string[]
}> {
  const facts = factsOf(octets)
  const skipped: string[] = []
  let document = facts
  if (
    octets.length <= DEEP_LOOK_MAX_OCTETS &&
    facts.defects.some((defect) => WORTH_A_DEEP_LOOK.has(defect))
  ) {
    const deep = await lookDeep(octets, { deadlineMs: DEEP_LOOK_MS })
    if ('failed' in deep) skipped.push(`deep look (${deep.failed})`)
    else if (deep.text.length > facts.text.length)
      document = { ...facts, text: deep.text.slice(0, TEXT_MAX_CHARACTERS) }
  }
  return { facts, features: extractFeatures(document, { fold }), skipped }
}

/** A judgement with what was found out beside it. */
export function withEvidence(
  judged: Pick<Judged, 'score' | 'symbols' | 'skipped'>,
  { symbols, skipped }: MailEvidence,
): Pick<Judged, 'score' | 'symbols' | 'skipped'> {
  return {
    score: round(judged.score + symbols.reduce((sum, symbol) => sum + symbol.score, 0)),
    symbols: [...judged.symbols, ...symbols],
    skipped: [...judged.skipped, ...skipped],
  }
}

function knows(classification: Classification): boolean {
  return classification.weight > 0
}

function round(score: number): number {
  return Math.round(score * 10) / 10
}
