/** Strength of the prior on a token seen rarely, and the probability it pulls towards (Robinson). */
const STRENGTH = 0.5
const PRIOR = 0.5
/** Tokens nearer to 0.5 than this say nothing. */
const MIN_DEVIATION = 0.12
/** Tokens that decide: the most extreme ones. */
export const MAX_DECIDING = 150

/**
 * Probability that a message with this token is spam (Robinson's f(w)), from class-balanced frequencies:
 * learning ten times more ham than spam moves no token.
 */
export function tokenProbability(
  ham: number,
  spam: number,
  hamMessages: number,
  spamMessages: number,
): number {
  const hamShare = hamMessages === 0 ? 0 : ham / hamMessages
  const spamShare = spamMessages === 0 ? 0 : spam / spamMessages
  if (hamShare + spamShare === 0) return PRIOR
  const raw = spamShare / (hamShare + spamShare)
  const count = ham + spam
  return (STRENGTH * PRIOR + count * raw) / (STRENGTH + count)
}

/** Whether a token's probability is far enough from the middle to decide anything. */
export function isDeciding(probability: number): boolean {
  return Math.abs(probability - PRIOR) >= MIN_DEVIATION
}

/** Log of the upper tail of the chi-square distribution with `2 * half` degrees of freedom, at `2 * x`. */
function logChiTail(x: number, half: number): number {
  // Q = e^-x * sum_{i<half} x^i / i!, summed in logs so that neither factor underflows.
  let term = 0
  let sum = 1
  let scale = 0
  for (let i = 1; i < half; i++) {
    term += Math.log(x / i)
    if (term - scale > 600) {
      sum *= Math.exp(scale - term)
      scale = term
    }
    sum += Math.exp(term - scale)
  }
  return Math.min(0, -x + scale + Math.log(sum))
}

/**
 * Combines token probabilities by Fisher's method (Robinson's two-sided form) into log-odds of spam:
 * ln of the tail for ham minus ln of the tail for spam. 0 for no tokens.
 */
export function fisherLogOdds(probabilities: readonly number[]): number {
  const count = probabilities.length
  if (count === 0) return 0
  let hamSum = 0
  let spamSum = 0
  for (const probability of probabilities) {
    spamSum -= Math.log(1 - probability)
    hamSum -= Math.log(probability)
  }
  if (hamSum <= 0 || spamSum <= 0) return 0
  // A small tail of spamSum means: too many spammy tokens for chance.
  return logChiTail(hamSum, count) - logChiTail(spamSum, count)
}
