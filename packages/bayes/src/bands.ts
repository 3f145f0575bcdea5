/** Probabilities from which a message is called spam, and up to which it is called ham; between them, unsure. */
export interface Bands {
  readonly spam: number
  readonly ham: number
}

/** The shipped bands: set for about one ham in a thousand called spam. */
export const DEFAULT_BANDS: Bands = { spam: 0.86, ham: 0.25 }

/** What a probability is called. */
export function bandOf(probability: number, bands: Bands = DEFAULT_BANDS): 'spam' | 'ham' | 'unsure' {
  return probability >= bands.spam ? 'spam' : probability <= bands.ham ? 'ham' : 'unsure'
}
