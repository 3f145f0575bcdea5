import type { FiredSymbol, Path } from '@restante/mail'
import type {
  Authentication,
  AuthFacts,
  ClamdAddress,
  DnsList,
  ListAlarm,
  ListEvidence,
  MailAcceptance,
  Resolver,
  ReverseEvidence,
  SpfEvidence,
  VirusScan,
} from '@restante/trust'
import { createAuthenticationPool } from './authentication-pool.ts'

/** What is asked about senders and mail, and whom. */
export interface MailChecksOptions {
  /** Our own name; the authserv-id. */
  readonly hostname: string
  /** DNS: off, the machine's servers, these, or a resolver made elsewhere. With `off` only clamd is asked. */
  readonly dns: 'off' | 'system' | readonly string[] | Resolver
  readonly lists: readonly DnsList[]
  readonly clamd: ClamdAddress | null
  /** A message's checks end here, whatever is still open. */
  readonly deadlineMs: number
  /** A list is switched off for a while. */
  readonly onAlarm?: (alarm: ListAlarm) => void
  /** The worker that judges signatures died or was replaced. */
  readonly onCrash?: (detail: string) => void
}

/** What is being found out about a client. The promises never reject, and end by themselves. */
export interface ClientChecks {
  readonly clientIp: string
  readonly reverse: Promise<ReverseEvidence>
  /** Of lists of addresses. */
  readonly lists: Promise<ListEvidence>
}

/** What is being found out about a reverse-path. The promises never reject, and end by themselves. */
export interface SenderChecks {
  readonly reversePath: Path | null
  /** Null for the null reverse-path. */
  readonly acceptance: Promise<MailAcceptance> | null
  /** Null where it is asked together with the message's signatures. */
  readonly spf: Promise<SpfEvidence | null> | null
}

/** A message after DATA. */
export interface CheckedMail {
  /** The whole message in one array, where it is at hand. */
  readonly whole: Uint8Array | null
  /** The message from its start, each time. */
  read(): AsyncIterable<Uint8Array>
  /** Null: nobody's client, or one who does not speak for the sender (a relay of our own): only its octets are looked at. */
  readonly from: {
    readonly clientIp: string
    readonly helo: string
    readonly reversePath: Path | null
    readonly client: ClientChecks
    readonly sender: SenderChecks
  } | null
  /** Hosts the message links to, once they are known; must not reject. */
  readonly linkHosts: Promise<readonly string[]>
}

/** What the checks of one message came to. */
export interface MailEvidence {
  readonly symbols: readonly FiredSymbol[]
  /** Checks that failed or ran out of time, by name. */
  readonly skipped: readonly string[]
  /** What clamd found, or null. */
  readonly virus: string | null
  /** The Authentication-Results field, CRLF included; null where nothing was asked. */
  readonly authenticationField: string | null
  /** For rules; null where nothing was asked. */
  readonly auth: AuthFacts | null
}

/** Asks DNS and clamd about mail. Nothing here rejects; what is not known in time is `skipped`. */
export interface MailChecks {
  /** False where only clamd is asked: then nothing need be asked before DATA. */
  readonly asksDns: boolean
  /** Begins to ask about a client. */
  client(clientIp: string): ClientChecks
  /**
   * Begins to ask about a reverse-path.
   * @param wantsSpf SPF now, because something before DATA depends on it
   */
  sender(
    who: { readonly clientIp: string; readonly helo: string; readonly reversePath: Path | null },
    wantsSpf: boolean,
  ): SenderChecks
  check(mail: CheckedMail): Promise<MailEvidence>
  close(): Promise<void>
}

/** Before DATA a peer waits for the answer. */
const EARLY_MS = 5_000
/** Of a message's time, the part after which signatures are given up, so that the rest can still be said. */
const AUTHENTICATION_SHARE = 0.8
const AUTHENTICATION_MAX_MS = 8_000
/** The header of a copy has 8 KB for everything. */
const FIELD_MAX_OCTETS = 3_000

/**
 * Opens the checks. What they need is loaded here and not before: where DNS and clamd are off, do not call this.
 * @throws {Error} for a name server or list that cannot be
 */
export async function openMailChecks(options: MailChecksOptions): Promise<MailChecks> {
  const trust = await import('@restante/trust')
  const { hostname, dns, clamd: address, deadlineMs } = options
  const resolver = typeof dns === 'object' && 'resolve' in dns ? dns : trust.createResolver({ servers: dns })
  const asksDns = dns !== 'off' && resolver.available
  const lists = trust.createListLookup({
    lists: options.lists,
    resolver,
    ...(options.onAlarm === undefined ? {} : { onAlarm: options.onAlarm }),
  })
  const names = new Map(options.lists.map(({ zone, name }) => [zone, name]))
  /** Verdicts are read by many, and a zone may have a subscriber's key in it. */
  const byName = ({ hits, skipped, ...rest }: ListEvidence): ListEvidence => ({
    ...rest,
    hits: hits.map((hit) => ({ ...hit, zone: hit.name })),
    skipped: skipped.map(({ zone, why }) => ({ zone: names.get(zone) ?? '', why })),
  })
  const clamd = address === null ? null : trust.createClamd({ address, deadlineMs })
  const pool = asksDns
    ? createAuthenticationPool({
        resolver,
        hostname,
        deadlineMs: Math.min(AUTHENTICATION_MAX_MS, deadlineMs * AUTHENTICATION_SHARE),
        ...(options.onCrash === undefined ? {} : { onCrash: options.onCrash }),
      })
    : null

  return {
    asksDns,
    client: (clientIp) => ({
      clientIp,
      reverse: trust.forwardConfirmed(clientIp, resolver, { timeoutMs: EARLY_MS }),
      lists: lists.checkIp(clientIp, { timeoutMs: EARLY_MS }),
    }),
    sender: (who, wantsSpf) => ({
      reversePath: who.reversePath,
      acceptance:
        who.reversePath === null || who.reversePath.domain.startsWith('[')
          ? null
          : trust.acceptsMail(who.reversePath.domain, resolver, { timeoutMs: EARLY_MS }),
      spf:
        wantsSpf && pool !== null
          ? pool.checkSpf(who).then((answer) => ('failed' in answer ? null : answer))
          : null,
    }),
    async check(mail) {
      const time = AbortSignal.timeout(deadlineMs)
      const skipped: string[] = []
      const known = async <T>(name: string, answer: Promise<T> | null): Promise<T | undefined> => {
        if (answer === null) return undefined
        const said = await inTime(answer, time)
        if (said === LATE) skipped.push(name)
        return said === LATE ? undefined : said
      }
      const { from } = mail
      const authenticate = async (): Promise<Authentication | undefined> => {
        if (pool === null || from === null) return undefined
        const { clientIp, helo, reversePath, sender } = from
        const spf = sender.spf === null ? null : await sender.spf
        const octets = mail.whole ?? until(mail.read(), time)
        const answer = await pool.authenticate({
          clientIp,
          helo,
          reversePath,
          octets,
          ...(spf === null ? {} : { spf }),
        })
        if (!('failed' in answer)) return answer
        skipped.push(`authentication (${answer.failed})`)
        return undefined
      }
      const lookUpDomains = async (): Promise<ListEvidence> => {
        const hosts = [...(from?.reversePath == null ? [] : [from.reversePath.domain])]
        hosts.push(...(await mail.linkHosts))
        return await lists.checkDomains(hosts, { signal: time })
      }
      const asksLists = asksDns && options.lists.some(({ kind }) => kind === 'domain')
      const [authentication, reverse, listed, acceptance, domains, virus] = await Promise.all([
        known('authentication', authenticate()),
        known('reverse-name', from?.client.reverse ?? null),
        known('lists', from?.client.lists ?? null),
        known('sender-domain', from?.sender.acceptance ?? null),
        known('domain-lists', asksLists ? lookUpDomains() : null),
        known<VirusScan>('virus', clamd?.scan(mail.whole ?? mail.read(), { signal: time }) ?? null),
      ])
      const senderDomain = from?.reversePath?.domain
      const found = {
        ...(authentication === undefined ? {} : { authentication }),
        ...(reverse === undefined ? {} : { reverse }),
        ...(acceptance === undefined || senderDomain === undefined
          ? {}
          : { sender: { domain: senderDomain, acceptance } }),
        lists: [listed, domains].filter((each) => each !== undefined).map(byName),
        ...(virus === undefined ? {} : { virus }),
      }
      return {
        symbols: trust.trustSymbols(found),
        skipped: [...new Set([...trust.trustSkipped(found), ...skipped])],
        virus: virus?.result === 'infected' ? virus.virus : null,
        authenticationField:
          asksDns && from !== null
            ? fieldOf(trust.formatAuthenticationResults, hostname, from.clientIp, authentication, reverse)
            : null,
        auth: authentication === undefined ? null : trust.authFacts(authentication),
      }
    },
    close: async () => await pool?.close(),
  }
}

const LATE: unique symbol = Symbol('late')

/** An answer, or {@link LATE}; what comes after that is nobody's. */
function inTime<T>(answer: Promise<T>, time: AbortSignal): Promise<T | typeof LATE> {
  return new Promise((settle, fail) => {
    const late = (): void => settle(LATE)
    if (time.aborted) late()
    else time.addEventListener('abort', late, { once: true })
    answer.then(settle, fail).finally(() => time.removeEventListener('abort', late))
  })
}

/** Chunks until time is up; then whoever reads is told so. */
async function* until(chunks: AsyncIterable<Uint8Array>, time: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    time.throwIfAborted()
    yield chunk
  }
}

/** The field, with the client's name; signatures are left out, the good ones last, until it is short enough. */
function fieldOf(
  format: typeof import('@restante/trust').formatAuthenticationResults,
  hostname: string,
  clientIp: string,
  authentication: Authentication | undefined,
  reverse: ReverseEvidence | undefined,
): string {
  const names = { confirmed: 'pass', unconfirmed: 'fail', none: 'fail', temperror: 'temperror' } as const
  const said =
    reverse === undefined || reverse.result === 'private' || reverse.result === 'unavailable'
      ? null
      : names[reverse.result]
  const iprev = said === null ? {} : { iprev: { result: said, clientIp } }
  if (authentication === undefined) return format(hostname, iprev)
  const { spf, dmarc, arc } = authentication
  const weight = (each: (typeof authentication.dkim)[number]): number =>
    each.result === 'pass' ? (each.aligned ? 0 : 1) : 2
  const dkim = [...authentication.dkim].sort((a, b) => weight(a) - weight(b))
  for (;;) {
    const field = format(hostname, { ...iprev, spf, dkim, dmarc, arc })
    if (field.length <= FIELD_MAX_OCTETS || dkim.length === 0) return field
    dkim.pop()
  }
}
