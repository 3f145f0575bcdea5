function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z))
}

/** Keeps the first step on a feature finite. */
const EPSILON = 1e-3
/** Errors below this teach nothing. */
const MIN_STEP = 1e-4

/**
 * Weights of online logistic regression over hashed binary features, with one learning rate per feature
 * (AdaGrad: a feature seen often moves less), shared by several views whose features are disjoint.
 */
export class WeightTable {
  readonly weights: Float32Array
  /** Sum of squared steps per feature; 0 = never learned. */
  readonly squares: Float32Array
  private readonly mask: number

  /** `bits`: the table has 2^bits slots. */
  constructor(bits: number) {
    this.weights = new Float32Array(2 ** bits)
    this.squares = new Float32Array(2 ** bits)
    this.mask = 2 ** bits - 1
  }

  /** Slot of a feature number. */
  slot(feature: number): number {
    return feature & this.mask
  }
}

/** One view's features: lists of numbers; of a list with stride 2 (token hashes) every other number counts. */
export type ViewFeatures = readonly (readonly [numbers: Uint32Array, stride: 1 | 2])[]

/** How a view learns. */
export interface ViewSetting {
  /** Number of features at which a message counts as it is; longer ones count less per feature. */
  readonly typicalCount: number
  readonly rate: number
}

/** A message of few features is not worth more than this many times each of them. */
const MAX_SCALE = 3

function scaleOf(features: ViewFeatures, view: ViewSetting): number {
  let count = 1
  for (const [numbers, stride] of features) count += numbers.length / stride
  return Math.min(MAX_SCALE, Math.sqrt(view.typicalCount / count))
}

/** Log-odds of spam as one view sees them (uncalibrated). */
export function scoreView(table: WeightTable, features: ViewFeatures, view: ViewSetting): number {
  const { weights } = table
  let z = 0
  for (const [numbers, stride] of features) {
    for (let i = 0; i < numbers.length; i += stride) z += weights[table.slot(numbers[i] as number)] as number
  }
  return z * scaleOf(features, view)
}

/** Learns one message; returns the step taken, which {@link unlearnView} takes back. 0 = nothing to learn. */
export function learnView(
  table: WeightTable,
  features: ViewFeatures,
  view: ViewSetting,
  label: 0 | 1,
): number {
  const step = (label - sigmoid(scoreView(table, features, view))) * scaleOf(features, view)
  if (Math.abs(step) < MIN_STEP) return 0
  const { weights, squares } = table
  const square = step * step
  const move = view.rate * step
  for (const [numbers, stride] of features) {
    for (let i = 0; i < numbers.length; i += stride) {
      const slot = table.slot(numbers[i] as number)
      const sum = (squares[slot] as number) + square
      squares[slot] = sum
      weights[slot] = (weights[slot] as number) + move / Math.sqrt(EPSILON + sum)
    }
  }
  return step
}

/**
 * Takes back a step of {@link learnView}: exactly (but for rounding) where nothing was learned in between,
 * nearly where little was.
 */
export function unlearnView(
  table: WeightTable,
  features: ViewFeatures,
  view: ViewSetting,
  step: number,
): void {
  if (step === 0) return
  const { weights, squares } = table
  const square = step * step
  const move = view.rate * step
  for (const [numbers, stride] of features) {
    for (let i = 0; i < numbers.length; i += stride) {
      const slot = table.slot(numbers[i] as number)
      const sum = squares[slot] as number
      weights[slot] = (weights[slot] as number) - move / Math.sqrt(EPSILON + sum)
      squares[slot] = Math.max(0, sum - square)
    }
  }
}

/**
 * The step that learning a message now known must have taken, when it was not kept: the one whose undoing leads to
 * a score from which it would be taken again.
 */
export function guessStep(
  table: WeightTable,
  features: ViewFeatures,
  view: ViewSetting,
  label: 0 | 1,
): number {
  const scale = scaleOf(features, view)
  let reach = 0
  for (const [numbers, stride] of features) {
    for (let i = 0; i < numbers.length; i += stride) {
      reach += 1 / Math.sqrt(EPSILON + (table.squares[table.slot(numbers[i] as number)] as number))
    }
  }
  reach *= view.rate * scale
  const now = scoreView(table, features, view)
  const sign = label === 1 ? 1 : -1
  let low = 0
  let high = 1
  for (let i = 0; i < 30; i++) {
    const error = (low + high) / 2
    const before = now - sign * error * scale * reach
    if (Math.abs(label - sigmoid(before)) > error) low = error
    else high = error
  }
  return sign * low * scale
}
