import type { Features } from './features.ts'
import { fisherLogOdds, isDeciding, MAX_DECIDING, tokenProbability } from './fisher.ts'
import { TokenTable } from './token-table.ts'
import { LogisticWeights } from './weights.ts'

export type Label = 'ham' | 'spam'

/** One token that spoke: its text, its probability of spam, how many messages it was learned from. */
export type Evidence = readonly [token: string, probability: number, count: number]

export interface Classification {
  /** Calibrated probability that the message is spam, 0 to 1. */
  readonly probability: number
  /** Natural log of the odds, calibrated: `ln(p / (1 - p))`; finer than `probability` near 0 and 1. */
  readonly logOdds: number
  /** Whether enough is known, of mail in general and of this message, to act on `probability`. */
  readonly significant: boolean
  /** How far training has come, 0 to 1; `probability` is already drawn towards 0.5 by it. */
  readonly weight: number
  /** The tokens that decided, strongest first, at most 15; empty where the features carry no texts. */
  readonly evidence: readonly Evidence[]
  /** Distinct tokens of the message, and those of them that were ever learned. */
  readonly tokens: number
  readonly knownTokens: number
  /** Log-odds of the three judges before fusion. */
  readonly judges: { readonly counts: number; readonly tokens: number; readonly grams: number }
}

export interface ModelCounts {
  readonly ham: number
  readonly spam: number
}

export interface LearnOptions {
  /** Days since 1970 at which the message was learned; kept per token for {@link Model.expire}. */
  readonly day?: number
}

/** What {@link import('./codec.ts').encodeModel} stores. */
export interface ModelState {
  readonly tokens: TokenTable
  readonly tokenWeights: LogisticWeights
  readonly gramWeights: LogisticWeights
  ham: number
  spam: number
}

export interface Model {
  /** Messages learned. */
  readonly counts: ModelCounts
  /** How far training has come, 0 to 1, and in words: `weight 35 %: 162 spam / 5 good learned`. */
  readonly weight: number
  describe(): string
  classify(features: Features): Classification
  /** Learns one message. Learning it twice counts it twice: once-only is the journal's job. */
  learn(features: Features, label: Label, options?: LearnOptions): void
  /** Takes back one earlier {@link learn} with the same label: counts exactly, weights by the inverse step. */
  unlearn(features: Features, label: Label): void
  /** Drops tokens seen once, last before `day`. */
  expire(day: number): void
  /** For the codec. */
  readonly state: ModelState
}

const TOKEN_RATE = 0.5
const GRAM_RATE = 0.2
const MAX_EVIDENCE = 15
/** Messages of the rarer class from which the model has its full weight. */
const FULL_WEIGHT = 100

function clip(value: number, bound: number): number {
  return value > bound ? bound : value < -bound ? -bound : value
}

export function newState(): ModelState {
  return {
    tokens: new TokenTable(),
    tokenWeights: new LogisticWeights(TOKEN_RATE),
    gramWeights: new LogisticWeights(GRAM_RATE),
    ham: 0,
    spam: 0,
  }
}

/** An empty model, or one over a decoded state. Deterministic: the same calls give the same model. */
export function createModel(state: ModelState = newState()): Model {
  const weightNow = (): number => {
    const rarer = Math.min(state.ham, state.spam)
    return rarer <= 0 ? 0 : Math.min(1, Math.log(1 + rarer) / Math.log(1 + FULL_WEIGHT))
  }

  return {
    state,
    get counts(): ModelCounts {
      return { ham: state.ham, spam: state.spam }
    },
    get weight(): number {
      return weightNow()
    },
    describe(): string {
      return `weight ${Math.round(weightNow() * 100)} %: ${state.spam} spam / ${state.ham} good learned`
    },

    classify(features): Classification {
      const { tokens, texts } = features
      const found: { readonly index: number; readonly probability: number; readonly count: number }[] = []
      let known = 0
      for (let i = 0; i < tokens.length; i += 2) {
        const slot = state.tokens.find(tokens[i] as number, tokens[i + 1] as number)
        if (slot < 0) continue
        const ham = state.tokens.ham(slot)
        const spam = state.tokens.spam(slot)
        if (ham + spam === 0) continue
        known++
        const probability = tokenProbability(ham, spam, state.ham, state.spam)
        if (isDeciding(probability)) found.push({ index: i >> 1, probability, count: ham + spam })
      }
      found.sort((a, b) => Math.abs(b.probability - 0.5) - Math.abs(a.probability - 0.5) || a.index - b.index)
      if (found.length > MAX_DECIDING) found.length = MAX_DECIDING

      const counts = fisherLogOdds(found.map(({ probability }) => probability))
      const tokenOdds = state.tokenWeights.score(tokens, 2)
      const gramOdds = state.gramWeights.score(features.grams, 1)
      const weight = weightNow()
      const logOdds = weight * (clip(counts, 40) / 10 + clip(tokenOdds, 20) / 2 + clip(gramOdds, 20) / 2)
      return {
        probability: 1 / (1 + Math.exp(-logOdds)),
        logOdds,
        significant: weight >= 0.3 && known >= 8 && Math.abs(logOdds) >= 1,
        weight,
        evidence:
          texts === null
            ? []
            : found
                .slice(0, MAX_EVIDENCE)
                .map(({ index, probability, count }) => [texts[index] as string, probability, count]),
        tokens: tokens.length / 2,
        knownTokens: known,
        judges: { counts, tokens: tokenOdds, grams: gramOdds },
      }
    },

    learn(features, label, options = {}): void {
      const spam = label === 'spam' ? 1 : 0
      const { tokens, grams } = features
      for (let i = 0; i < tokens.length; i += 2) {
        state.tokens.add(tokens[i] as number, tokens[i + 1] as number, 1 - spam, spam, options.day ?? 0)
      }
      state.tokenWeights.learn(tokens, 2, spam)
      state.gramWeights.learn(grams, 1, spam)
      if (spam === 1) state.spam++
      else state.ham++
    },

    unlearn(features, label): void {
      const spam = label === 'spam' ? 1 : 0
      const { tokens, grams } = features
      for (let i = 0; i < tokens.length; i += 2) {
        state.tokens.add(tokens[i] as number, tokens[i + 1] as number, spam - 1, -spam, 0)
      }
      state.gramWeights.unlearn(grams, 1, spam)
      state.tokenWeights.unlearn(tokens, 2, spam)
      if (spam === 1) state.spam = Math.max(0, state.spam - 1)
      else state.ham = Math.max(0, state.ham - 1)
    },

    expire(day): void {
      state.tokens.expire(day)
    },
  }
}
