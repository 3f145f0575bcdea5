import type { Octets, UniqueId } from '@restante/mail'
import type { UniqueIdLine } from '@restante/pop3'
import type { Pop3Client } from './client.ts'
import { connectPop3 } from './connect.ts'
import { Pop3Error } from './error.ts'
import { isDue, type Keep, type Listed, listMessages, planFetch } from './fetch-plan.ts'
import type { FetchEntry, FetchState } from './fetch-state.ts'
import { type ConnectOptions, DEFAULT_CLIENT_LIMITS } from './options.ts'

/** A message that is new here. */
export interface NewMessage {
  readonly id: UniqueId
  /** What LIST says; the octets may be more or fewer. */
  readonly listedOctets: Octets
  /** The message as it comes, CRLF line ends; once. What is not read is thrown away. */
  readonly octets: AsyncIterable<Uint8Array>
  /** All of it in one array, in place of `octets`. */
  whole(): Promise<Uint8Array>
  /**
   * The message was handed out before, by a process that ended before it said whether it was taken: look whether it
   * was. Only then can a message come twice.
   */
  readonly mayRepeat: boolean
}

/** How far a fetch has come. */
export interface FetchProgress {
  readonly messages: number
  readonly ofMessages: number
  readonly octets: Octets
  readonly ofOctets: Octets
}

/** What to fetch, and where it goes. */
export interface FetchOptions {
  readonly server: ConnectOptions
  readonly state: FetchState
  /** Takes a message. Once it resolves, the message is taken for good; where it rejects, the message comes again. */
  readonly onMessage: (message: NewMessage) => void | Promise<void>
  /** Default `forever`. */
  readonly keep?: Keep
  /** Larger messages stay where they are, and are named in the report. Default 256 MiB. */
  readonly maxMessageOctets?: Octets
  /** Whether to go on with the next message where `onMessage` rejects. Default `stop`: the fetch rejects. */
  readonly onRejected?: (error: unknown, message: NewMessage) => 'stop' | 'skip'
  readonly progress?: (progress: FetchProgress) => void
  readonly signal?: AbortSignal
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** What a fetch did. */
export interface FetchReport {
  readonly fetched: number
  readonly fetchedOctets: Octets
  readonly deleted: number
  /** Messages on the server now. */
  readonly left: number
  readonly tooLarge: readonly UniqueId[]
  /** Came shorter than announced; they are not deleted. */
  readonly short: readonly UniqueId[]
  /** Refused by the server, rejected by `onMessage` and skipped, or not deletable; tried again next time. */
  readonly failed: readonly { readonly id: UniqueId; readonly error: unknown }[]
  /** The shortest time between logins the server asks for. */
  readonly loginDelaySeconds: number
}

/** A server that counts an LF where it sends CRLF is off by up to this factor. */
const SIZE_SLACK_FACTOR = 2
const SIZE_SLACK_OCTETS: Octets = 65_536
/** Deletions asked for at once. */
const DELETE_BATCH = 1_000

/**
 * Fetches every message that was not fetched before, deletes what is due, and ends the session. Whatever breaks in
 * between, the next call goes on from there: nothing is lost, nothing comes twice (but see `mayRepeat`).
 *
 * @throws {Pop3Error} where the session broke; what had been taken until then stays taken
 */
export async function fetchNew(options: FetchOptions): Promise<FetchReport> {
  const { signal, server } = options
  const signals = [signal, server.signal].filter((each) => each !== undefined)
  const client = await connectPop3({
    ...server,
    ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
  })
  try {
    return await new Fetch(client, options).run()
  } catch (error) {
    client.close()
    for (const each of signals) each.throwIfAborted()
    throw error instanceof Rejected ? error.cause : error
  }
}

class Fetch {
  readonly #client: Pop3Client
  readonly #options: FetchOptions
  readonly #keep: Keep
  readonly #now: () => number
  #fetched = 0
  #octets: Octets = 0
  readonly #short: UniqueId[] = []
  readonly #failed: { readonly id: UniqueId; readonly error: unknown }[] = []
  readonly #remove: Listed[] = []

  constructor(client: Pop3Client, options: FetchOptions) {
    this.#client = client
    this.#options = options
    this.#keep = options.keep ?? 'forever'
    this.#now = options.now ?? Date.now
  }

  async run(): Promise<FetchReport> {
    const client = this.#client
    const { state, maxMessageOctets = DEFAULT_CLIENT_LIMITS.messageOctets } = this.#options
    const [known, sizes, ids] = await Promise.all([state.load(), client.list(), uniqueIds(client)])
    const plan = planFetch(listMessages(sizes, ids), known, this.#keep, maxMessageOctets, this.#now())
    await state.put(plan.change, false)
    await state.forget(plan.forget)
    this.#remove.push(...plan.remove)
    await this.#fetchAll(plan.fetch, known)
    const deleted = await this.#deleteAll()
    await client.quit()
    return {
      fetched: this.#fetched,
      fetchedOctets: this.#octets,
      deleted,
      left: plan.listed.length - deleted,
      tooLarge: plan.tooLarge.map(({ id }) => id),
      short: this.#short,
      failed: this.#failed,
      loginDelaySeconds: client.capabilities.loginDelaySeconds,
    }
  }

  async #fetchAll(messages: readonly Listed[], known: ReadonlyMap<UniqueId, FetchEntry>): Promise<void> {
    const ofOctets = messages.reduce((sum, { sizeOctets }) => sum + sizeOctets, 0)
    let at = 0
    let octets = 0
    while (at < messages.length) {
      const left = messages.slice(at)
      const most = new Map(left.map((each) => [each.number, mostOctets(each)]))
      try {
        const numbers = left.map(({ number }) => number)
        const maxOctets = (number: number) => most.get(number) as Octets
        for await (const coming of this.#client.retrMany(numbers, { maxOctets })) {
          const message = messages[at] as Listed
          const mayRepeat = known.get(message.id)?.stage === 'begun'
          await this.#handOut(message, coming.octets, mayRepeat)
          at++
          octets += message.sizeOctets
          this.#options.progress?.({ messages: at, ofMessages: messages.length, octets, ofOctets })
        }
      } catch (error) {
        // Refused by the server, the session goes on: the rest is asked for again.
        if (!(error instanceof Pop3Error) || this.#client.closed) throw error
        this.#failed.push({ id: (messages[at] as Listed).id, error })
        at++
      }
    }
  }

  async #handOut(listed: Listed, octets: AsyncIterable<Uint8Array>, mayRepeat: boolean): Promise<void> {
    const { state, onMessage, onRejected } = this.#options
    const { id } = listed
    const source = new Source(octets)
    const message: NewMessage = {
      id,
      listedOctets: listed.sizeOctets,
      octets: source,
      whole: () => source.whole(),
      mayRepeat,
    }
    await state.put([[id, { stage: 'begun', atMs: this.#now() }]], false)
    try {
      await onMessage(message)
      // A message that broke off was not taken, whatever its taker made of it.
      if (source.error !== null) throw source.error
    } catch (error) {
      const lied = source.error instanceof Pop3Error && source.error.code === 'too-large'
      if (lied) await state.put([[id, { stage: 'refused', atMs: this.#now() }]], true)
      // What may have been taken before still may have been.
      else if (!mayRepeat) await state.forget([id])
      if (source.error !== null) throw source.error
      if (onRejected?.(error, message) !== 'skip') throw new Rejected(error)
      this.#failed.push({ id, error })
      return
    }
    const short = source.ended && source.octets < listed.sizeOctets
    const entry: FetchEntry = { stage: 'fetched', atMs: this.#now(), ...(short ? { short: true } : {}) }
    await state.put([[id, entry]], true)
    this.#fetched++
    this.#octets += source.octets
    if (short) this.#short.push(id)
    if (isDue(this.#keep, entry, this.#now())) this.#remove.push(listed)
  }

  async #deleteAll(): Promise<number> {
    let deleted = 0
    for (let from = 0; from < this.#remove.length; from += DELETE_BATCH) {
      const batch = this.#remove.slice(from, from + DELETE_BATCH)
      const done = await Promise.allSettled(batch.map(({ number }) => this.#client.dele(number)))
      for (const [i, result] of done.entries()) {
        if (result.status === 'fulfilled') deleted++
        else if (this.#client.closed) throw result.reason
        else this.#failed.push({ id: (batch[i] as Listed).id, error: result.reason })
      }
    }
    return deleted
  }
}

/** Keeps what `onMessage` threw apart from what the server refused. */
class Rejected extends Error {
  override readonly name = 'Rejected'

  constructor(cause: unknown) {
    super('a message was not taken', { cause })
  }
}

/** The octets of one message, with a memory of how they ended. */
class Source implements AsyncIterable<Uint8Array> {
  readonly #octets: AsyncIterable<Uint8Array>
  octets: Octets = 0
  ended = false
  error: unknown = null

  constructor(octets: AsyncIterable<Uint8Array>) {
    this.#octets = octets
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const piece of this.#octets) {
        this.octets += piece.length
        yield piece
      }
      this.ended = true
    } catch (error) {
      this.error = error
      throw error
    }
  }

  async whole(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = []
    for await (const piece of this) pieces.push(piece)
    return Buffer.concat(pieces)
  }
}

function mostOctets({ sizeOctets }: Listed): Octets {
  return sizeOctets * SIZE_SLACK_FACTOR + SIZE_SLACK_OCTETS
}

async function uniqueIds(client: Pop3Client): Promise<readonly UniqueIdLine[]> {
  try {
    return await client.uidl()
  } catch (error) {
    if (!(error instanceof Pop3Error) || error.code !== 'refused') throw error
    const detail = 'the server has no UIDL: there is no telling which messages are new'
    throw new Pop3Error('unsupported', detail, { cause: error })
  }
}
