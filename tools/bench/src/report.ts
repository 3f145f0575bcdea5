import type { CellResult, Sample, SubjectResult } from './cells.ts'
import { formatFigure, formatSummary, type Summary, summarize } from './statistics.ts'
import type { Surroundings } from './surroundings.ts'
import type { Judgement, Target } from './targets.ts'

/** Everything a run found out. */
export interface Report {
  readonly startedAt: string
  readonly surroundings: Surroundings
  /** Names and versions of what was measured. */
  readonly versions: readonly string[]
  /** How CPU was counted. */
  readonly cpuCounted: string
  readonly passes: number
  readonly scale: number
  readonly skipped: readonly string[]
  readonly results: readonly CellResult[]
  readonly judgements: readonly Judgement[]
  /** Sentences about what was acknowledged and what was found; a loss is in `failures`. */
  readonly checks: readonly string[]
  readonly failures: readonly string[]
}

/** The load set the pace from here on: a figure is then the load's, not the server's. */
const LOAD_BOUND = 0.9

function figures(result: SubjectResult, pick: (sample: Sample) => number | null): Summary | null {
  return summarize(
    result.samples
      .filter((sample) => sample !== null)
      .map(pick)
      .filter((figure) => figure !== null),
  )
}

function cellOf(summary: Summary | null): string {
  return summary === null ? '-' : formatSummary(summary)
}

function moreOf(result: SubjectResult): string {
  const names = new Set(result.samples.flatMap((sample) => Object.keys(sample?.more ?? {})))
  const texts = [...names].map((name) => {
    const summary = figures(result, ({ more }) => more?.[name] ?? null)
    return summary === null ? '' : `${name} ${formatFigure(summary.median)}`
  })
  const load = figures(result, ({ loadShare }) => loadShare)
  if (load !== null && load.median >= LOAD_BOUND) texts.push('**the load set the pace**')
  if (result.errors.length > 0) texts.push(`${result.errors.length} failed: ${result.errors[0]}`)
  return texts.join('; ').replaceAll('|', '\\|').replaceAll('\n', ' ')
}

/** Ours divided by theirs, pass by pass. */
function ratioTo(
  ours: SubjectResult | undefined,
  theirs: SubjectResult,
  pick: (sample: Sample) => number | null,
): string {
  if (!ours || ours === theirs) return ''
  const ratios = ours.samples.map((sample, pass) => {
    const other = theirs.samples[pass]
    const own = sample && pick(sample)
    const their = other && pick(other)
    return own && their ? own / their : null
  })
  const summary = summarize(ratios.filter((ratio) => ratio !== null))
  return summary === null ? '-' : `${formatFigure(summary.median)}x`
}

const figureOf = (sample: Sample): number => sample.figure
const cpuOf = (sample: Sample): number | null => sample.cpuSPerThousand

/** A bar as a plain number: `5`, `1.5`, `1/8`. */
function share(figure: number): string {
  const plain = (number: number): string => String(Math.round(number * 100) / 100)
  return figure < 1 && figure > 0 ? `1/${plain(1 / figure)}` : plain(figure)
}

function barOf(target: Target, unit: string): string {
  const sign = target.bound === 'at-least' ? '>=' : '<='
  const text = (bar: number): string =>
    target.against.length === 0 ? `${share(bar)} ${unit}` : `${share(bar)}x`
  return `${sign} ${text(target.target)}${target.stretch === null ? '' : ` (${text(target.stretch)})`}`
}

const OUTCOMES = {
  stretch: 'yes, and the stretch',
  met: 'yes',
  missed: '**no**',
  unknown: 'not measured',
} as const

function targetRows(judgements: readonly Judgement[], results: readonly CellResult[]): string[] {
  return judgements.map(({ target, ratio, outcome }) => {
    const unit = results.find(({ cell }) => cell.name === target.cell)?.cell.unit ?? ''
    const what = target.what === 'cpu' ? 'CPU' : unit
    const against = target.against.length === 0 ? '' : ` vs ${target.against.join(' or ')}`
    const measured =
      ratio === null ? '-' : `${formatSummary(ratio)}${target.against.length === 0 ? ` ${unit}` : 'x'}`
    return `| ${target.cell}: ${what}${against} | ${barOf(target, unit)} | ${measured} | ${OUTCOMES[outcome]} |`
  })
}

/** The report as a Markdown page. */
export function formatReport(report: Report): string {
  const { surroundings: at } = report
  const lines = [
    '# Side by side',
    '',
    `${report.startedAt}; ${at.cores} x ${at.cpu}, ${at.memoryGb} GB, Linux ${at.kernel}, ${at.fileSystem}, Node ${at.node}. ` +
      `${report.passes === 1 ? 'One pass' : `${report.passes} interleaved passes`}${report.scale === 1 ? '' : `, scale ${report.scale}`}; load before: ${at.loadBefore.toFixed(1)}.`,
    ...report.versions.map((version) => `- ${version}`),
    `- CPU: ${report.cpuCounted}`,
    ...at.warnings.map((warning) => `- **Note:** ${warning}`),
    ...report.skipped.map((reason) => `- skipped: ${reason}`),
    '',
    'Figures are medians with [least..most] of all passes; load and servers share the cores.',
  ]
  for (const { cell, subjects } of report.results) {
    lines.push('', `**${cell.name}**: ${cell.about}`, '')
    const ours = subjects.find(({ subject }) => subject === 'restante')
    lines.push(
      `| | ${cell.unit} | CPU s per 1,000 | restante to it | in CPU | |`,
      '|---|---|---|---|---|---|',
    )
    for (const subject of subjects) {
      const columns = [
        subject.subject,
        cellOf(figures(subject, figureOf)),
        cellOf(figures(subject, cpuOf)),
        ratioTo(ours, subject, figureOf),
        ratioTo(ours, subject, cpuOf),
        moreOf(subject),
      ]
      lines.push(`| ${columns.join(' | ')} |`)
    }
  }
  if (report.judgements.length > 0) {
    lines.push('', '## Targets', '', 'Ratios of the same pass; the stretch in brackets.', '')
    lines.push('| bar | target | measured | met |', '|---|---|---|---|')
    lines.push(...targetRows(report.judgements, report.results))
  }
  if (report.checks.length > 0) lines.push('', ...report.checks.map((check) => `- ${check}`))
  if (report.failures.length > 0)
    lines.push('', '## Failures', '', ...report.failures.map((failure) => `- ${failure}`))
  return `${lines.join('\n')}\n`
}
