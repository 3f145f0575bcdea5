import { bandOf, type Classification, DEFAULT_BANDS } from '@restante/bayes'
import type { FiredSymbol } from '@restante/mail'

/**
 * Points for log-odds, by straight lines between these places: from the classifier's spam band on a message is
 * tagged under the default thresholds, from p = 0.99 it is held; the classifier alone never refuses.
 */
const POINTS: readonly (readonly [logOdds: number, points: number])[] = [
  [-6.9, -4],
  [-2.2, -2],
  [0, 0],
  [Math.log(DEFAULT_BANDS.spam / (1 - DEFAULT_BANDS.spam)), 6],
  [Math.log(0.99 / 0.01), 9],
  [6.9, 12],
]
/** While little is known the classifier speaks, but does not decide. */
const INSIGNIFICANT_MAX_POINTS = 3
const EVIDENCE = 8

/** The points a classification is worth, to one decimal. */
export function pointsOf(logOdds: number, significant: boolean): number {
  const first = POINTS[0] as readonly [number, number]
  let points = first[1]
  for (let i = 1; i < POINTS.length; i++) {
    const [x0, y0] = POINTS[i - 1] as readonly [number, number]
    const [x1, y1] = POINTS[i] as readonly [number, number]
    if (logOdds >= x0) points = logOdds >= x1 ? y1 : y0 + ((logOdds - x0) / (x1 - x0)) * (y1 - y0)
  }
  if (!significant) points = Math.max(-INSIGNIFICANT_MAX_POINTS, Math.min(INSIGNIFICANT_MAX_POINTS, points))
  return Math.round(points * 10) / 10
}

/** The classifier's say as a symbol: what it found, how sure it is, and the words that decided. */
export function bayesSymbol(
  classification: Classification,
  counts: { readonly ham: number; readonly spam: number },
): FiredSymbol {
  const { probability, logOdds, significant, weight, evidence } = classification
  if (weight === 0) {
    return {
      symbol: 'BAYES_UNTRAINED',
      score: 0,
      why: `the filter has learned ${counts.spam} spam and ${counts.ham} good messages and needs some of both`,
    }
  }
  const band = bandOf(probability)
  const percent = (100 * probability).toFixed(probability > 0.99 && probability < 0.9995 ? 1 : 0)
  const said = {
    spam: 'looks like known spam',
    ham: 'looks like known good mail',
    unsure: 'could be spam or not',
  }[band]
  const training =
    weight < 1
      ? `, weight ${Math.round(weight * 100)} %: ${counts.spam} spam / ${counts.ham} good learned`
      : ''
  return {
    symbol: `BAYES_${band.toUpperCase()}`,
    score: pointsOf(logOdds, significant),
    why: `${said} (${percent} %${training})`,
    evidence: evidence
      .slice(0, EVIDENCE)
      .map(
        ([token, tokenProbability, seen]) => `${token} ${Math.round(tokenProbability * 100)} % of ${seen}`,
      ),
  }
}
