import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench, BenchOptions } from './benches.ts'
import { type CellResult, measureCells, type Sample } from './cells.ts'
import { KINDS, type Kind, OptionError, type Options, readOptions, USAGE } from './options.ts'
import { openPop3Bench, POP3_CELLS } from './pop3-bench.ts'
import { formatReport, type Report } from './report.ts'
import { openSmtpBench, SMTP_CELLS } from './smtp-bench.ts'
import { formatFigure } from './statistics.ts'
import { openStoreBench, STORE_CELLS } from './store-bench.ts'
import { lookAround } from './surroundings.ts'
import { judgeTarget, TARGETS } from './targets.ts'

const BENCHES: Readonly<
  Record<
    Kind,
    {
      readonly cells: readonly string[]
      readonly open: (only: readonly string[], options: BenchOptions) => Promise<Bench>
    }
  >
> = {
  store: { cells: STORE_CELLS, open: openStoreBench },
  pop3: { cells: POP3_CELLS, open: openPop3Bench },
  smtp: { cells: SMTP_CELLS, open: openSmtpBench },
}

const say = (text: string): void => void process.stderr.write(`${text}\n`)

function sayOutcome(
  cell: string,
  unit: string,
  subject: string,
  pass: number,
  outcome: Sample | Error,
): void {
  const about = `${cell} ${subject} pass ${pass + 1}`
  if (outcome instanceof Error) {
    say(`${about}: FAILED: ${outcome.message}`)
    return
  }
  const cpu = outcome.cpuSPerThousand === null ? '' : `, ${formatFigure(outcome.cpuSPerThousand)} CPU s/1,000`
  const load = outcome.loadShare === null ? '' : `, load at ${Math.round(outcome.loadShare * 100)} %`
  say(`${about}: ${formatFigure(outcome.figure)} ${unit}${cpu}${load}`)
}

async function measure(options: Options, signal: AbortSignal): Promise<Report> {
  const surroundings = lookAround(realpathSync(options.directory))
  const startedAt = new Date().toISOString()
  const folder = mkdtempSync(join(realpathSync(options.directory), 'restante-bench-'))
  // Peers run as other users and must get to their own folders below.
  chmodSync(folder, 0o711)
  const results: CellResult[] = []
  const versions: string[] = []
  const counted = new Set<string>()
  const skipped: string[] = []
  const checks: string[] = []
  const failures: string[] = []
  try {
    for (const kind of options.kinds) {
      const own = join(folder, kind)
      mkdirSync(own, { mode: 0o711 })
      const { open } = BENCHES[kind]
      await using bench = await open(options.only, { ...options, folder: own, signal, say })
      const measured = await measureCells(bench.cells, {
        passes: options.passes,
        signal,
        onSample: (cell, subject, pass, outcome) => sayOutcome(cell.name, cell.unit, subject, pass, outcome),
      })
      results.push(...measured)
      versions.push(...bench.versions)
      counted.add(bench.cpuCounted)
      skipped.push(...bench.skipped)
      const found = await bench.finish()
      checks.push(...found.checks)
      failures.push(...found.failures)
      if (!options.keep) rmSync(own, { recursive: true, force: true })
    }
  } finally {
    if (options.keep) say(`left: ${folder}`)
    else rmSync(folder, { recursive: true, force: true })
  }
  for (const { cell, subjects } of results)
    for (const { subject, errors } of subjects)
      for (const error of errors) failures.push(`${cell.name}, ${subject}: ${error}`)
  const names = new Set(results.map(({ cell }) => cell.name))
  return {
    startedAt,
    surroundings,
    versions,
    cpuCounted: [...counted].join('; '),
    passes: options.passes,
    scale: options.scale,
    skipped,
    results,
    judgements: TARGETS.filter(({ cell }) => names.has(cell)).map((target) => judgeTarget(target, results)),
    checks,
    failures,
  }
}

/** Exit code: 0 measured (whatever the targets say), 1 something failed or mail is missing, 2 usage, 130 interrupted. */
async function main(): Promise<number> {
  let options: Options
  try {
    options = readOptions(process.argv.slice(2), (kind) => BENCHES[kind].cells)
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    say(
      `bench: ${error.message}\n\n${USAGE}\nCells: ${KINDS.flatMap((kind) => BENCHES[kind].cells).join(', ')}`,
    )
    return 2
  }
  const abort = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (!abort.signal.aborted) say('bench: stopping the servers…')
      abort.abort()
    })
  try {
    const report = await measure(options, abort.signal)
    process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report))
    return report.failures.length > 0 ? 1 : 0
  } catch (error) {
    if (abort.signal.aborted) return 130
    throw error
  }
}

process.exitCode = await main()
