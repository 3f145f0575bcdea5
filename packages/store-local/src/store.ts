import { chmodSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Claim, type MaildropStore, type OpenMaildrop, StoreError } from '@restante/maildrop'
import { CopyReader } from './copy-reader.ts'
import { localDelivery } from './delivery.ts'
import { localDirectory } from './directory.ts'
import { guarded } from './failure.ts'
import { loadFiles } from './file-layer.ts'
import { FreeSpace } from './free-space.ts'
import { all, localKeeping, reap } from './keeping.ts'
import { localLearning, localRecords } from './learning.ts'
import { Listings } from './listings.ts'
import { localReading } from './reading.ts'
import { RunState } from './run-state.ts'
import { connect, migrate } from './schema.ts'
import { SegmentFiles } from './segment-files.ts'
import { StagingBudget } from './staging.ts'
import { sweepSegments } from './sweep.ts'
import { type Random, systemRandom, UniqueIds } from './unique-ids.ts'
import { type StoreLog, Writer } from './writer.ts'

const MEBI = 1024 * 1024
const DAY_MS = 86_400_000

/** What {@link openLocalStore} is told; everything but the folder has a sensible default. */
export interface LocalStoreOptions {
  /** The data folder; made with mode 0700 where it is missing. Several processes may open the same one. */
  readonly directory: string
  /** Milliseconds since 1970; `Date.now` otherwise. */
  readonly now?: () => number
  /** Fills an array with random octets; the system's secure generator otherwise. */
  readonly random?: Random
  /** Octets of the disk deliveries leave free; 256 MB otherwise. */
  readonly floorOctets?: number
  /** Memory for staged bodies of this process; 64 MB otherwise. What does not fit is staged on disk. */
  readonly stagingBudgetOctets?: number
  /** Size from which a segment is sealed; 128 MB otherwise. */
  readonly segmentMaxOctets?: number
  /** Memory for listings of this process; 64 MB otherwise. */
  readonly listingCacheOctets?: number
  /** How long records of messages are kept; 30 days otherwise. */
  readonly recordDays?: number
  /** Told what an operator should know: failed writes, a restarted writer thread, removed leftovers. */
  readonly log?: StoreLog
  /** URL of a module whose default export wraps the file layer; for tests of failures. */
  readonly filesModule?: string
}

/** A maildrop store on one disk. */
export interface LocalStore extends MaildropStore {
  /** The same as disposing it. */
  close(): Promise<void>
}

/** How often idle segment files are closed. */
const IDLE_MS = 30_000

/**
 * Opens, or makes, a store in a folder. Resolves when it can be used.
 * @throws {StoreError} `newer-schema`, `io`, `corrupt`, `disk-full`
 */
export async function openLocalStore(options: LocalStoreOptions): Promise<LocalStore> {
  const directory = resolve(options.directory)
  const now = options.now ?? Date.now
  const log = options.log ?? (() => {})
  const random = options.random ?? systemRandom
  const segments = join(directory, 'segments')
  guarded(() => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    chmodSync(directory, 0o700)
    mkdirSync(segments, { recursive: true, mode: 0o700 })
  })
  const files = await loadFiles(options.filesModule)
  const ids = new UniqueIds(now, random)
  // Never from the caller's generator: names of files must differ between processes whatever tests inject.
  const instance = new UniqueIds(Date.now, systemRandom).next()

  const index = connect(directory, 'index', 5000)
  migrate(index, 'index', directory)
  const facts = connect(directory, 'facts', 5000)
  migrate(facts, 'facts', directory)
  const model = connect(directory, 'model', 5000)
  migrate(model, 'model', directory)
  const builder = connect(directory, 'index', 5000)
  const run = new RunState(directory, instance)

  const writer = new Writer(
    {
      directory,
      instance,
      segmentMaxOctets: options.segmentMaxOctets ?? 128 * MEBI,
      segmentMaxAgeMs: DAY_MS,
      filesModule: options.filesModule,
    },
    log,
  )
  await writer.start()
  await sweepSegments({ directory: segments, index, run, writer, log })

  let closed: Promise<void> | null = null
  const mustBeOpen = (): void => {
    if (closed) throw new StoreError('closed', 'the store is closed')
  }
  const segmentFiles = new SegmentFiles(segments, 256)
  const idle = setInterval(() => segmentFiles.closeIdle(IDLE_MS), IDLE_MS)
  idle.unref()
  const reader = new CopyReader(index, segmentFiles)
  const opened = new Set<OpenMaildrop>()
  const claims = new Set<Claim>()
  const listings = new Listings(index, builder, now, options.listingCacheOctets ?? 64 * MEBI)
  const learningTools = { index, facts, model, writer, mustBeOpen }
  const purgeErased = async (): Promise<void> => {
    await all(() => writer.run('purgeErased', { realMs: Date.now() }))
    await reap({ writer, run })
  }

  const close = (): Promise<void> => {
    closed ??= (async () => {
      clearInterval(idle)
      for (const maildrop of [...opened]) await maildrop[Symbol.asyncDispose]()
      for (const claim of [...claims]) await claim[Symbol.asyncDispose]()
      await writer.close()
      await listings.settle()
      segmentFiles.close()
      run.close()
      builder.close()
      index.close()
      facts.close()
      model.close()
    })()
    return closed
  }

  return {
    ...localDelivery({
      place: {
        files,
        space: new FreeSpace(files, directory, options.floorOctets ?? 256 * MEBI),
        directory: segments,
        instance,
        now,
        budget: new StagingBudget(options.stagingBudgetOctets ?? 64 * MEBI),
      },
      writer,
      ids,
      mustBeOpen,
      now,
      addressOf: (account) =>
        index.get<{ address: string }>('SELECT address FROM accounts WHERE id = ?', account)?.address ?? '',
    }),
    ...localReading({ index, reader, listings, run, writer, now, mustBeOpen, opened }),
    ...localKeeping({
      writer,
      run,
      ids,
      now,
      recordMs: (options.recordDays ?? 30) * DAY_MS,
      mustBeOpen,
    }),
    directory: localDirectory({ index, writer, ids, now, mustBeOpen, purgeErased }),
    records: localRecords(learningTools),
    learning: localLearning(learningTools),
    async claim(name) {
      mustBeOpen()
      if (!run.claim(name)) return null
      const claim: Claim = {
        name,
        async [Symbol.asyncDispose]() {
          if (claims.delete(claim)) run.unclaim(name)
        },
      }
      claims.add(claim)
      return claim
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
