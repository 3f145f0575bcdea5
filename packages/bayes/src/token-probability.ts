/** Strength of the prior on a token seen rarely, and the probability it pulls towards (Robinson). */
const STRENGTH = 0.5
const PRIOR = 0.5

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
