import { chmodSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Octets } from '@restante/mail'
import type { Claim, MaildropStore, OpenMaildrop } from '@restante/maildrop'
import { CopyFiles } from './copy-files.ts'
import { Connection } from './database.ts'
import { maildirDelivery } from './delivery.ts'
import { maildirDirectory } from './directory.ts'
import { guarded, storeError } from './failure.ts'
import { FolderLook } from './folder-look.ts'
import { FreeSpace } from './free-space.ts'
import { Journal } from './journal.ts'
import { maildirKeeping, reap } from './keeping.ts'
import { Layout } from './layout.ts'
import { maildirLearning, maildirRecords } from './learning.ts'
import { Listings } from './listings.ts'
import { Locks } from './locks.ts'
import { flushFolderSync, makeFolder } from './mail-files.ts'
import { instanceName, isInstanceAlive } from './process-identity.ts'
import { maildirReading } from './reading.ts'
import { type StagedBody, Staging } from './staging.ts'
import { change, mustBeOpen, type StoreContext, Turns } from './store-context.ts'
import { type Random, systemRandom, UniqueIds } from './unique-ids.ts'

/** How a Maildir store is opened. */
export interface MaildirStoreOptions {
  /** Its folder, made where it is missing; all of it belongs to the store, `mail/` to other mail programs too. */
  readonly directory: string
  /** Milliseconds since 1970; `Date.now` otherwise. */
  readonly now?: () => number
  /** Fills an array with random octets; the system's secure generator otherwise. */
  readonly random?: Random
  /** Free space deliveries leave on the disk; 256 MB otherwise. */
  readonly floorOctets?: Octets
}

const FLOOR_OCTETS = 256 * 1024 * 1024

/**
 * Opens, or makes, a store of Maildirs in a folder. What a crash left half done is finished first. Any number of
 * processes of one machine may have it open.
 * @throws {StoreError} `newer-schema`, `io`, `corrupt`, `disk-full`, `busy`
 */
export async function openMaildirStore(options: MaildirStoreOptions): Promise<MaildropStore> {
  const layout = new Layout(resolve(options.directory))
  const now = options.now ?? Date.now
  const ids = new UniqueIds(now, options.random ?? systemRandom)
  // Never from the caller's generator: names must differ between processes whatever tests inject.
  const instance = instanceName(new UniqueIds(Date.now, systemRandom).next())
  guarded(() => {
    makeFolder(layout.directory)
    chmodSync(layout.directory, 0o700)
    for (const folder of ['mail', 'staging', 'erased']) makeFolder(join(layout.directory, folder))
  })
  let isOpen = true
  let database: Connection | null = null
  try {
    database = new Connection(layout.directory)
    guarded(() => flushFolderSync(layout.directory))
    const context: StoreContext = {
      layout,
      database,
      turns: new Turns(),
      journal: new Journal(layout),
      ids,
      instance,
      now,
      isOpen: () => isOpen,
    }
    const locks = new Locks(context)
    locks.sweep()
    sweepStaging(layout)
    await change(context, () => null)
    await reap(context, locks)
    return assemble(context, locks, options.floorOctets ?? FLOOR_OCTETS, () => {
      isOpen = false
    })
  } catch (error) {
    database?.close()
    throw storeError(error)
  }
}

/** Removes bodies that processes which are gone had staged. */
function sweepStaging(layout: Layout): void {
  guarded(() => {
    for (const name of readdirSync(layout.staging)) {
      const end = name.lastIndexOf('-')
      if (!isInstanceAlive(name.slice(0, end))) rmSync(join(layout.staging, name), { force: true })
    }
  })
}

/** @param refuse closes the store to new work */
function assemble(
  context: StoreContext,
  locks: Locks,
  floorOctets: Octets,
  refuse: () => void,
): MaildropStore {
  const opened = new Set<OpenMaildrop>()
  const claims = new Set<Claim>()
  const stagedBodies = new Set<StagedBody>()
  const committing = new Set<Promise<unknown>>()
  const space = new FreeSpace(context.layout.directory, floorOctets)
  const staging = new Staging(context.layout.staging, context.instance, space)
  const look = new FolderLook(context)
  const files = new CopyFiles(context, look, staging)
  const listings = new Listings(context.database, context.now)
  let closed: Promise<void> | null = null

  return {
    ...maildirDelivery({ context, staging, space, look, stagedBodies, committing }),
    ...maildirReading({ context, look, files, listings, locks, opened }),
    ...maildirKeeping({ context, files, locks }),
    directory: maildirDirectory({ context, look, locks }),
    records: maildirRecords(context),
    learning: maildirLearning(context),
    async claim(name) {
      mustBeOpen(context)
      const held = locks.take('claim', name)
      if (held === null) return null
      const claim: Claim = {
        name,
        async [Symbol.asyncDispose]() {
          if (claims.delete(claim)) locks.give(held)
        },
      }
      claims.add(claim)
      return claim
    },
    [Symbol.asyncDispose]() {
      closed ??= (async () => {
        refuse()
        await Promise.allSettled([...committing])
        for (const body of stagedBodies) await body.end()
        for (const maildrop of [...opened]) await maildrop[Symbol.asyncDispose]()
        for (const claim of [...claims]) await claim[Symbol.asyncDispose]()
        await context.turns.rest()
        locks.close()
        context.database.close()
      })()
      return closed
    },
  }
}
