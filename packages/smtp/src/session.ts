import type { Reply, WithProtocol } from '@restante/mail'
import type { ErrorBudget } from './error-budget.ts'
import type { Fault, FaultEvent, SmtpEvent, Stage } from './events.ts'
import type { Outcome } from './guard.ts'
import type { HookContext, MaybePromise, Mode, SessionEvidence } from './options.ts'
import type { Settings } from './settings.ts'
import type { Chunk, Transaction } from './transaction.ts'

/** What is known about a session, as it becomes known. */
export class LiveEvidence implements SessionEvidence {
  readonly id: string
  readonly mode: Mode
  readonly #budget: ErrorBudget
  remoteAddress = ''
  remotePort = 0
  localAddress = ''
  localPort = 0
  proxyAddress: string | null = null
  clientName: string | null = null
  helo = ''
  tls: string | null = null
  servername: string | null = null
  authenticatedAs: string | null = null
  /** Whether the peer said EHLO or LHLO rather than HELO. */
  extended = false

  constructor(id: string, mode: Mode, budget: ErrorBudget) {
    this.id = id
    this.mode = mode
    this.#budget = budget
  }

  get errors(): number {
    return this.#budget.errors
  }

  get protocol(): WithProtocol {
    return this.withProtocol(false)
  }

  /** RFC 3848 and RFC 6531 §4.3. LMTP has no keyword for authentication that other software knows. */
  withProtocol(utf8: boolean): WithProtocol {
    const tls = this.tls === null ? '' : 'S'
    if (this.mode === 'lmtp') return `${utf8 ? 'UTF8' : ''}LMTP${tls}`
    if (!this.extended) return 'SMTP'
    return `${utf8 ? 'UTF8SMTP' : 'ESMTP'}${tls}${this.authenticatedAs === null ? '' : 'A'}`
  }

  /** Nothing the peer said about itself counts any more (RFC 3207 §4.2, XCLIENT). */
  forgetPeer(): void {
    this.helo = ''
    this.extended = false
    this.authenticatedAs = null
  }
}

/** Something a refusal is about, for its event. */
export interface About {
  readonly fault?: Fault
  readonly from?: string
  readonly to?: string
}

/** Where the next command line goes instead of the verb table: into an AUTH exchange. */
export type Continuation = (line: Buffer, done: () => void) => void

/** What the verbs see of a connection. `done` goes on with the peer's next command; each verb calls it once. */
export interface Session {
  readonly settings: Settings
  readonly evidence: LiveEvidence
  readonly budget: ErrorBudget
  readonly gone: boolean
  /** Whether this peer may use XCLIENT now. */
  readonly offersXclient: boolean
  transaction: Transaction | null
  continuation: Continuation | null
  chunk: Chunk | null

  /** Writes a reply; as UTF-8 if `utf8`, or else if the transaction is. A 421 closes the connection. */
  reply(reply: Reply, utf8?: boolean): void
  /** Counts an error, tells about it, waits if there were many, answers, and calls `done`. */
  refuse(stage: Stage, reply: Reply, done: () => void, about?: About): void
  /** Counts an error; then goes on at once, after a pause, or (421) not at all. */
  penalize(done: () => void, goOn: () => void): void
  /** Calls a hook under its deadline; its signal fires when the session ends. Silent once it has ended. */
  guard<T>(call: (context: HookContext) => MaybePromise<T>, report: (outcome: Outcome<T>) => void): void
  /** Runs `goOn` later, unless the session has ended by then. */
  later(ms: number, goOn: () => void): void
  /** Something of ours threw: ends this session alone. */
  broken(error: unknown): void
  /** Hands an event to the host. */
  tell(event: SmtpEvent): void
  tellFault(fault: Omit<FaultEvent, 'event' | 'session'>): void

  /** A name for the next transaction: `<session>.<number>`. */
  nextTransactionId(): string
  /** Octets of DATA follow, or of a BDAT chunk of this size. */
  expectContent(chunkOctets: number | null): void
  /** Restarts the clock of the minimum rate, and of the whole message if it is `first`. */
  restartContentClock(first: boolean): void
  /** The transaction has ended and its replies are said: in a drain, the session ends too. */
  endTransaction(): void

  /** Says 421 and closes. */
  bye(reply: Reply): void
  /** Says a reply, if any, and closes without hearing the peer out. */
  cutOff(reply: Reply | null): void
  quit(reply: Reply): void
  startTls(done: () => void): void
  xclient(line: Buffer, done: () => void): void
}
