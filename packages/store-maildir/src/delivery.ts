import { link, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Envelope, isUniqueId, type StoredForm, type UniqueId } from '@restante/mail'
import {
  type CopyOrder,
  type CopyOutcome,
  type Delivery,
  INBOX,
  isFolder,
  type MessageRecord,
  PREFIX_MAX_OCTETS,
  QUARANTINE,
  type Splice,
  type Staged,
  StoreError,
} from '@restante/maildrop'
import type { Connection } from './database.ts'
import { guarded, guardedWait, isAbsent } from './failure.ts'
import type { FolderLook } from './folder-look.ts'
import type { FreeSpace } from './free-space.ts'
import { baseName, maildirIn } from './layout.ts'
import { flushFolder, makeMaildir, writeFlushed } from './mail-files.ts'
import { LIVE } from './schema.ts'
import type { StagedBody, Staging } from './staging.ts'
import { accountRow, change, mustBeOpen, nextPlace, type StoreContext } from './store-context.ts'

/** Deliveries whose files lie ready are committed together, at most so many. */
const BATCH_MAX = 100
/** Links made at once. */
const LINKS_AT_ONCE = 64

/** What delivering needs of the store. */
export interface DeliveryTools {
  readonly context: StoreContext
  readonly staging: Staging
  readonly space: FreeSpace
  readonly look: FolderLook
  /** Bodies staged but neither committed nor discarded, so that closing the store drops them. */
  readonly stagedBodies: Set<StagedBody>
  /** Commits closing the store waits for. */
  readonly committing: Set<Promise<unknown>>
}

/** A copy whose file lies ready in its folder's `tmp`. */
interface ReadyCopy {
  readonly order: CopyOrder
  readonly form: StoredForm
  readonly record: string | null
  readonly features: Uint8Array | null
  readonly arrivedAtMs: number
  /** Null where there is no such account. */
  readonly file: {
    readonly account: number
    readonly maildir: string
    /** In its `tmp`. */
    readonly name: string
    readonly path: string
  } | null
}

interface Job {
  readonly copies: readonly ReadyCopy[]
  readonly done: (outcomes: readonly CopyOutcome[]) => void
  readonly failed: (error: unknown) => void
}

/** The delivering side of a Maildir store. */
export function maildirDelivery(tools: DeliveryTools): Delivery {
  const { context, staging, space } = tools
  const commits = new CommitQueue(context)
  return {
    async stage(octets) {
      mustBeOpen(context)
      const body = await staging.take(octets)
      if (context.isOpen()) return stagedFrom(tools, commits, body)
      await body.end()
      throw new StoreError('closed', 'the store is closed')
    },
    hasRoomFor: (sizeOctets) => context.isOpen() && space.hasRoomFor(sizeOctets),
  }
}

function stagedFrom(tools: DeliveryTools, commits: CommitQueue, body: StagedBody): Staged {
  const { form } = body
  let ended = false
  tools.stagedBodies.add(body)
  const drop = async (): Promise<void> => {
    if (ended) return
    ended = true
    tools.stagedBodies.delete(body)
    await body.end()
  }
  return {
    ...form,
    read: () => body.read(),
    async readWhole(maxOctets) {
      if (form.sizeOctets > maxOctets) return null
      if (body.whole) return body.whole
      const whole = new Uint8Array(form.sizeOctets)
      let at = 0
      for await (const chunk of body.read()) {
        whole.set(chunk, at)
        at += chunk.length
      }
      return whole
    },
    async commit(envelope, copies) {
      mustBeOpen(tools.context)
      for (const order of copies) checkOrder(order, form.bodyOffset)
      if (ended) throw new StoreError('closed', 'this body was committed or discarded already')
      ended = true
      tools.stagedBodies.delete(body)
      const work = commitBody(tools, commits, body, envelope, copies.map(ownOrder))
      tools.committing.add(work)
      try {
        return await work
      } finally {
        tools.committing.delete(work)
      }
    },
    discard: drop,
    [Symbol.asyncDispose]: drop,
  }
}

/** @throws {RangeError} where an order breaks the contract's words; a caller's fault, not an outage. */
function checkOrder({ folder, prefix, splice, hold, id }: CopyOrder, bodyOffset: number): void {
  if (!isFolder(folder)) throw new RangeError(`${JSON.stringify(folder)} names no folder`)
  if (id !== undefined && !isUniqueId(id)) throw new RangeError(`${JSON.stringify(id)} is no unique-id`)
  if (prefix.length > PREFIX_MAX_OCTETS) throw new RangeError('the prefix is too long')
  if ((folder === QUARANTINE) !== (hold !== undefined)) {
    throw new RangeError('a hold belongs to copies in the quarantine, and to each of them')
  }
  if (splice && (splice.offset < 0 || splice.length < 0 || splice.offset + splice.length > bodyOffset)) {
    throw new RangeError('the splice is not inside the header')
  }
}

/** The caller may write to his arrays once the commit has begun. */
function ownOrder(order: CopyOrder): CopyOrder {
  const { splice } = order
  return {
    ...order,
    prefix: new Uint8Array(order.prefix),
    ...(splice && { splice: { ...splice, replacement: new Uint8Array(splice.replacement) } }),
  }
}

async function commitBody(
  tools: DeliveryTools,
  commits: CommitQueue,
  body: StagedBody,
  envelope: Envelope,
  orders: readonly CopyOrder[],
): Promise<readonly CopyOutcome[]> {
  // Files in `tmp` that are to go again: all of them, until some were stored.
  let left: readonly string[] = []
  try {
    if (orders.length === 0) return []
    await lookAtFull(tools, orders)
    const copies = placeCopies(tools, body, envelope, orders)
    const paths = copies.map((copy) => copy.file?.path)
    left = paths.filter((path) => path !== undefined)
    await guardedWait(() => writeCopies(tools, body, copies))
    const outcomes = await commits.commit(copies)
    left = paths.filter(
      (path, i) => path !== undefined && 'failed' in (outcomes[i] as CopyOutcome),
    ) as string[]
    return outcomes
  } finally {
    await Promise.allSettled(left.map((path) => rm(path, { force: true })))
    await body.end()
  }
}

/** An account is refused for its quota only after a look at what other programs deleted. */
async function lookAtFull({ context, look }: DeliveryTools, orders: readonly CopyOrder[]): Promise<void> {
  for (const id of new Set(orders.map((order) => order.account))) {
    const account = accountRow(context.database, id)
    if (account !== null && isFull(context.database, account.n)) await look.account(account.n, account.home)
  }
}

/** Says where each copy's file goes, and what its texts are. */
function placeCopies(
  { context, staging }: DeliveryTools,
  body: StagedBody,
  envelope: Envelope,
  orders: readonly CopyOrder[],
): readonly ReadyCopy[] {
  const accounts = new Map<string, ReturnType<typeof accountRow>>()
  const stem = basename(staging.newPath())
  return orders.map((order, i) => {
    let account = accounts.get(order.account)
    if (account === undefined) {
      account = guarded(() => accountRow(context.database, order.account))
      accounts.set(order.account, account)
    }
    const { folder, prefix } = order
    const maildir = account && maildirIn(context.layout.home(account.home), folder)
    const name = `${stem}-${i}`
    return {
      order,
      form: copyForm(prefix, body.form, order.splice ?? null),
      arrivedAtMs: order.arrivedAtMs ?? envelope.receivedAtMs,
      file:
        account && maildir ? { account: account.n, maildir, name, path: join(maildir, 'tmp', name) } : null,
      ...recordTexts(order.record),
    }
  })
}

/** Writes each different text once, flushed, and links it to every folder it goes to. */
async function writeCopies(
  { space }: DeliveryTools,
  body: StagedBody,
  copies: readonly ReadyCopy[],
): Promise<void> {
  const firsts = new Map<string, string>()
  const folders = new Set<string>()
  const links: (() => Promise<void>)[] = []
  for (const { order, form, arrivedAtMs, file } of copies) {
    if (file === null) continue
    const { prefix, folder } = order
    const splice = order.splice ?? null
    const write = async (): Promise<void> => {
      space.spend(form.sizeOctets)
      space.mustHaveRoomFor(0)
      await rm(file.path, { force: true })
      await writeFlushed(file.path, copyText(body, prefix, splice), arrivedAtMs)
    }
    const key = JSON.stringify([
      Buffer.from(prefix).toString('latin1'),
      splice && [splice.offset, splice.length, Buffer.from(splice.replacement).toString('latin1')],
      arrivedAtMs,
    ])
    const first = firsts.get(key)
    const make = (work: () => Promise<void>) => inMaildir(file.maildir, folder, work)
    if (first === undefined) {
      await make(write)
      firsts.set(key, file.path)
    } else {
      links.push(() => make(async () => ((await linked(first, file.path)) ? undefined : write())))
    }
    folders.add(join(file.maildir, 'tmp'))
  }
  for (let at = 0; at < links.length; at += LINKS_AT_ONCE) {
    await Promise.all(links.slice(at, at + LINKS_AT_ONCE).map((work) => work()))
  }
  await Promise.all([...folders].map((folder) => flushFolder(folder)))
}

/** Does what needs a Maildir; makes it where it is missing. */
async function inMaildir(maildir: string, folder: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isAbsent(error)) throw error
    makeMaildir(maildir, folder !== INBOX)
    await work()
  }
}

/** Whether a second name was given to a file; a file has a limit of them. */
async function linked(first: string, path: string): Promise<boolean> {
  try {
    await link(first, path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EMLINK' || code === 'EPERM' || code === 'ENOTSUP' || code === 'EXDEV') return false
    throw error
  }
}

/** Size and shape of a copy: prefix, body, and the splice in its header. */
function copyForm(prefix: Uint8Array, body: StoredForm, splice: Splice | null): StoredForm {
  const more = prefix.length + (splice === null ? 0 : splice.replacement.length - splice.length)
  return {
    sizeOctets: body.sizeOctets + more,
    bodyOffset: body.bodyOffset + more,
    needsStuffing: body.needsStuffing,
  }
}

/** A copy's octets: prefix, body, splice. */
async function* copyText(
  body: StagedBody,
  prefix: Uint8Array,
  splice: Splice | null,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield prefix
  if (splice === null) yield* body.read()
  else {
    const after = splice.offset + splice.length
    yield* body.read(0, splice.offset)
    yield splice.replacement
    yield* body.read(after, body.form.sizeOctets - after)
  }
}

function recordTexts(record: MessageRecord | undefined): {
  readonly record: string | null
  readonly features: Uint8Array | null
} {
  if (record === undefined) return { record: null, features: null }
  const { features, ...rest } = record
  return { record: JSON.stringify(rest), features: features ? new Uint8Array(features) : null }
}

/** Commits what lies ready, all that came meanwhile in one transaction. */
class CommitQueue {
  readonly #context: StoreContext
  #jobs: Job[] = []
  #isRunning = false

  constructor(context: StoreContext) {
    this.#context = context
  }

  commit(copies: readonly ReadyCopy[]): Promise<readonly CopyOutcome[]> {
    return new Promise((done, failed) => {
      this.#jobs.push({ copies, done, failed })
      if (!this.#isRunning) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#jobs.length > 0) {
      // Those that become ready in the same moment go together.
      await new Promise((resolve) => setImmediate(resolve))
      const jobs = this.#jobs.splice(0, BATCH_MAX)
      const entered: number[] = []
      try {
        const outcomes = await change(this.#context, (database) =>
          jobs.map((job) => job.copies.map((copy) => this.#enter(database, copy, entered))),
        )
        for (const [i, job] of jobs.entries()) job.done(outcomes[i] as readonly CopyOutcome[])
      } catch (error) {
        this.#takeBack(entered)
        for (const job of jobs) job.failed(error)
      }
    }
    this.#isRunning = false
  }

  /** Takes out what was entered but could not be made durable: nobody was told that it was stored. */
  #takeBack(entered: readonly number[]): void {
    const copies = JSON.stringify(entered)
    const { database } = this.#context
    try {
      database.transaction(() => {
        database.run('DELETE FROM journal WHERE copy IN (SELECT value FROM json_each(?))', copies)
        database.run('DELETE FROM copies WHERE n IN (SELECT value FROM json_each(?))', copies)
      })
    } catch {
      // Nothing was entered, or it stays: mail that comes twice is better than none.
    }
  }

  #enter(database: Connection, copy: ReadyCopy, entered: number[]): CopyOutcome {
    const { order, form, arrivedAtMs, file, record, features } = copy
    if (file === null || accountRow(database, order.account)?.n !== file.account) {
      return { failed: 'no-such-account' }
    }
    const { account } = file
    if (isFull(database, account)) return { failed: 'over-quota' }
    const { ids, now } = this.#context
    if (order.id !== undefined && hasId(database, account, order.folder, order.id)) {
      return { failed: 'duplicate-id' }
    }
    const made: UniqueId = ids.next()
    const id = order.id ?? made
    const { sizeOctets, bodyOffset, needsStuffing } = form
    const { lastRow } = database.run(
      `INSERT INTO copies (account, folder, uid, base, state, place, arrived_at_ms, changed_at_ms, size, body_offset,
         stuffing, raw_size, hold_class, hold_reason, hold_expires_at_ms)
       VALUES (?, ?, ?, ?, ${LIVE}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      account,
      order.folder,
      id,
      baseName(now(), made, sizeOctets, sizeOctets),
      nextPlace(database),
      arrivedAtMs,
      now(),
      sizeOctets,
      bodyOffset,
      needsStuffing ? 1 : 0,
      sizeOctets,
      order.hold?.class ?? null,
      order.hold?.reason ?? null,
      order.hold?.expiresAtMs ?? null,
    )
    entered.push(lastRow)
    database.run(
      "INSERT INTO journal (copy, kind, folder, base) VALUES (?, 'tmp', ?, ?)",
      lastRow,
      order.folder,
      file.name,
    )
    if (record !== null) {
      database.run(
        'INSERT INTO records (id, account, received_at_ms, record, features) VALUES (?, ?, ?, ?, ?)',
        id,
        account,
        order.record?.receivedAtMs ?? arrivedAtMs,
        record,
        features,
      )
    }
    return { stored: { id, sizeOctets } }
  }
}

function hasId(database: Connection, account: number, folder: string, id: UniqueId): boolean {
  return (
    database.get('SELECT 1 FROM copies WHERE uid = ? AND account = ? AND folder = ?', id, account, folder) !==
    undefined
  )
}

/** Whether an account is at or over its quota. */
function isFull(database: Connection, account: number): boolean {
  const row = database.get<{ full: number | null }>(
    `SELECT coalesce(sum(f.octets), 0) >= a.quota_octets OR coalesce(sum(f.messages), 0) >= a.quota_messages AS full
     FROM accounts a LEFT JOIN folders f ON f.account = a.n WHERE a.n = ?`,
    account,
  )
  return row?.full === 1
}
