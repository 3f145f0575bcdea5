import type { Reply, WithProtocol } from '@restante/mail'
import type { Fault, SmtpEvent, Stage } from './events.ts'
import type { Answer, HookContext, MaybePromise, Mode, SessionEvidence } from './options.ts'
import type { Settings } from './settings.ts'
import type { Chunk, Transaction } from './transaction.ts'

/** What is known about a session, as it becomes known. */
export class LiveEvidence implements SessionEvidence {
  readonly id: string
  readonly mode: Mode
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
  errors = 0
  /** Whether the peer said EHLO or LHLO rather than HELO. */
  extended = false

  constructor(id: string, mode: Mode) {
    this.id = id
    this.mode = mode
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
  readonly gone: boolean
  transaction: Transaction | null
  continuation: Continuation | null
  chunk: Chunk | null
  loginFailures: number

  /** Writes a reply. A 421 closes the connection. */
  reply(reply: Reply): void
  /** Counts an error, tells about it, waits if there were many, answers, and calls `done`. */
  refuse(stage: Stage, reply: Reply, done: () => void, about?: About): void
  /** Asks a policy hook; exactly one of the two is called, unless the session has ended. */
  ask(
    stage: 'connect' | 'helo' | 'mail' | 'rcpt',
    call: (context: HookContext) => MaybePromise<Answer>,
    accepted: (reply: Reply | null) => void,
    refused: (reply: Reply, fault: Fault) => void,
  ): void
  /** Hands an event to the host. */
  tell(event: SmtpEvent): void
  /** Whether this peer may use XCLIENT now. */
  readonly offersXclient: boolean
  /** A name for the next transaction: `<session>.<number>`. */
  nextTransactionId(): string
  /** Octets of DATA follow. */
  expectData(): void
  /** Octets of a BDAT chunk follow. */
  expectChunk(octets: number): void
  /** Restarts the clock of the minimum rate. */
  restartDataClock(): void
  /** A message was stored: earlier errors are forgiven. */
  forgive(): void
  /** Ends the transaction after its replies: in a drain, the session too. */
  endTransaction(): void
  /** Closes without hearing the peer out. */
  cutOff(reply: Reply | null): void
  /** Something of ours threw: ends this session alone. */
  broken(error: unknown): void
}
