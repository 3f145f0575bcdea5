import { percentile } from '../statistics.ts'
import type { LoadResult } from './jobs.ts'

const ERRORS_TOLD = 5

/** Counts what a load does, and takes its time. */
export interface Tally {
  /** One operation went well. */
  done(ms: number, octets: number): void
  failed(error: unknown): void
  /** Milliseconds since the start. */
  elapsedMs(): number
  readonly failures: number
  result(): LoadResult
}

/** Starts counting now. */
export function startTally(): Tally {
  const cpu = process.cpuUsage()
  const startMs = performance.now()
  const times: number[] = []
  const errors: string[] = []
  let octets = 0
  let errorCount = 0
  return {
    done(ms, carried) {
      times.push(ms)
      octets += carried
    },
    failed(error) {
      errorCount++
      if (errors.length < ERRORS_TOLD) errors.push(error instanceof Error ? error.message : String(error))
    },
    elapsedMs: () => performance.now() - startMs,
    get failures() {
      return errorCount
    },
    result() {
      const wallMs = performance.now() - startMs
      const { user, system } = process.cpuUsage(cpu)
      return {
        operations: times.length,
        octets,
        errors,
        errorCount,
        wallMs,
        cpuMs: (user + system) / 1000,
        p50Ms: percentile(times, 0.5),
        p99Ms: percentile(times, 0.99),
      }
    },
  }
}
