import { createHmac } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Octets } from '@restante/mail'
import type { Answer, Ask, Credentials, Failure, ScramMechanism } from '@restante/pop3'
import type { LoginContext, LoginResult, OpenFailure, OpenMaildrop, TlsInfo } from './backend.ts'
import type { ErrorPlace, SessionInfo } from './events.ts'
import type { ServerParts } from './parts.ts'

const OPEN_FAILURES: { readonly [failure in OpenFailure]: Failure } = {
  'in-use': 'in-use',
  'no-such-maildrop': 'sys-perm',
  unavailable: 'sys-temp',
}

/** The session as its backing may change it. */
export interface BackedSession extends SessionInfo {
  readonly tls: TlsInfo | null
  account: string | null
}

/**
 * One session's side towards accounts and store: answers what the core asks, and sees that the maildrop goes back
 * exactly once. Nothing a backend throws gets past it; it becomes [SYS/TEMP] and an `error` event.
 */
export class Backing<Key> {
  readonly #parts: ServerParts<Key>
  readonly #session: BackedSession
  #key: { readonly maildrop: Key } | null = null
  #mechanism = ''
  #settle: ((proven: boolean) => LoginResult<Key> | Promise<LoginResult<Key>>) | null = null
  #failedLogins = 0
  #maildrop: OpenMaildrop | null = null
  #releasing: Promise<void> | null = null
  /** An opening or a commit is under way. */
  #storeBusy = false
  #abort: AbortController | null = null
  /** Calls to accounts and store that have not answered. */
  #calls = 0
  /** Called once the maildrop is back; set when the socket has closed. */
  #left: (() => void) | null = null
  retrieved = 0
  retrievedOctets: Octets = 0
  deleted = 0

  constructor(parts: ServerParts<Key>, session: BackedSession) {
    this.#parts = parts
    this.#session = session
  }

  /** The socket has closed: gives the maildrop back, now or when the store is done, then calls `done`. */
  leave(done: () => void): void {
    this.#left = done
    if (this.#calls > 0) this.#abort?.abort()
    if (!this.#storeBusy) this.#goIfLeft()
  }

  #goIfLeft(): void {
    const done = this.#left
    if (done === null) return
    const released = this.release()
    if (released === null) done()
    else released.then(done)
  }

  report(place: ErrorPlace, error: unknown): void {
    const { hub } = this.#parts
    if (hub.heard) hub.emit({ type: 'error', session: this.#session, place, error })
  }

  get #signal(): AbortSignal {
    this.#abort ??= new AbortController()
    return this.#abort.signal
  }

  #context(): LoginContext {
    return {
      sessionId: this.#session.id,
      remoteAddress: this.#session.remoteAddress,
      remotePort: this.#session.remotePort,
      tls: this.#session.tls,
    }
  }

  /** Checks credentials; a wrong one is answered late. */
  async authenticate(credentials: Credentials): Promise<Answer> {
    const { authenticate, hub } = this.#parts
    let failed: Failure
    let challenge: string | undefined
    this.#calls++
    try {
      const proven = !('scram' in credentials) || credentials.scram.proven
      const settle = 'scram' in credentials ? this.#settle : null
      const result =
        settle === null
          ? await authenticate({ ...credentials, ...this.#context() }, { signal: this.#signal })
          : await settle(proven)
      if (result !== null && 'maildrop' in result && proven) {
        this.#key = result
        this.#mechanism = credentials.mechanism
        this.#session.account = result.account ?? credentials.name
        return { ok: true }
      }
      failed = result !== null && 'failed' in result ? result.failed : 'auth'
      if (result !== null && 'failed' in result) challenge = result.challenge
    } catch (error) {
      this.report('authenticate', error)
      failed = 'sys-temp'
    } finally {
      this.#calls--
    }
    const { name, mechanism } = credentials
    if (hub.heard)
      hub.emit({ type: 'login-failed', session: this.#session, mechanism, name, failure: failed })
    if (failed === 'auth') await this.#delayError()
    return challenge === undefined ? { failed } : { failed, challenge }
  }

  async #delayError(): Promise<void> {
    const { errorDelayMs, errorDelayMostMs } = this.#parts.limits
    const delayMs = Math.min(errorDelayMostMs, errorDelayMs * 2 ** this.#failedLogins++)
    if (delayMs <= 0) return
    // Nobody waits for the answer of a session that is gone.
    this.#calls++
    await wait(delayMs, undefined, { signal: this.#signal }).catch(() => {})
    this.#calls--
  }

  /** Finds a SCRAM verifier, or invents one for a name nobody has. */
  async findScram(name: string, mechanism: ScramMechanism): Promise<Answer> {
    const { scram, inventedSaltKey } = this.#parts
    this.#settle = null
    this.#calls++
    try {
      const context = { ...this.#context(), signal: this.#signal, mechanism }
      const found = (await scram?.credentials(name, context)) ?? null
      if (found !== null) {
        if ('failed' in found) return found
        this.#settle = found.settle?.bind(found) ?? null
        return { scram: found }
      }
      const invented = (what: string) =>
        createHmac('sha256', inventedSaltKey).update(`${what}\0${name}`).digest()
      return {
        scram: {
          salt: invented('salt').subarray(0, 16),
          iterations: scram?.inventedIterations ?? 4096,
          storedKey: invented('stored'),
          serverKey: invented('server'),
        },
      }
    } catch (error) {
      this.report('scram', error)
      return { failed: 'sys-temp' }
    } finally {
      this.#calls--
    }
  }

  /** Opens the maildrop of the login. */
  async open(): Promise<Answer> {
    const { store, hub } = this.#parts
    this.#storeBusy = true
    this.#calls++
    try {
      const key = this.#key as { readonly maildrop: Key }
      const result = await store.open(key.maildrop, { signal: this.#signal, sessionId: this.#session.id })
      if ('failed' in result) {
        const failure = OPEN_FAILURES[result.failed] ?? 'sys-temp'
        if (hub.heard) {
          const name = this.#session.account ?? ''
          hub.emit({
            type: 'login-failed',
            session: this.#session,
            mechanism: this.#mechanism,
            name,
            failure,
          })
        }
        this.#session.account = null
        return { failed: failure }
      }
      this.#maildrop = result.maildrop
      if (this.#left !== null) return { failed: 'sys-temp' }
      if (hub.heard) hub.emit({ type: 'login', session: this.#session, mechanism: this.#mechanism })
      const { listing, readOnly } = result.maildrop
      return { opened: readOnly === undefined ? { listing } : { listing, readOnly } }
    } catch (error) {
      this.report('open', error)
      return { failed: 'sys-temp' }
    } finally {
      this.#calls--
      this.#storeBusy = false
      this.#goIfLeft()
    }
  }

  /** Reads a piece of a message. */
  read(ask: Extract<Ask, { ask: 'read' }>): Answer | Promise<Answer> {
    const maildrop = this.#maildrop as OpenMaildrop
    try {
      const octets = maildrop.readAt(ask.index, ask.position, ask.maxOctets)
      if (octets instanceof Uint8Array) return this.#hasRead(ask, octets)
      return octets.then(
        (octets) => this.#hasRead(ask, octets),
        (error: unknown) => this.#readFailed(error),
      )
    } catch (error) {
      return this.#readFailed(error)
    }
  }

  #hasRead(ask: Extract<Ask, { ask: 'read' }>, octets: Uint8Array): Answer {
    if (ask.command === 'RETR') {
      const { listing } = (this.#maildrop as OpenMaildrop | null) ?? {}
      const sizeOctets = listing?.sizes[ask.index] ?? 0
      if (listing !== undefined && ask.position + octets.length >= sizeOctets) {
        this.retrieved++
        this.retrievedOctets += sizeOctets
        const { hub } = this.#parts
        if (hub.heard) {
          hub.emit({
            type: 'retrieved',
            session: this.#session,
            messageNumber: ask.index + 1,
            uniqueId: listing.ids[ask.index] as string,
            sizeOctets,
          })
        }
      }
    }
    return { octets }
  }

  #readFailed(error: unknown): Answer {
    this.report('read', error)
    return { failed: 'sys-temp' }
  }

  /** Commits what is marked, gives the maildrop back, then answers: who comes next finds it free. */
  async commit(deleted: readonly number[]): Promise<Answer> {
    let answer: Answer = { ok: true }
    const maildrop = this.#maildrop
    this.#storeBusy = true
    if (deleted.length > 0 && maildrop !== null) {
      try {
        const result = await maildrop.commit(deleted)
        if ('failed' in result) answer = { failed: result.failed === 'read-only' ? 'sys-perm' : 'sys-temp' }
        else {
          this.deleted = deleted.length
          const { hub } = this.#parts
          if (hub.heard) {
            const uniqueIds = deleted.map((index) => maildrop.listing.ids[index] as string)
            hub.emit({ type: 'deleted', session: this.#session, uniqueIds })
          }
        }
      } catch (error) {
        this.report('commit', error)
        answer = { failed: 'sys-temp' }
      }
    }
    await this.release()
    this.#storeBusy = false
    this.#goIfLeft()
    return answer
  }

  /** Gives the maildrop back, once. */
  release(): Promise<void> | null {
    const maildrop = this.#maildrop
    if (maildrop === null) return this.#releasing
    this.#maildrop = null
    this.#releasing = maildrop[Symbol.asyncDispose]()
      .catch((error: unknown) => this.report('release', error))
      .then(() => {
        this.#releasing = null
      })
    return this.#releasing
  }
}
