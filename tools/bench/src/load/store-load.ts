import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { MessageRecord } from '@restante/maildrop'
import { openLocalStore } from '@restante/store-local'
import { accountOf, localEnvelope } from '../filling.ts'
import { deliverToMaildir, makeMaildir, readMaildir } from '../plain-maildir.ts'
import { makeMail } from '../sample-mail.ts'
import type { DeliverJob, DiskJob, LoadResult, RetrieveJob, StoreJob } from './jobs.ts'
import { startTally, type Tally } from './tally.ts'

const KIBI = 1024
const MEBI = 1024 * 1024
const PIECE = 256 * KIBI
const WARM_UP_MAILS = 500
const WARM_UP_MS = 500
const ADDRESS = 'bench@bench.test'
/** As long as the header lines a receiver puts in front. */
const PREFIX = Buffer.from(
  `Return-Path: <load@sender.example>\r\n${'X-Line: of forty octets, more or less..\r\n'.repeat(9)}`,
)

/** The record a receiver keeps about a message. */
const RECORD: MessageRecord = {
  receivedAtMs: 1_790_000_000_000,
  clientIp: '192.0.2.1',
  helo: 'sender.example',
  reversePath: 'load@sender.example',
  recipient: ADDRESS,
  sizeOctets: KIBI,
  from: 'Load <load@sender.example>',
  subject: 'Measured',
  messageId: '<1@sender.example>',
  attachments: [],
  verdict: {
    disposition: 'accept',
    score: 1,
    threshold: 6,
    symbols: [{ symbol: 'MEASURED', score: 1, why: 'It is.' }],
    skipped: [],
  },
  spamProbability: 0.5,
  features: new Uint8Array(600),
  judgedBy: 'rules 1',
}

/** Runs one load on a store, a Maildir, or the bare disk, in this process. */
export function runStoreLoad(job: StoreJob): Promise<LoadResult> {
  switch (job.kind) {
    case 'deliver':
      return deliver(job)
    case 'retrieve':
      return retrieve(job)
    case 'disk':
      return disk(job)
  }
}

interface Target extends AsyncDisposable {
  deliver(octets: Uint8Array): Promise<void>
  /** Reads messages whole, telling each one's octets, until `goOn` says no. */
  readAll(goOn: () => boolean, read: (octets: number) => void): Promise<void>
}

async function openTarget(job: DeliverJob | RetrieveJob): Promise<Target> {
  if (job.store === 'maildir') {
    await makeMaildir(job.directory)
    return {
      deliver: (octets) => deliverToMaildir(job.directory, octets),
      async readAll(goOn, read) {
        for (const octets of await readMaildir(job.directory, goOn)) read(octets)
      },
      async [Symbol.asyncDispose]() {},
    }
  }
  const store = await openLocalStore({ directory: job.directory })
  const account = await accountOf(store, ADDRESS)
  return {
    async deliver(octets) {
      const staged = await store.stage(octets)
      const [outcome] = await staged.commit(localEnvelope(Date.now()), [
        { account, folder: 'inbox', prefix: PREFIX, record: RECORD },
      ])
      if (!outcome || 'failed' in outcome) throw new Error(outcome?.failed ?? 'no outcome')
    },
    async readAll(goOn, read) {
      const opened = await store.open({ account, folder: 'inbox', view: 'classic' })
      if ('failed' in opened) throw new Error(opened.failed)
      await using maildrop = opened.maildrop
      for (let index = 0; index < maildrop.listing.count && goOn(); index++) {
        let octets = 0
        for (;;) {
          const piece = maildrop.readAt(index, octets, PIECE)
          const { length } = piece instanceof Promise ? await piece : piece
          octets += length
          if (length < PIECE) break
        }
        read(octets)
      }
    },
    [Symbol.asyncDispose]: () => store.close(),
  }
}

async function deliver(job: DeliverJob): Promise<LoadResult> {
  await using target = await openTarget(job)
  const octets = makeMail({ sizeOctets: job.sizeOctets, seed: 1 })
  // Not measured: code that is not compiled yet, files that are not made yet.
  await deliverMany(target, octets, { ...job, mails: WARM_UP_MAILS, maxMs: WARM_UP_MS }, startTally())
  const tally = startTally()
  await deliverMany(target, octets, job, tally)
  return tally.result()
}

async function deliverMany(
  target: Target,
  octets: Uint8Array,
  job: { readonly writers: number; readonly mails: number; readonly maxMs: number },
  tally: Tally,
): Promise<void> {
  let begun = 0
  const writer = async (): Promise<void> => {
    while (begun < job.mails && tally.elapsedMs() <= job.maxMs && tally.failures === 0) {
      begun++
      const startMs = performance.now()
      try {
        await target.deliver(octets)
        tally.done(performance.now() - startMs, octets.length)
      } catch (error) {
        tally.failed(error)
      }
    }
  }
  await Promise.all(Array.from({ length: job.writers }, writer))
}

async function retrieve(job: RetrieveJob): Promise<LoadResult> {
  await using target = await openTarget(job)
  const octets = makeMail({ sizeOctets: job.sizeOctets, seed: 1 })
  const filling = startTally()
  await deliverMany(target, octets, { writers: 50, mails: job.mails, maxMs: job.maxMs * 4 }, filling)
  if (filling.failures > 0) return filling.result()
  // Once without the clock, so that everything is as warm as the second time.
  await target.readAll(
    () => true,
    () => {},
  )
  const tally = startTally()
  const goOn = (): boolean => tally.elapsedMs() <= job.maxMs
  try {
    while (goOn()) await target.readAll(goOn, (read) => tally.done(0, read))
  } catch (error) {
    tally.failed(error)
  }
  return tally.result()
}

async function disk(job: DiskJob): Promise<LoadResult> {
  const piece = Buffer.alloc(job.what === 'write' ? MEBI : KIBI, 'x')
  const file = openSync(join(job.directory, 'disk'), 'w', 0o600)
  const tally = startTally()
  try {
    for (let octets = 0; octets < job.maxOctets && tally.elapsedMs() <= job.maxMs; octets += piece.length) {
      const startMs = performance.now()
      writeSync(file, piece)
      if (job.what === 'fdatasync') fdatasyncSync(file)
      tally.done(performance.now() - startMs, piece.length)
    }
    fdatasyncSync(file)
  } catch (error) {
    tally.failed(error)
  } finally {
    closeSync(file)
  }
  return tally.result()
}
