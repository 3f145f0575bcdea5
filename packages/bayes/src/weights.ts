import { GRAM_BITS } from './features.ts'

const SLOTS = 2 ** GRAM_BITS

function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z))
}

/**
 * Solves `step = rate * (label - sigmoid(z + step * norm))`: the implicit (proximal) gradient step of logistic
 * loss. It never overshoots, whatever the rate, and can be undone in closed form.
 */
function implicitStep(z: number, norm: number, label: number, rate: number): number {
  let low = label === 1 ? 0 : -rate
  let high = label === 1 ? rate : 0
  for (let i = 0; i < 24; i++) {
    const middle = (low + high) / 2
    if (middle - rate * (label - sigmoid(z + middle * norm)) > 0) high = middle
    else low = middle
  }
  return (low + high) / 2
}

/** Online logistic regression over one family of hashed binary features. */
export class LogisticWeights {
  readonly table: Float32Array
  bias = 0
  private readonly rate: number

  constructor(rate: number, table: Float32Array = new Float32Array(SLOTS)) {
    this.rate = rate
    this.table = table
  }

  /** Log-odds of spam. `stride` 2 reads token hashes (low halves), 1 gram slots. */
  score(features: Uint32Array, stride: 1 | 2): number {
    const { table } = this
    let z = this.bias
    for (let i = 0; i < features.length; i += stride)
      z += table[(features[i] as number) & (SLOTS - 1)] as number
    return z
  }

  private shift(features: Uint32Array, stride: 1 | 2, step: number): void {
    const { table } = this
    for (let i = 0; i < features.length; i += stride) {
      const slot = (features[i] as number) & (SLOTS - 1)
      table[slot] = (table[slot] as number) + step
    }
    this.bias += step
  }

  learn(features: Uint32Array, stride: 1 | 2, label: 0 | 1): void {
    const z = this.score(features, stride)
    this.shift(features, stride, implicitStep(z, features.length / stride + 1, label, this.rate))
  }

  /** Takes back the step that {@link learn} took; exact where nothing was learned in between. */
  unlearn(features: Uint32Array, stride: 1 | 2, label: 0 | 1): void {
    this.shift(features, stride, -this.rate * (label - sigmoid(this.score(features, stride))))
  }
}
