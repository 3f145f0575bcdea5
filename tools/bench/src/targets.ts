import type { CellResult, Sample } from './cells.ts'
import { type Summary, summarize } from './statistics.ts'

/** Something we want to be true of a cell. */
export interface Target {
  readonly cell: string
  /** What of a sample counts. */
  readonly what: 'figure' | 'cpu'
  readonly subject: string
  /** Compared with the best of these; empty = the figure itself counts. */
  readonly against: readonly string[]
  readonly bound: 'at-least' | 'at-most'
  readonly target: number
  readonly stretch: number | null
}

/** Whether a target is met; `unknown` where one of the two was not measured. */
export interface Judgement {
  readonly target: Target
  /** Of each pass: ours divided by the best of the others, or the figure itself. */
  readonly ratio: Summary | null
  readonly outcome: 'stretch' | 'met' | 'missed' | 'unknown'
}

function value(sample: Sample | null | undefined, what: Target['what']): number | null {
  if (!sample) return null
  return what === 'figure' ? sample.figure : sample.cpuSPerThousand
}

/** Judges a target by the median of the ratios of each pass. */
export function judgeTarget(target: Target, results: readonly CellResult[]): Judgement {
  const result = results.find(({ cell }) => cell.name === target.cell)
  const samplesOf = (name: string): readonly (Sample | null)[] =>
    result?.subjects.find(({ subject }) => subject === name)?.samples ?? []
  const others = target.against.map(samplesOf)
  const lower = target.what === 'cpu' || result?.cell.better === 'lower'
  const ratios: number[] = []
  for (const [pass, sample] of samplesOf(target.subject).entries()) {
    const ours = value(sample, target.what)
    if (ours === null) continue
    if (target.against.length === 0) {
      ratios.push(ours)
      continue
    }
    const theirs = others.map((samples) => value(samples[pass], target.what)).filter((each) => each !== null)
    // Comparing with only some of them would flatter us.
    if (theirs.length < others.length) continue
    const best = lower ? Math.min(...theirs) : Math.max(...theirs)
    if (best > 0) ratios.push(ours / best)
  }
  const ratio = summarize(ratios)
  if (ratio === null) return { target, ratio, outcome: 'unknown' }
  const reaches = (bar: number): boolean =>
    target.bound === 'at-least' ? ratio.median >= bar : ratio.median <= bar
  const outcome =
    target.stretch !== null && reaches(target.stretch) ? 'stretch' : reaches(target.target) ? 'met' : 'missed'
  return { target, ratio, outcome }
}

type Bar = readonly [target: number, stretch: number | null]

function faster(cell: string, against: readonly string[], [target, stretch]: Bar): Target {
  return { cell, what: 'figure', subject: 'restante', against, bound: 'at-least', target, stretch }
}

function cheaper(cell: string, against: readonly string[], [target, stretch]: Bar): Target {
  return { cell, what: 'cpu', subject: 'restante', against, bound: 'at-most', target, stretch }
}

function sooner(cell: string, against: readonly string[], [target, stretch]: Bar): Target {
  return { cell, what: 'figure', subject: 'restante', against, bound: 'at-most', target, stretch }
}

const EITHER = ['dovecot', 'dovecot-default']

/** The bars we hold ourselves to. */
export const TARGETS: readonly Target[] = [
  faster('poll-empty', ['dovecot'], [2, 3]),
  cheaper('poll-empty', ['dovecot'], [1 / 3, null]),
  faster('poll-1k', ['dovecot'], [5, 8]),
  cheaper('poll-1k', ['dovecot'], [1 / 10, null]),
  faster('drain-10k', EITHER, [1.5, 2.5]),
  faster('drain-10k-pipelined', EITHER, [2.5, 4]),
  faster('drain-10m', EITHER, [2, 3.5]),
  sooner('big-warm', ['dovecot'], [1 / 8, 1 / 40]),
  sooner('big-cold', ['dovecot'], [1 / 2, 1 / 3]),
  sooner('idle', [], [40, 20]),
  sooner('idle-tls', [], [90, 70]),
  faster('login-argon2id', ['dovecot-argon2id'], [100, null]),
  faster('login-argon2id', ['dovecot-argon2id-cache'], [1, null]),
  faster('smtp-1k-50x20', ['postfix'], [4, 8]),
  cheaper('smtp-1k-50x20', ['postfix'], [1 / 5, null]),
  faster('smtp-10k-50x8', ['postfix'], [4, 8]),
  cheaper('smtp-10k-50x8', ['postfix'], [1 / 5, null]),
  faster('smtp-1k-10x1', ['postfix'], [2, 4]),
  faster('smtp-1k-50x1', ['postfix'], [2, 4]),
  faster('smtp-1k-1x100', ['postfix'], [1.2, 2]),
  faster('smtp-100k-10x12', ['postfix'], [2, 4]),
  faster('smtp-1m-10x5', ['postfix'], [1, 2.5]),
  faster('smtp-10k-filter', ['postfix'], [1, 1.5]),
  cheaper('smtp-10k-filter', ['postfix'], [1, 1 / 1.5]),
]
