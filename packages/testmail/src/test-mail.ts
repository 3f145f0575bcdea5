import {
  canonicalAddress,
  type Envelope,
  fillReply,
  latin1Octets,
  type Path,
  parsePath,
  REPLIES,
  type Reply,
  traceFields,
} from '@restante/mail'
import { type CopyOrder, INBOX, type MemoryStore, memoryStore, StoreError } from '@restante/maildrop'
import { createPop3Server } from '@restante/pop3-server'
import { createSmtpServer } from '@restante/smtp'
import { makeCertificate, type TestCertificate } from './certificate.ts'
import {
  type FaultHandle,
  FaultList,
  type FaultOptions,
  isRoadFault,
  loginFailure,
  type Pop3Fault,
  parseReply,
  type SmtpFault,
  smtpRefusal,
} from './faults.ts'
import { addressMatches, type MessagePattern } from './matching.ts'
import { MessageLog, type WaitOptions } from './message-log.ts'
import { DEFAULT_TEST_MAIL_LIMITS, type TestMailOptions } from './options.ts'
import { ReceivedMessage } from './received-message.ts'
import { openRoad, type Road } from './road.ts'
import { TestMaildrop } from './test-maildrop.ts'

/** Where to send mail; fits `nodemailer.createTransport` as it is. */
export interface SmtpSettings {
  readonly host: string
  readonly port: number
  readonly secure: false
  /** Without `tls` there is none to start. */
  readonly ignoreTLS: boolean
  readonly tls: { readonly ca?: string; readonly servername: string }
}

/** Who delivers what to whom, without SMTP. */
export interface Handover {
  readonly to: string | readonly string[]
  /** Default: the null reverse-path. */
  readonly from?: string
}

/** Running SMTP and POP3 servers for a test, and all that came in. */
export interface TestMail extends AsyncDisposable {
  readonly smtp: SmtpSettings
  /** `smtp://127.0.0.1:PORT`, for software that takes a URL. */
  readonly smtpUrl: string
  /** Ports on 127.0.0.1; `smtps` and `pop3s` (TLS from the first octet) only with `tls`. */
  readonly ports: {
    readonly smtp: number
    readonly pop3: number
    readonly smtps: number | null
    readonly pop3s: number | null
  }
  /** The certificate clients must trust, or null without `tls`. */
  readonly certificate: string | null
  /** User and password of an account, for SMTP AUTH and POP3. */
  credentials(account: string): { readonly user: string; readonly pass: string }
  /** An account's maildrop as a POP3 client sees it. */
  pop3(account: string): TestMaildrop
  /** What came in, in order, each message once however many recipients it had; deleting by POP3 changes nothing here. */
  messages(pattern?: MessagePattern): readonly ReceivedMessage[]
  /**
   * The first message that fits, come already or still to come.
   *
   * @throws {TestMailError} when the time is up, with what came instead and why it did not fit
   */
  waitFor(pattern?: MessagePattern, options?: WaitOptions): Promise<ReceivedMessage>
  /** Puts a message in without SMTP; any line ends. Refuses what SMTP would refuse, by rejecting. */
  deliver(message: string | Uint8Array, handover: Handover): Promise<ReceivedMessage>
  /** Forgets all messages, empties all maildrops, ends all faults. POP3 sessions keep what they see. */
  clear(): Promise<void>
  /** Lets something go wrong until the handle is disposed of, or `times` is up. */
  fail(protocol: 'smtp', fault: SmtpFault, options?: FaultOptions): FaultHandle
  fail(protocol: 'pop3', fault: Pop3Fault, options?: FaultOptions): FaultHandle
  /** Stops everything; whoever waits is told. */
  close(): Promise<void>
}

const HOSTNAME = 'localhost'
const HOST = '127.0.0.1'

/** Starts the servers; resolves when both answer. */
export async function createTestMail(options: TestMailOptions = {}): Promise<TestMail> {
  const mail = new Mail(options)
  try {
    await mail.listen()
  } catch (error) {
    await mail.close()
    throw error
  }
  return mail
}

class Mail implements TestMail {
  readonly #options: TestMailOptions
  readonly #domain: string
  readonly #password: string
  readonly #now: () => number
  readonly #limits: typeof DEFAULT_TEST_MAIL_LIMITS
  /** Passwords by address; null = everybody is an account. */
  readonly #accounts: ReadonlyMap<string, string> | null
  readonly #tls: TestCertificate | null
  readonly #log: MessageLog = new MessageLog()
  readonly #smtpFaults: FaultList<SmtpFault> = new FaultList()
  readonly #pop3Faults: FaultList<Pop3Fault> = new FaultList()
  readonly #closers: (() => Promise<void>)[] = []
  readonly #ports = { smtp: 0, pop3: 0, smtps: null as number | null, pop3s: null as number | null }
  #store: MemoryStore
  #closing: Promise<void> | null = null

  constructor(options: TestMailOptions) {
    this.#options = options
    this.#domain = options.domain ?? 'test.example'
    this.#password = options.password ?? 'secret'
    this.#now = options.now ?? Date.now
    this.#limits = { ...DEFAULT_TEST_MAIL_LIMITS, ...options.limits }
    const { accounts, tls = false } = options
    if (accounts === undefined) this.#accounts = null
    else {
      const listed: (readonly [string, string])[] = Array.isArray(accounts)
        ? accounts.map((name: string) => [name, this.#password] as const)
        : Object.entries(accounts as Readonly<Record<string, string>>)
      this.#accounts = new Map(listed.map(([name, password]) => [this.#addressOf(name), password]))
    }
    this.#tls = tls === true ? makeCertificate(this.#now()) : tls === false ? null : tls
    this.#store = this.#newStore()
  }

  async listen(): Promise<void> {
    const ways = this.#tls === null ? ([false] as const) : ([false, true] as const)
    await Promise.all(ways.flatMap((implicit) => [this.#listenSmtp(implicit), this.#listenPop3(implicit)]))
  }

  async #listenSmtp(implicit: boolean): Promise<void> {
    const server = createSmtpServer({
      mode: 'smtp',
      hostname: HOSTNAME,
      ...(this.#tls === null ? {} : { tls: this.#tls }),
      implicitTls: implicit,
      authWithoutTls: 'loopback',
      requireAuth: this.#options.requireAuth ?? false,
      limits: {
        messageOctets: this.#limits.messageOctets,
        connectionsPerAddress: null,
        connectionsPerAddressPerMinute: null,
        errorsPerAddress: null,
        errorDelayMs: 0,
      },
      auth: ({ name, password }) => {
        const refusal = smtpRefusal(this.#smtpFaults, 'auth')
        if (refusal !== null) return refusal
        const address = this.#logIn(name, password)
        return address === null ? null : { account: address }
      },
      policy: {
        connect: () => smtpRefusal(this.#smtpFaults, 'connect'),
        mail: () => smtpRefusal(this.#smtpFaults, 'mail'),
        rcpt: ({ recipient }) => {
          const address = canonicalAddress(recipient)
          const refusal = smtpRefusal(this.#smtpFaults, 'rcpt', (to) => addressMatches(address, to))
          return refusal ?? this.#refusalFor(recipient)
        },
      },
      data: async (envelope, body) => {
        const refusal = smtpRefusal(this.#smtpFaults, 'data')
        if (refusal !== null) {
          // The reply is due at the end of the message, not before.
          for await (const _ of body);
          return refusal
        }
        const taken = await this.#take(envelope, body)
        return 'reply' in taken ? taken.reply : fillReply(REPLIES.accepted, { id: taken.message.id })
      },
    })
    this.#closers.push(() => server.close({ drainMs: 0 }))
    const { port } = await server.listen({ host: HOST, port: 0 })
    this.#ports[implicit ? 'smtps' : 'smtp'] = await this.#open(port, 'client', this.#smtpFaults)
  }

  async #listenPop3(implicit: boolean): Promise<void> {
    const server = createPop3Server<string>({
      // One behind the other, so that `clear` can change the store.
      store: { open: (key) => this.#store.open(key) },
      authenticate: async (request) => {
        const failed = loginFailure(this.#pop3Faults)
        if (failed !== null) return { failed }
        const address = 'password' in request ? this.#logIn(request.name, request.password) : null
        if (address === null) return null
        await this.#ensureAccount(address)
        return { maildrop: address, account: address }
      },
      allowPlainLogin: 'loopback',
      ...(this.#tls === null ? {} : { tls: this.#tls }),
      limits: { errorDelayMs: 0, connectionsPerAddress: 20_000 },
    })
    this.#closers.push(() => server.close())
    const { port } = await server.listen({ host: HOST, tls: implicit ? 'implicit' : 'stls' })
    this.#ports[implicit ? 'pop3s' : 'pop3'] = await this.#open(port, 'server', this.#pop3Faults)
  }

  async #open(to: number, counts: 'client' | 'server', faults: FaultList<unknown>): Promise<number> {
    const fault = () => faults.strike((each) => (isRoadFault(each) ? each : null))
    const road: Road = await openRoad({ to, counts, fault })
    this.#closers.unshift(() => road.close())
    return road.port
  }

  get smtp(): SmtpSettings {
    const ca = this.#tls?.cert
    return {
      host: HOST,
      port: this.#ports.smtp,
      secure: false,
      ignoreTLS: this.#tls === null,
      tls: { servername: HOSTNAME, ...(ca === undefined ? {} : { ca }) },
    }
  }

  get smtpUrl(): string {
    return `smtp://${HOST}:${this.#ports.smtp}`
  }

  get ports(): TestMail['ports'] {
    return { ...this.#ports }
  }

  get certificate(): string | null {
    return this.#tls?.cert ?? null
  }

  credentials(account: string): { readonly user: string; readonly pass: string } {
    const user = this.#addressOf(account)
    const pass = this.#accounts === null ? this.#password : this.#accounts.get(user)
    if (pass === undefined) throw new RangeError(`no account ${JSON.stringify(account)}`)
    return { user, pass }
  }

  pop3(account: string): TestMaildrop {
    const { user, pass } = this.credentials(account)
    return new TestMaildrop(this.#ports.pop3, user, pass, this.certificate)
  }

  messages(pattern: MessagePattern = {}): readonly ReceivedMessage[] {
    return this.#log.all(pattern)
  }

  async waitFor(pattern: MessagePattern = {}, options: WaitOptions = {}): Promise<ReceivedMessage> {
    return this.#log.waitFor(pattern, options)
  }

  async deliver(message: string | Uint8Array, { to, from }: Handover): Promise<ReceivedMessage> {
    const recipients = [to].flat().map((each) => this.#pathOf(each))
    for (const recipient of recipients) {
      const refusal = this.#refusalFor(recipient)
      if (refusal !== null) throw new RangeError(`${refusal.code} ${refusal.text}`)
    }
    const envelope: Envelope = {
      reversePath: from === undefined ? null : this.#pathOf(from),
      recipients,
      clientIp: '',
      helo: '',
      receivedAtMs: this.#now(),
      protocol: 'local',
      tls: null,
      authenticatedAs: null,
      sessionId: 'local',
    }
    const taken = await this.#take(envelope, Buffer.from(message as string))
    if ('reply' in taken) throw new RangeError(`${taken.reply.code} ${taken.reply.text}`)
    return taken.message
  }

  async clear(): Promise<void> {
    this.#smtpFaults.clear()
    this.#pop3Faults.clear()
    this.#log.clear()
    this.#store = this.#newStore()
  }

  fail(protocol: 'smtp' | 'pop3', fault: SmtpFault | Pop3Fault, options: FaultOptions = {}): FaultHandle {
    if (protocol === 'pop3') return this.#pop3Faults.add(fault as Pop3Fault, options)
    // A reply that is none shows itself here, not in the middle of a session.
    if (typeof fault === 'string') parseReply(fault)
    else if ('refuse' in fault) parseReply(fault.refuse)
    return this.#smtpFaults.add(fault as SmtpFault, options)
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#log.close()
      await Promise.all(this.#closers.map((close) => close()))
    })()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #newStore(): MemoryStore {
    const seed = [...(this.#accounts?.keys() ?? [])].map((address) => [address, []] as const)
    const limits = { capacityOctets: this.#limits.octets, now: this.#now }
    return memoryStore(Object.fromEntries(seed), limits)
  }

  /** The address an account name stands for. Throws a RangeError for what is no address. */
  #addressOf(name: string): string {
    return canonicalAddress(this.#pathOf(name))
  }

  #pathOf(name: string): Path {
    const path = parsePath(name.includes('@') ? name : `${name}@${this.#domain}`)
    if (path === null) throw new RangeError(`no mail address: ${JSON.stringify(name)}`)
    return path
  }

  /** The address that logs in, or null where name or password is wrong. */
  #logIn(name: string, password: string): string | null {
    const path = parsePath(name.includes('@') ? name : `${name}@${this.#domain}`)
    if (path === null) return null
    const address = canonicalAddress(path)
    const right = this.#accounts === null ? this.#password : this.#accounts.get(address)
    return right === password ? address : null
  }

  #refusalFor(recipient: Path): Reply | null {
    const address = canonicalAddress(recipient)
    if (this.#accounts === null || this.#accounts.has(address)) return null
    return fillReply(REPLIES['unknown-recipient'], { address })
  }

  async #ensureAccount(address: string): Promise<string | null> {
    const { directory } = this.#store
    const there = await directory.accountByAddress(address)
    return (
      (there ?? (await directory.addAccount(address)) ?? (await directory.accountByAddress(address)))?.id ??
      null
    )
  }

  /** Stores a copy for each recipient, and tells those who wait. */
  async #take(
    envelope: Envelope,
    body: AsyncIterable<Uint8Array> | Uint8Array,
  ): Promise<{ readonly message: ReceivedMessage } | { readonly reply: Reply }> {
    if (this.#log.count >= this.#limits.messages) return { reply: REPLIES['disk-full'] }
    try {
      await using staged = await this.#store.stage(body)
      const copies = new Map<string, CopyOrder>()
      for (const recipient of envelope.recipients) {
        const account = await this.#ensureAccount(canonicalAddress(recipient))
        const prefix = latin1Octets(traceFields(envelope, recipient, HOSTNAME))
        if (account !== null && !copies.has(account)) copies.set(account, { account, folder: INBOX, prefix })
      }
      const raw = await staged.readWhole(this.#limits.messageOctets)
      if (raw === null)
        return { reply: fillReply(REPLIES['too-large'], { limit: this.#limits.messageOctets }) }
      const outcomes = await staged.commit(envelope, [...copies.values()])
      const stored = outcomes.find((outcome) => 'stored' in outcome)
      if (stored === undefined || !('stored' in stored)) return { reply: REPLIES['store-failed'] }
      const message = new ReceivedMessage(raw, stored.stored.id, envelope)
      this.#log.add(message)
      return { message }
    } catch (error) {
      if (error instanceof StoreError && error.code === 'disk-full') return { reply: REPLIES['disk-full'] }
      throw error
    }
  }
}
