import { type Cell, cellsNamed, type Sample } from './cells.ts'
import { runLoad } from './generator.ts'
import type { LoadJob, LoadResult } from './load/jobs.ts'
import type { MailServer } from './servers/server.ts'

/** The programs of others we stand beside. */
export type Peer = 'dovecot' | 'postfix'

/** What a bench is opened with. */
export interface BenchOptions {
  /** A folder of its own, on the disk that is measured; gone at the end. */
  readonly folder: string
  readonly peers: ReadonlySet<Peer>
  /** Times and counts of loads are multiplied by it. */
  readonly scale: number
  readonly signal: AbortSignal
  /** Says what takes a while. */
  readonly say: (text: string) => void
}

/** Cells of one kind, with all that has to run for them. */
export interface Bench extends AsyncDisposable {
  readonly cells: readonly Cell[]
  readonly versions: readonly string[]
  readonly cpuCounted: string
  /** What is not measured, each with its reason. */
  readonly skipped: readonly string[]
  /** Ends the servers and looks whether everything acknowledged is there. */
  finish(): Promise<{ readonly checks: readonly string[]; readonly failures: readonly string[] }>
}

/** A load that did its job with errors. */
export class SampleError extends Error {
  readonly code = 'sample'
}

/** Runs a load whose every operation must go well. @throws {SampleError} with the first thing that went wrong */
export async function runSoundLoad(
  job: LoadJob,
  options: { readonly onHeld?: () => Promise<void>; readonly signal: AbortSignal },
): Promise<LoadResult> {
  const result = await runLoad(job, options)
  if (result.errorCount > 0) throw new SampleError(`${result.errorCount} failed, first: ${result.errors[0]}`)
  if (result.operations === 0) throw new SampleError('nothing was done')
  return result
}

/** Puts a load on a server and counts its CPU until everything accepted has been delivered. */
export async function loadServer(
  server: MailServer,
  job: LoadJob,
  options: { readonly signal: AbortSignal },
): Promise<{
  readonly result: LoadResult
  /** From the load's start until the server had nothing left to do. */
  readonly settledMs: number
  readonly cpuSPerThousand: number
  readonly loadShare: number
}> {
  const before = server.cpu.readMs(server.pid)
  const result = await runSoundLoad(job, options)
  const endMs = performance.now()
  await server.settle()
  const settledMs = result.wallMs + performance.now() - endMs
  const cpuMs = server.cpu.readMs(server.pid) - before
  return {
    result,
    settledMs,
    cpuSPerThousand: cpuMs / result.operations,
    loadShare: result.cpuMs / result.wallMs,
  }
}

/** Operations per second, with their CPU. */
export function rateSample(measured: Awaited<ReturnType<typeof loadServer>>): Sample {
  const { result, cpuSPerThousand, loadShare } = measured
  return {
    figure: (result.operations / result.wallMs) * 1000,
    cpuSPerThousand,
    loadShare,
    more: { 'p50 ms': result.p50Ms, 'p99 ms': result.p99Ms },
  }
}

/** MB (1,000,000 octets) of mail per second, with the CPU of 1,000 operations. */
export function throughputSample(measured: Awaited<ReturnType<typeof loadServer>>): Sample {
  const { result, cpuSPerThousand, loadShare } = measured
  return { figure: result.octets / 1000 / result.wallMs, cpuSPerThousand, loadShare }
}

/** The cells a run is about, in their order: all without `only`. */
export function choose<T extends { readonly name: string }>(
  cells: readonly T[],
  only: readonly string[],
): readonly T[] {
  if (only.length === 0) return cells
  const names = cells.map(({ name }) => name)
  const wanted = new Set(only.flatMap((each) => cellsNamed(each, names)))
  return cells.filter(({ name }) => wanted.has(name))
}
