import type { Label } from './ours.ts'

/** One scored message. */
export interface Outcome {
  readonly label: Label
  readonly called: 'spam' | 'ham' | 'unsure'
  readonly score: number
}

/** Percentages, as the TREC spam track has them. */
export interface Figures {
  readonly messages: number
  /** "unsure" counts as not spam. */
  readonly accuracy: number
  /** Ham called spam, of all ham. */
  readonly hm: number
  /** Spam not called spam, of all spam. */
  readonly sm: number
  /** Logistic average of hm and sm; no error counts as half a one. */
  readonly lam: number
  /** 100 * (1 - area under the ROC curve). */
  readonly oneMinusRoca: number
  /** Spam missed at the threshold that lets at most one ham in a thousand through as spam. */
  readonly smAtHm01: number
  readonly unsure: number
}

function logit(p: number): number {
  return Math.log(p / (1 - p))
}

/** 100 * (1 - AUC); tied scores count half. */
export function oneMinusRoca(outcomes: readonly Outcome[]): number {
  const sorted = [...outcomes].sort((a, b) => a.score - b.score)
  let rankSum = 0
  let spam = 0
  for (let i = 0; i < sorted.length; ) {
    let j = i
    while (j < sorted.length && sorted[j]?.score === sorted[i]?.score) j++
    for (let k = i; k < j; k++) {
      if (sorted[k]?.label === 'spam') {
        rankSum += (i + j + 1) / 2
        spam++
      }
    }
    i = j
  }
  const ham = sorted.length - spam
  if (spam === 0 || ham === 0) return Number.NaN
  return 100 * (1 - (rankSum - (spam * (spam + 1)) / 2) / (spam * ham))
}

/** Spam missed, in %, at the lowest threshold that calls at most `share` of the ham spam. */
export function missedAt(outcomes: readonly Outcome[], share: number): number {
  const ham = outcomes.filter(({ label }) => label === 'ham').map(({ score }) => score)
  ham.sort((a, b) => b - a)
  const threshold = ham[Math.floor(ham.length * share)] ?? Number.NEGATIVE_INFINITY
  const spam = outcomes.filter(({ label }) => label === 'spam')
  return (100 * spam.filter(({ score }) => score <= threshold).length) / spam.length
}

/** All figures of a list of outcomes. */
export function figuresOf(outcomes: readonly Outcome[]): Figures {
  let ham = 0
  let spam = 0
  let hamErrors = 0
  let spamErrors = 0
  let unsure = 0
  for (const { label, called } of outcomes) {
    if (called === 'unsure') unsure++
    if (label === 'ham') {
      ham++
      if (called === 'spam') hamErrors++
    } else {
      spam++
      if (called !== 'spam') spamErrors++
    }
  }
  const hmShare = Math.max(hamErrors, 0.5) / ham
  const smShare = Math.max(spamErrors, 0.5) / spam
  return {
    messages: outcomes.length,
    accuracy: 100 * (1 - (hamErrors + spamErrors) / outcomes.length),
    hm: (100 * hamErrors) / ham,
    sm: (100 * spamErrors) / spam,
    lam: 100 / (1 + Math.exp(-(logit(hmShare) + logit(smShare)) / 2)),
    oneMinusRoca: oneMinusRoca(outcomes),
    smAtHm01: missedAt(outcomes, 0.001),
    unsure: (100 * unsure) / outcomes.length,
  }
}

/** How far probabilities are from the shares they promise: mean absolute gap over ten bins, weighted. */
export function calibrationError(
  outcomes: readonly { readonly label: Label; readonly probability: number }[],
): number {
  const bins = Array.from({ length: 10 }, () => ({ count: 0, spam: 0, sum: 0 }))
  for (const { label, probability } of outcomes) {
    const bin = bins[Math.min(9, Math.floor(probability * 10))]
    if (bin === undefined) continue
    bin.count++
    bin.sum += probability
    if (label === 'spam') bin.spam++
  }
  return bins.reduce((gap, { spam, sum }) => gap + Math.abs(sum - spam), 0) / outcomes.length
}
