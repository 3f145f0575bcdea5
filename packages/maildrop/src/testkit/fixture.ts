import { concatOctets, type Envelope, latin1Octets, latin1Text, type UniqueId } from '@restante/mail'
import { expect, test as vitestTest } from 'vitest'
import type { CopyOrder, CopyOutcome, Hold, Staged } from '../delivery.ts'
import type { Account } from '../directory.ts'
import type { Feedback, Log } from '../learning.ts'
import type { Actor, CopyName, OpenMaildrop, StoredCopy } from '../reading.ts'
import type { MessageRecord } from '../record.ts'
import type { MaildropStore } from '../store.ts'
import { type Folder, INBOX, type MaildropKey, QUARANTINE, type View } from '../words.ts'

/** What the kit gives to a store that is being made. */
export interface SuiteTools {
  /** The kit's clock: stands still, and jumps when a test says so. The store must know no other. */
  readonly now: () => number
}

/** A store under test, with what only its maker can do. */
export interface StoreUnderTest {
  readonly store: MaildropStore
  /**
   * Closes the store and opens it again on the same data. Needed with the option `durable`. Called with the last
   * store still open or already disposed.
   */
  readonly reopen?: () => Promise<MaildropStore>
  /** Called once at the end of the test, when the store is disposed: removes what it left behind. */
  readonly remove?: () => Promise<void>
}

/** Makes an empty store for one test. */
export type MakeStore = (
  tools: SuiteTools,
) => MaildropStore | StoreUnderTest | Promise<MaildropStore | StoreUnderTest>

/** Adds a test that gets a store of its own. */
export type StoreTest = (title: string, body: (fixture: Fixture) => Promise<void>, timeoutMs?: number) => void

/** The `test` of one store: every test it adds runs on a fresh store, disposed at its end. */
export function testsOn(makeStore: MakeStore): StoreTest {
  return (title, body, timeoutMs) => {
    vitestTest(
      title,
      async () => {
        await using fixture = new Fixture(makeStore)
        await fixture.start()
        await body(fixture)
      },
      timeoutMs,
    )
  }
}

/** Milliseconds of an hour. */
export const HOUR_MS = 3_600_000
/** Milliseconds of a day. */
export const DAY_MS: number = 24 * HOUR_MS
/** Where the kit's clock starts: 2026-03-02 08:00 UTC. */
export const START_MS: number = Date.UTC(2026, 2, 2, 8)

/** The administrator's command line. */
export const ADMIN: Actor = { account: null, by: 'command' }

/** A plain message with a subject. */
export function message(subject: string, text = 'Hello.'): string {
  return `From: bob@sender.example\r\nTo: anna@acme.example\r\nSubject: ${subject}\r\n\r\n${text}\r\n`
}

/** A hold that ends after so many milliseconds from the kit's start; never where null. */
export function holdFor(lifeMs: number | null = 30 * DAY_MS): Hold {
  return {
    class: 'spam',
    reason: 'It looks like spam.',
    expiresAtMs: lifeMs === null ? null : START_MS + lifeMs,
  }
}

/** A record as the filter would write it. */
export function recordOf(change: Partial<MessageRecord> = {}): MessageRecord {
  return {
    receivedAtMs: START_MS,
    clientIp: '192.0.2.1',
    helo: 'sender.example',
    reversePath: 'bob@sender.example',
    recipient: 'anna@acme.example',
    sizeOctets: 123,
    from: 'Bob <bob@sender.example>',
    subject: 'Grüße \u{1f4ee}',
    messageId: '<1@sender.example>',
    attachments: [{ name: 'a.pdf', type: 'application/pdf', sizeOctets: 9 }],
    verdict: {
      disposition: 'tag',
      score: 6.25,
      threshold: 6,
      symbols: [{ symbol: 'LYING_LINK', score: 6.25, why: 'A link lies.', evidence: ['bank.example'] }],
      skipped: ['antivirus'],
    },
    spamProbability: 0.875,
    features: Uint8Array.of(0, 1, 254, 255),
    judgedBy: 'rules 3, model 7',
    ...change,
  }
}

/** What a delivery may say of its copy besides the account. */
export type OrderChange = Partial<Omit<CopyOrder, 'account' | 'prefix'>> & { readonly prefix?: string }

/** A folder of an account through a view, the inbox in the classic view where not said. */
export interface Where {
  readonly folder?: Folder
  readonly view?: View
}

/** One store, its clock, and the short words the tests are written in. */
export class Fixture implements AsyncDisposable {
  nowMs: number = START_MS
  store!: MaildropStore
  readonly #makeStore: MakeStore
  #reopen: (() => Promise<MaildropStore>) | undefined
  #remove: (() => Promise<void>) | undefined

  constructor(makeStore: MakeStore) {
    this.#makeStore = makeStore
  }

  /** Makes the store. */
  async start(): Promise<void> {
    const made = await this.#makeStore({ now: () => this.nowMs })
    if ('store' in made) {
      this.store = made.store
      this.#reopen = made.reopen
      this.#remove = made.remove
    } else this.store = made
  }

  /** Closes the store and opens it again on the same data. */
  async reopen(): Promise<void> {
    if (this.#reopen === undefined) throw new Error('a durable store must come with reopen()')
    this.store = await this.#reopen()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store?.[Symbol.asyncDispose]()
    await this.#remove?.()
  }

  /** A new account. */
  async account(address = 'anna@acme.example'): Promise<Account> {
    const account = await this.store.directory.addAccount(address)
    if (account === null) throw new Error(`the store refused to add ${address}`)
    return account
  }

  envelope(): Envelope {
    return {
      reversePath: { localPart: 'bob', domain: 'sender.example' },
      recipients: [{ localPart: 'anna', domain: 'acme.example' }],
      clientIp: '192.0.2.1',
      helo: 'sender.example',
      receivedAtMs: this.nowMs,
      protocol: 'ESMTP',
      tls: null,
      authenticatedAs: null,
      sessionId: 'kit',
    }
  }

  /** Stages octets (text is Latin-1, one octet a character). */
  stage(octets: string | Uint8Array | AsyncIterable<Uint8Array>): Promise<Staged> {
    return this.store.stage(typeof octets === 'string' ? latin1Octets(octets) : octets)
  }

  /** Stages and commits; whatever the outcomes are. */
  async commit(
    octets: string | Uint8Array | AsyncIterable<Uint8Array>,
    copies: readonly CopyOrder[],
  ): Promise<readonly CopyOutcome[]> {
    const staged = await this.stage(octets)
    return staged.commit(this.envelope(), copies)
  }

  /** Delivers one copy and expects it stored. */
  async deliver(
    account: Pick<Account, 'id'>,
    octets: string | Uint8Array | AsyncIterable<Uint8Array> = message('hi'),
    change: OrderChange = {},
  ): Promise<UniqueId> {
    const outcomes = await this.commit(octets, [orderFor(account, change)])
    return storedId(outcomes[0])
  }

  /** Delivers one copy into the quarantine. */
  hold(
    account: Pick<Account, 'id'>,
    octets: string | Uint8Array = message('held'),
    change: OrderChange = {},
  ): Promise<UniqueId> {
    return this.deliver(account, octets, { folder: QUARANTINE, hold: holdFor(), ...change })
  }

  /** Opens a maildrop and expects it open. */
  async open(account: Pick<Account, 'id'>, where: Where = {}): Promise<OpenMaildrop> {
    const opened = await this.store.open(keyOf(account, where))
    if ('failed' in opened) {
      throw new Error(`opening ${JSON.stringify(keyOf(account, where))} answered ${opened.failed}`)
    }
    return opened.maildrop
  }

  /** Marks messages and commits: what DELE and QUIT do. */
  async quit(maildrop: OpenMaildrop, deletedIndexes: readonly number[]): Promise<void> {
    expect(await maildrop.commit(deletedIndexes)).toEqual({ ok: true })
    await maildrop[Symbol.asyncDispose]()
  }

  /** One session that deletes the messages of these ids. */
  async dele(account: Pick<Account, 'id'>, ids: readonly UniqueId[], where: Where = {}): Promise<void> {
    const maildrop = await this.open(account, where)
    const indexes = ids.map((id) => maildrop.listing.ids.indexOf(id))
    expect(indexes, `every one of ${ids} is listed`).not.toContain(-1)
    await this.quit(maildrop, indexes)
  }

  /** The unique-ids a session would see. */
  async ids(account: Pick<Account, 'id'>, where: Where = {}): Promise<readonly UniqueId[]> {
    await using maildrop = await this.open(account, where)
    return maildrop.listing.ids
  }

  /** The messages a session would read, as Latin-1 text. */
  async texts(account: Pick<Account, 'id'>, where: Where = {}): Promise<readonly string[]> {
    await using maildrop = await this.open(account, where)
    const texts: string[] = []
    for (let i = 0; i < maildrop.listing.count; i++) texts.push(await readText(maildrop, i))
    return texts
  }

  /** A copy's octets as Latin-1 text, or null. */
  async readCopy(name: CopyName): Promise<string | null> {
    const octets = await this.store.read(name)
    return octets && latin1Text(await gather(octets))
  }

  async copies(account: Pick<Account, 'id'>, folder?: Folder): Promise<readonly StoredCopy[]> {
    const copies: StoredCopy[] = []
    for await (const copy of this.store.copies(account.id, folder)) copies.push(copy)
    return copies
  }

  /** All of the feedback log. */
  feedback(): Promise<readonly Feedback[]> {
    return entriesOf(this.store.learning.feedback)
  }
}

/** A key of an account's folder through a view. */
export function keyOf(account: Pick<Account, 'id'>, where: Where = {}): MaildropKey {
  return { account: account.id, folder: where.folder ?? INBOX, view: where.view ?? 'classic' }
}

/** One copy for an account's inbox, or as changed. */
export function orderFor(account: Pick<Account, 'id'>, change: OrderChange = {}): CopyOrder {
  return { folder: INBOX, ...change, account: account.id, prefix: latin1Octets(change.prefix ?? '') }
}

/** The id of a copy that was stored. */
export function storedId(outcome: CopyOutcome | undefined): UniqueId {
  if (outcome === undefined || 'failed' in outcome) {
    throw new Error(`expected a stored copy, not ${JSON.stringify(outcome)}`)
  }
  return outcome.stored.id
}

/** All chunks of a source in one array. */
export async function gather(octets: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of octets) chunks.push(chunk.slice())
  return concatOctets(chunks)
}

/** `length` octets of a message from `position` (all by default), however many reads that takes. */
export async function readOctets(
  maildrop: OpenMaildrop,
  index: number,
  position = 0,
  length: number = (maildrop.listing.sizes[index] as number) - position,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for (let at = position; at < position + length; ) {
    const chunk = await maildrop.readAt(index, at, position + length - at)
    if (chunk.length > position + length - at) throw new Error(`readAt gave more than it was asked for`)
    if (chunk.length === 0) break
    chunks.push(chunk)
    at += chunk.length
  }
  return concatOctets(chunks)
}

/** A whole message as Latin-1 text. */
export async function readText(maildrop: OpenMaildrop, index: number): Promise<string> {
  const octets = await readOctets(maildrop, index)
  expect(octets.length, `octets read of message ${index} against its size`).toBe(
    maildrop.listing.sizes[index],
  )
  return latin1Text(octets)
}

/** Every entry of a log, oldest first. */
export async function entriesOf<T>(log: Log<T>): Promise<readonly T[]> {
  return (await log.since(0, 1_000_000)).map(({ entry }) => entry)
}

/** Chunks of a text, handed out in one buffer that is written over for each of them. */
export async function* inReusedBuffer(octets: Uint8Array, chunkOctets: number): AsyncIterable<Uint8Array> {
  const buffer = new Uint8Array(chunkOctets)
  for (let at = 0; at < octets.length; at += chunkOctets) {
    const chunk = octets.subarray(at, at + chunkOctets)
    buffer.set(chunk)
    yield buffer.subarray(0, chunk.length)
    buffer.fill(0x23)
  }
}
