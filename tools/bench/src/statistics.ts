/** Median and range of some figures. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly count: number
}

/** The middle figure, or the mean of the two in the middle. @throws {RangeError} where there is none */
export function median(figures: readonly number[]): number {
  if (figures.length === 0) throw new RangeError('no figure has no median')
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

/** Median, least and most; null for no figures. */
export function summarize(figures: readonly number[]): Summary | null {
  if (figures.length === 0) return null
  return {
    median: median(figures),
    min: Math.min(...figures),
    max: Math.max(...figures),
    count: figures.length,
  }
}

/** The figure below which `share` (0 to 1) of them lie, by the nearest rank; 0 for none. */
export function percentile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.round(share * (sorted.length - 1)))] ?? 0
}

/** Three digits that count, thousands apart: `2,704`, `15.3`, `0.0837`. */
export function formatFigure(figure: number): string {
  if (!Number.isFinite(figure)) return String(figure)
  const size = Math.abs(figure)
  if (size >= 100) return Math.round(figure).toLocaleString('en-US')
  if (size === 0) return '0'
  const digits = Math.max(0, 2 - Math.floor(Math.log10(size)))
  return figure.toFixed(Math.min(6, digits))
}

/** `median [min..max]`, or the figure alone where there is only one. */
export function formatSummary({ median: middle, min, max, count }: Summary): string {
  const text = formatFigure(middle)
  return count === 1 ? text : `${text} [${formatFigure(min)}..${formatFigure(max)}]`
}
