import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Bench, type BenchOptions, choose, runSoundLoad } from './benches.ts'
import type { Cell, Sample } from './cells.ts'
import type { StoreJob } from './load/jobs.ts'

const SIZES = [
  ['1k', 1000],
  ['10k', 10_000],
  ['100k', 100_000],
  ['1m', 1_000_000],
] as const
const WRITERS = [1, 10, 50] as const
/** Octets one measurement writes at most. */
const WRITE_MAX = 256e6
/** Octets read again and again: what memory keeps. */
const READ_OCTETS = 64e6
const READ_MAILS = 4000
const MEASURE_MS = 2000

interface Plan extends Omit<Cell, 'measure'> {
  job(subject: string, directory: string, maxMs: number): StoreJob
  readonly rate: 'operations' | 'octets'
}

const STORES = ['restante', 'maildir'] as const

function storeOf(subject: string): 'restante' | 'maildir' {
  return subject === 'maildir' ? 'maildir' : 'restante'
}

const PLANS: readonly Plan[] = [
  {
    name: 'disk-fdatasync',
    about: '1 KB appended to a file and flushed (fdatasync), one after another',
    unit: 'flushes/s',
    better: 'higher',
    subjects: ['disk'],
    rate: 'operations',
    job: (_, directory, maxMs) => ({
      kind: 'disk',
      what: 'fdatasync',
      directory,
      maxMs,
      maxOctets: WRITE_MAX,
    }),
  },
  {
    name: 'disk-write',
    about: '1 MB appended to a file, flushed once at the end',
    unit: 'MB/s',
    better: 'higher',
    subjects: ['disk'],
    rate: 'octets',
    job: (_, directory, maxMs) => ({ kind: 'disk', what: 'write', directory, maxMs, maxOctets: WRITE_MAX }),
  },
  ...SIZES.flatMap(([size, sizeOctets]) =>
    WRITERS.map(
      (writers): Plan => ({
        name: `deliver-${size}-${writers}`,
        about: `durable deliveries of ${sizeOctets.toLocaleString('en-US')} octets, ${writers} at once`,
        unit: 'mails/s',
        better: 'higher',
        subjects: STORES,
        rate: 'operations',
        job: (subject, directory, maxMs) => ({
          kind: 'deliver',
          store: storeOf(subject),
          directory,
          writers,
          sizeOctets,
          mails: Math.ceil(WRITE_MAX / sizeOctets),
          maxMs,
        }),
      }),
    ),
  ),
  ...SIZES.map(
    ([size, sizeOctets]): Plan => ({
      name: `retrieve-${size}`,
      about: `messages of ${sizeOctets.toLocaleString('en-US')} octets read whole, one after another, from memory`,
      unit: 'MB/s',
      better: 'higher',
      subjects: STORES,
      rate: 'octets',
      job: (subject, directory, maxMs) => ({
        kind: 'retrieve',
        store: storeOf(subject),
        directory,
        sizeOctets,
        mails: Math.min(READ_MAILS, Math.ceil(READ_OCTETS / sizeOctets)),
        maxMs,
      }),
    }),
  ),
]

/** Names of all store cells. */
export const STORE_CELLS: readonly string[] = PLANS.map(({ name }) => name)

/** The store by itself, through `openLocalStore`, beside plain files in a Maildir and beside what the disk can do. */
export async function openStoreBench(only: readonly string[], options: BenchOptions): Promise<Bench> {
  let turn = 0
  const measure = async (plan: Plan, subject: string): Promise<Sample> => {
    const directory = join(options.folder, `store-${turn++}`)
    mkdirSync(directory)
    try {
      const job = plan.job(subject, directory, MEASURE_MS * options.scale)
      const result = await runSoundLoad(job, { signal: options.signal })
      const amount = plan.rate === 'operations' ? result.operations * 1000 : result.octets / 1000
      return {
        figure: amount / result.wallMs,
        cpuSPerThousand: result.cpuMs / result.operations,
        loadShare: null,
        ...(plan.name.startsWith('deliver')
          ? { more: { 'p50 ms': result.p50Ms, 'p99 ms': result.p99Ms } }
          : {}),
      }
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  }
  return {
    cells: choose(PLANS, only).map((plan) => {
      const { name, about, unit, better, subjects } = plan
      return { name, about, unit, better, subjects, measure: (subject) => measure(plan, subject) }
    }),
    versions: ['maildir: file, fsync, rename; the directory is not flushed (as Postfix does it)'],
    cpuCounted: "for stores: getrusage of the process that uses them, the store's writer thread included",
    skipped: [],
    finish: async () => ({ checks: [], failures: [] }),
    async [Symbol.asyncDispose]() {},
  }
}
