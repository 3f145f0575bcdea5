import { chmodSync, mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import {
  type Claim,
  type DeviceStore,
  type OpenMaildrop,
  type RemoveAfter,
  type SearchableStore,
  StoreError,
  type TrashStore,
} from '@restante/maildrop'
import { type BackupOptions, type BackupReport, createBackup } from './backup.ts'
import { type CompactReport, compactSegments } from './compaction.ts'
import type { Connection } from './connection.ts'
import { CopyReader } from './copy-reader.ts'
import { localDelivery } from './delivery.ts'
import { type DeviceTools, localDevices } from './devices.ts'
import { localDirectory } from './directory.ts'
import { guarded, storeError } from './failure.ts'
import { type FileLayer, loadFiles, systemFiles } from './file-layer.ts'
import { FreeSpace } from './free-space.ts'
import { all, localKeeping, reap } from './keeping.ts'
import { localLearning, localRecords } from './learning.ts'
import { Listings } from './listings.ts'
import { PickUps } from './pick-ups.ts'
import { instanceName } from './process-identity.ts'
import { localReading } from './reading.ts'
import { localRemoved } from './removed.ts'
import { REBUILD_CLAIM, RunState } from './run-state.ts'
import { connect, migrate } from './schema.ts'
import { localSearch } from './search.ts'
import { SegmentFiles } from './segment-files.ts'
import { type StagedBody, StagingBudget } from './staging.ts'
import { type StoreStats, storeStats } from './statistics.ts'
import { isOldIndex, sweepSegments } from './sweep.ts'
import { type Random, systemRandom, UniqueIds } from './unique-ids.ts'
import { type VerifyProgress, type VerifyReport, verifyStore } from './verification.ts'
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
  /**
   * When mail is removed for all, where an account has no policy of its own; never otherwise. Give it to the process
   * that calls `expire`, and to those that tell people what applies.
   */
  readonly removeAfter?: RemoveAfter
  /** Told what an operator should know: failed writes, a restarted writer thread, removed leftovers. */
  readonly log?: StoreLog
  /** URL of a module whose default export wraps the file layer; for tests of failures. */
  readonly filesModule?: string
}

/** A maildrop store on one disk. */
export interface LocalStore extends DeviceStore, TrashStore, SearchableStore {
  /**
   * Compares every body with its checksum, and the index with itself and with the files; reads all there is, changes
   * nothing. Damaged messages are named by id and account.
   */
  verify(options?: { readonly onProgress?: (progress: VerifyProgress) => void }): Promise<VerifyReport>
  /**
   * Gives the octets of removed mail back to the disk, while mail comes and goes: rewrites sealed segments of which at
   * least `deadShare` (0 to 1, a third otherwise) is dead. What an open maildrop may still show stays.
   * @throws {StoreError} `busy` while another process does it; `corrupt` where the index is older than the mail
   */
  compact(options?: { readonly deadShare?: number }): Promise<CompactReport>
  /** Counts what the store holds; reads every row. */
  stats(): Promise<StoreStats>
  /** Writes a copy of the index as it is now, while mail comes and goes; `rebuildIndex` can start from it. */
  backupIndex(path: string): Promise<void>
  /**
   * Writes a whole backup into a new folder, while mail comes and goes; `restoreBackup` makes a store of it.
   * @throws {StoreError} `busy` where the folder is not empty, or while another process compacts
   */
  backup(target: string, options?: BackupOptions): Promise<BackupReport>
  /** The same as disposing it. */
  close(): Promise<void>
}

/** How often idle segment files are closed. */
const IDLE_MS = 30_000
/** Segment files kept open for reading. */
const SEGMENT_FILES = 256
/** How long a look at the index waits for another process, which only happens while it recovers or closes it. */
const BUSY_MS = 5000
/** The share of a segment that must be dead before compaction rewrites it. */
const DEAD_SHARE = 1 / 3

/**
 * Opens, or makes, a store in a folder. Resolves when it can be used.
 * @throws {StoreError} `newer-schema`, `io`, `corrupt`, `disk-full`; `busy` while its index is being rebuilt
 */
export async function openLocalStore(options: LocalStoreOptions): Promise<LocalStore> {
  const directory = resolve(options.directory)
  const now = options.now ?? Date.now
  const log = options.log ?? (() => {})
  const random = options.random ?? systemRandom
  const segments = join(directory, 'segments')
  const flush = systemFiles().flushDirectorySync
  guarded(() => {
    const made = mkdirSync(directory, { recursive: true, mode: 0o700 })
    chmodSync(directory, 0o700)
    mkdirSync(segments, { recursive: true, mode: 0o700 })
    // The names of the folders themselves must last, too.
    if (made !== undefined)
      for (let at = directory; at.length >= made.length; at = dirname(at)) flush(dirname(at))
  })
  const files = await loadFiles(options.filesModule)
  const ids = new UniqueIds(now, random)
  // Never from the caller's generator: names of files must differ between processes whatever tests inject.
  const instance = instanceName(new UniqueIds(Date.now, systemRandom).next())
  const segmentMaxOctets = options.segmentMaxOctets ?? 128 * MEBI

  const connections: Connection[] = []
  const connected = (name: 'index' | 'facts' | 'model'): Connection => {
    const connection = connect(directory, name, BUSY_MS)
    connections.push(connection)
    return connection
  }
  let run: RunState | null = null
  let writer: Writer | null = null
  try {
    run = new RunState(directory, instance)
    if (run.isClaimed(REBUILD_CLAIM)) throw new StoreError('busy', 'the index of this store is being rebuilt')
    const databases = { index: connected('index'), facts: connected('facts'), model: connected('model') }
    for (const name of ['index', 'facts', 'model'] as const) migrate(databases[name], name, directory)
    const builder = connected('index')
    guarded(() => files.flushDirectorySync(directory))
    writer = new Writer(
      { directory, instance, segmentMaxOctets, segmentMaxAgeMs: DAY_MS, filesModule: options.filesModule },
      log,
    )
    await writer.start()
    await sweepSegments({ directory: segments, index: databases.index, writer, log })
    return assemble(options, {
      ...databases,
      builder,
      run,
      writer,
      files,
      ids,
      instance,
      segmentMaxOctets,
      directory,
      segments,
      now,
      log,
      closeConnections: () => {
        for (const connection of connections) connection.close()
      },
    })
  } catch (error) {
    await writer?.close()
    run?.close()
    for (const connection of connections) connection.close()
    throw storeError(error)
  }
}

/** What an opened store is made of. */
interface StoreParts {
  readonly index: Connection
  readonly facts: Connection
  readonly model: Connection
  readonly builder: Connection
  readonly run: RunState
  readonly writer: Writer
  readonly files: FileLayer
  readonly ids: UniqueIds
  readonly instance: string
  readonly segmentMaxOctets: number
  readonly directory: string
  readonly segments: string
  readonly now: () => number
  readonly log: StoreLog
  readonly closeConnections: () => void
}

function assemble(options: LocalStoreOptions, parts: StoreParts): LocalStore {
  const { index, facts, model, builder, run, writer, files, ids, segments, now, log } = parts
  let closed: Promise<void> | null = null
  const mustBeOpen = (): void => {
    if (closed) throw new StoreError('closed', 'the store is closed')
  }
  const segmentFiles = new SegmentFiles(segments, SEGMENT_FILES)
  const idle = setInterval(() => segmentFiles.closeIdle(IDLE_MS), IDLE_MS)
  idle.unref()
  const reader = new CopyReader(index, segmentFiles)
  const opened = new Set<OpenMaildrop>()
  const claims = new Set<Claim>()
  const stagedBodies = new Set<StagedBody>()
  const committing = new Set<Promise<unknown>>()
  const space = new FreeSpace(files, parts.directory, options.floorOctets ?? 256 * MEBI)
  const listings = new Listings(index, builder, now, options.listingCacheOctets ?? 64 * MEBI)
  const pickUps = new PickUps({ index, run, writer, log })
  const devices: DeviceTools = {
    index,
    writer,
    pickUps,
    now,
    removeAfter: options.removeAfter ?? null,
    mustBeOpen,
  }
  const learningTools = { index, facts, model, writer, mustBeOpen }
  const purgeErased = async (): Promise<void> => {
    await all(() => writer.run('purgeErased', { realMs: Date.now() }))
    await reap({ writer, run })
  }

  const close = (): Promise<void> => {
    closed ??= (async () => {
      clearInterval(idle)
      await Promise.allSettled([...committing])
      for (const body of stagedBodies) await body.end(false)
      await pickUps.close()
      for (const maildrop of [...opened]) await maildrop[Symbol.asyncDispose]()
      for (const claim of [...claims]) await claim[Symbol.asyncDispose]()
      await writer.close()
      await listings.settle()
      segmentFiles.close()
      run.close()
      parts.closeConnections()
    })()
    return closed
  }

  const claim = async (name: string): Promise<Claim | null> => {
    mustBeOpen()
    if (!run.claim(name)) return null
    const held: Claim = {
      name,
      async [Symbol.asyncDispose]() {
        if (claims.delete(held)) run.unclaim(name)
      },
    }
    claims.add(held)
    return held
  }

  return {
    ...localDelivery({
      place: {
        files,
        space,
        directory: segments,
        instance: parts.instance,
        now,
        budget: new StagingBudget(options.stagingBudgetOctets ?? 64 * MEBI),
      },
      writer,
      ids,
      mustBeOpen,
      isOpen: () => closed === null,
      now,
      addressOf: (account) =>
        index.get<{ address: string }>('SELECT address FROM accounts WHERE id = ?', account)?.address ?? '',
      isUsedSegment: (name) => {
        try {
          return (
            index.get('SELECT 1 FROM segments s JOIN bodies b ON b.segment = s.n WHERE s.name = ?', name) !==
            undefined
          )
        } catch {
          // In doubt the file stays; the next opener looks again.
          return true
        }
      },
      stagedBodies,
      committing,
    }),
    ...localReading({ index, reader, listings, run, pickUps, writer, now, mustBeOpen, opened }),
    ...localKeeping({
      writer,
      run,
      ids,
      devices,
      now,
      recordMs: (options.recordDays ?? 30) * DAY_MS,
      mustBeOpen,
    }),
    ...localDevices(devices),
    ...localRemoved({ index, now, mustBeOpen }),
    ...localSearch({ index, facts, mustBeOpen }),
    directory: localDirectory({ index, writer, ids, pickUps, now, mustBeOpen, purgeErased }),
    records: localRecords(learningTools),
    learning: localLearning(learningTools),
    claim,
    async verify(given = {}) {
      mustBeOpen()
      return verifyStore(
        { directory: segments, index, facts, model, segmentFiles },
        given.onProgress ?? (() => {}),
      )
    },
    async compact(given = {}) {
      await using held = await claim('store:compaction')
      if (!held) throw new StoreError('busy', 'another process is compacting this store')
      if (isOldIndex(index)) {
        throw new StoreError(
          'corrupt',
          'the index is older than the mail; `restante store rebuild-index` first',
        )
      }
      await purgeErased()
      return compactSegments(
        {
          directory: segments,
          instance: parts.instance,
          index,
          writer,
          files,
          segmentFiles,
          segmentMaxOctets: parts.segmentMaxOctets,
          log,
        },
        given.deadShare ?? DEAD_SHARE,
      )
    },
    async stats() {
      mustBeOpen()
      return storeStats(index, facts, space)
    },
    async backup(target, given = {}) {
      // Compaction would take segments away that the copied index names.
      await using held = await claim('store:compaction')
      if (!held) throw new StoreError('busy', 'another process is compacting this store, or backing it up')
      return createBackup(
        { directory: parts.directory, connect: (name) => connect(parts.directory, name, BUSY_MS) },
        target,
        given,
      )
    },
    async backupIndex(path) {
      mustBeOpen()
      // A connection of its own: the copying goes on beside everything else.
      const connection = connect(parts.directory, 'index', BUSY_MS)
      try {
        await connection.backup(path)
      } finally {
        connection.close()
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
