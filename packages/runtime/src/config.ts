import { isIP } from 'node:net'
import * as v from 'valibot'
import { LineCounter, parseDocument, type Document as YamlDocument } from 'yaml'
import {
  type ClamdConfig,
  clamdAddress,
  type DnsListConfig,
  dnsLists,
  greylisting,
  nameServers,
  rate,
} from './config-evidence.ts'
import { nearest } from './nearest.ts'
import { parseDuration, parseSize } from './quantity.ts'

/** Where one listener listens; `null` in {@link Config.listen} = not at all. */
export interface Listen {
  /** Address to bind. */
  readonly host: string
  /** 0 = a free one. */
  readonly port: number
}

/** Points from which something is done; null = never. */
export interface ThresholdConfig {
  readonly tag: number | null
  readonly quarantine: number | null
  readonly reject: number | null
}

/** Whose access tokens are taken in place of passwords, and how they are checked: one of the two ways. */
export interface OAuthConfig {
  readonly issuer: string
  /** The issuer is asked about each token (RFC 7662). */
  readonly introspection: {
    readonly url: string
    readonly clientId: string
    readonly clientSecret: string
  } | null
  /** Tokens are JWTs, checked with the keys found here (RFC 7517). */
  readonly jwks: { readonly url: string } | null
  /** Whom tokens must be for; always set with `jwks`. */
  readonly audience: string | null
  /** What tokens must allow. */
  readonly scope: string | null
  /** The claim that says whose mail it is. */
  readonly accountClaim: string
  readonly clockSkewMs: number
  readonly timeoutMs: number
}

/** A node's settings, complete and checked: sizes in octets, times in milliseconds. Paths as written. */
export interface Config {
  readonly hostname: string
  readonly domains: readonly string[]
  readonly postmaster: string | null
  /** Whom the receiver asks: the machine's name servers, nobody, or these (`HOST`, `HOST:PORT`, `[IPV6]:PORT`). */
  readonly dns: 'system' | 'off' | readonly string[]
  readonly store: { readonly directory: string; readonly floorOctets: number }
  readonly listen: {
    readonly smtp: Listen | null
    readonly lmtp: Listen | null
    readonly submission: Listen | null
    readonly submissions: Listen | null
    readonly pop3: Listen | null
    readonly pop3s: Listen | null
  }
  readonly tls: { readonly cert: string; readonly key: string } | null
  readonly smtpIn: {
    readonly maxSizeOctets: number
    readonly maxRecipients: number
    readonly lineEnds: 'normalize' | 'reject' | 'keep'
    readonly plusAddressFolders: boolean
    readonly dnsLists: readonly DnsListConfig[]
    /** Points of DNS lists from which a client is refused; null = never. */
    readonly refuseListedFrom: number | null
    readonly greylist: 'off' | 'on' | 'all'
    readonly greylistDelayMs: number
    /** Addresses and networks, as written. */
    readonly proxyFrom: readonly string[]
    readonly xclientFrom: readonly string[]
  }
  readonly spam: {
    readonly filter: boolean
    readonly thresholds: ThresholdConfig
    readonly subjectPrefix: string | null
    readonly judgeTimeoutMs: number
    readonly clamd: ClamdConfig | null
    readonly overrides: readonly {
      readonly domain?: string | undefined
      readonly account?: string | undefined
      readonly tag?: number | null | undefined
      readonly quarantine?: number | null | undefined
      readonly reject?: number | null | undefined
      readonly filter?: boolean | undefined
      readonly why?: string | undefined
    }[]
  }
  readonly quarantine: { readonly keepMs: number }
  readonly pop3: {
    readonly plainLogin: 'never' | 'loopback' | 'always'
    readonly idleMs: number
    readonly defaultDomain: string | null
    readonly utf8: 'relaxed' | 'strict'
    readonly removeAfter: 'all_devices' | 'any_device' | `${number}d`
    /** Addresses and networks, as written. */
    readonly proxyFrom: readonly string[]
    readonly xclientFrom: readonly string[]
    /** Whole seconds between two logins to one maildrop; 0 = no wait. */
    readonly loginDelayS: number
  }
  readonly auth: { readonly oauth: OAuthConfig | null }
  readonly limits: {
    readonly perAddress: boolean
    readonly connections: number
    /** From one address; null = any number. */
    readonly mailsPerMinute: number | null
    /** From one network (IPv4 /24, IPv6 /64); null = any number. */
    readonly networkMailsPerMinute: number | null
  }
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly file: string | null }
}

/** One thing wrong with a config file. */
export interface ConfigFinding {
  /** 1-based; 0 where no place is known. */
  readonly line: number
  readonly column: number
  /** Dotted, as written: `listen.smtp.port`; empty for the file as a whole. */
  readonly key: string
  readonly message: string
}

/** A config file that cannot be used. Nothing has been started or changed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'bad-config'
  readonly file: string
  readonly findings: readonly ConfigFinding[]
  constructor(file: string, findings: readonly ConfigFinding[]) {
    super(
      findings
        .map(
          (f) =>
            `${file}${f.line > 0 ? `:${f.line}:${f.column}` : ''}: ${f.key === '' ? '' : `${f.key}: `}${f.message}`,
        )
        .join('\n'),
    )
    this.file = file
    this.findings = findings
  }
}

const text = (about: string) =>
  v.pipe(v.string('must be text'), v.nonEmpty('must not be empty'), v.description(about))
const choice = <const T extends readonly string[]>(of: T, about: string) =>
  v.pipe(v.picklist(of, `must be one of ${of.join(', ')}`), v.description(about))
const flag = (about: string) =>
  v.pipe(
    v.union([v.boolean(), v.picklist(['on', 'off'])], 'must be on or off'),
    v.transform((value) => value === true || value === 'on'),
    v.description(about),
  )
const count = (min: number, max: number, about: string) =>
  v.pipe(
    v.number('must be a number'),
    v.integer('must be a whole number'),
    v.minValue(min, `must be at least ${min}`),
    v.maxValue(max, `must be at most ${max}`),
    v.description(about),
  )
const size = (about: string) =>
  v.pipe(
    v.union([v.string(), v.number()], 'must be a size such as 35MB'),
    v.check((value) => parseSize(value) !== null, 'must be a size such as 35MB'),
    v.transform((value) => parseSize(value) as number),
    v.description(about),
  )
const duration = (about: string) =>
  v.pipe(
    v.union([v.string(), v.number()], 'must be a time such as 30d, 10m or 90s'),
    v.check((value) => parseDuration(value) !== null, 'must be a time such as 30d, 10m or 90s'),
    v.transform((value) => parseDuration(value) as number),
    v.description(about),
  )
const points = (about: string) =>
  v.pipe(
    v.union([v.number(), v.literal('never'), v.null()], 'must be a number of points, or never'),
    v.transform((value) => (typeof value === 'number' ? value : null)),
    v.description(about),
  )
const listener = (port: number, about: string) =>
  v.pipe(
    v.union(
      [
        v.literal('off'),
        v.strictObject({
          host: v.optional(
            text('Address to bind; 127.0.0.1 = this machine only, 0.0.0.0 or :: = everyone.'),
            '127.0.0.1',
          ),
          port: v.optional(count(0, 65535, 'Port; 0 = a free one.'), port),
        }),
      ],
      'must be off, or { host, port }',
    ),
    v.transform((value) => (value === 'off' ? null : value)),
    v.description(about),
  )
const networks = (about: string) =>
  v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string('must be an address or a network'),
          v.check(isNetwork, 'must be an address or a network, such as 10.0.0.0/8'),
          v.description('An address or a network.'),
        ),
        'must be a list of addresses and networks',
      ),
      v.description(about),
    ),
    [],
  )
const issuerUrl = (about: string) =>
  v.pipe(
    v.string('must be a URL'),
    v.check(isIssuerUrl, 'must be an https URL (http only on this machine)'),
    v.description(about),
  )

/** `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`. */
function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || address.includes('%') || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** Secrets and keys travel there: https, or http that never leaves this machine. */
function isIssuerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname))
}

const schema = v.strictObject({
  hostname: v.optional(text('The name this server calls itself in replies and trace fields.'), 'localhost'),
  domains: v.optional(
    v.pipe(
      v.array(text('A domain.'), 'must be a list of domains'),
      v.description('Seeds the domains at the first start; afterwards they live in the store.'),
    ),
    [],
  ),
  postmaster: v.optional(
    v.nullable(text('Where mail to postmaster@ and abuse@ goes; default: the first account.')),
    null,
  ),
  dns: v.optional(nameServers, 'system'),
  store: v.optional(
    v.strictObject({
      directory: v.optional(text('Folder of the store.'), './data'),
      floor: v.optional(
        size('Deliveries answer 452 when less than this is free on the disk, so that deletions still fit.'),
        '256MB',
      ),
    }),
    {},
  ),
  listen: v.optional(
    v.strictObject({
      smtp: v.optional(listener(2525, 'Mail from other servers: SMTP with STARTTLS.'), {}),
      lmtp: v.optional(listener(2424, 'Mail from a relay of our own, by LMTP.'), 'off'),
      submission: v.optional(
        listener(2587, 'Mail from people here: login required, STARTTLS; it goes to addresses of ours only.'),
        'off',
      ),
      submissions: v.optional(listener(2465, 'The same inside TLS.'), 'off'),
      pop3: v.optional(listener(1110, 'POP3 with STLS.'), {}),
      pop3s: v.optional(listener(1995, 'POP3 inside TLS.'), {}),
    }),
    {},
  ),
  tls: v.optional(
    v.nullable(
      v.strictObject({
        cert: text('PEM file with the certificate chain.'),
        key: text('PEM file with the private key.'),
      }),
    ),
    null,
  ),
  smtp_in: v.optional(
    v.strictObject({
      max_size: v.optional(size('Largest message taken.'), '35MB'),
      max_recipients: v.optional(count(100, 10_000, 'Recipients in one transaction.'), 100),
      line_ends: v.optional(
        choice(['normalize', 'reject', 'keep'], 'What is done with bare CR and LF in mail data.'),
        'normalize',
      ),
      plus_folders: v.optional(flag('Whether anna+lists@ is put in the folder lists.'), false),
      dns_lists: v.optional(dnsLists, []),
      refuse_listed_from: v.optional(
        points('Clients with so many points of DNS lists are refused at RCPT.'),
        'never',
      ),
      greylist: v.optional(greylisting, 'off'),
      greylist_delay: v.optional(duration('How long they wait.'), '5m'),
      proxy_from: networks('Proxies whose connections begin with a PROXY header, version 1 or 2.'),
      xclient_from: networks('Who may use XCLIENT to say whose connection it is.'),
    }),
    {},
  ),
  spam: v.optional(
    v.strictObject({
      filter: v.optional(flag('Whether mail is judged at all.'), true),
      thresholds: v.optional(
        v.strictObject({
          tag: v.optional(points('Marked and delivered from here.'), 6),
          quarantine: v.optional(points('Held from here.'), 9),
          reject: v.optional(points('Refused from here, if all recipients would refuse.'), 18),
        }),
        {},
      ),
      subject_prefix: v.optional(
        v.nullable(text('Put before the subject of tagged mail, such as "[spam] ".')),
        null,
      ),
      judge_timeout: v.optional(duration('After this a message is delivered unjudged, and marked.'), '10s'),
      clamd: v.optional(v.nullable(clamdAddress), null),
      overrides: v.optional(
        v.pipe(
          v.array(
            v.strictObject({
              domain: v.optional(text('Domain it is for.')),
              account: v.optional(text('Address it is for.')),
              tag: v.optional(points('As in thresholds.')),
              quarantine: v.optional(points('As in thresholds.')),
              reject: v.optional(points('As in thresholds.')),
              filter: v.optional(flag('Off = never judged.')),
              why: v.optional(text('The reason, for the next reader.')),
            }),
            'must be a list',
          ),
          v.description('Other thresholds for a domain or an account; account over domain over global.'),
        ),
        [],
      ),
    }),
    {},
  ),
  quarantine: v.optional(
    v.strictObject({ keep: v.optional(duration('Held mail is removed for good after this.'), '30d') }),
    {},
  ),
  pop3: v.optional(
    v.strictObject({
      plain_login: v.optional(
        choice(['never', 'loopback', 'always'], 'Who may send a password without TLS.'),
        'loopback',
      ),
      idle: v.optional(
        duration('A silent session ends after this; RFC 1939 asks for 10 minutes or more.'),
        '10m',
      ),
      default_domain: v.optional(
        v.nullable(text('Domain of login names without @; default: the first domain.')),
        null,
      ),
      utf8: v.optional(
        choice(
          ['relaxed', 'strict'],
          'strict: mail with UTF-8 headers is refused to clients that did not ask for UTF8.',
        ),
        'relaxed',
      ),
      remove_after: v.optional(
        v.pipe(
          v.custom<'all_devices' | 'any_device' | `${number}d`>(
            (value) => typeof value === 'string' && /^(all_devices|any_device|[1-9]\d{0,3}d)$/.test(value),
            'must be all_devices, any_device or a number of days such as 90d',
          ),
          v.description(
            'When fetched mail goes for all: hidden by all devices, by any, or after so many days.',
          ),
        ),
        'all_devices',
      ),
      proxy_from: networks('Proxies whose connections begin with a PROXY header, version 1 or 2.'),
      xclient_from: networks('Who may use XCLIENT to say whose connection it is.'),
      login_delay: v.optional(
        v.pipe(
          duration('A time.'),
          v.check((ms) => ms % 1000 === 0 && ms <= 86_400_000, 'must be whole seconds, at most a day'),
          v.description('Shortest time between two logins to one maildrop; 0 = none.'),
        ),
        0,
      ),
    }),
    {},
  ),
  auth: v.optional(
    v.strictObject({
      oauth: v.optional(
        v.nullable(
          v.pipe(
            v.strictObject({
              issuer: issuerUrl('Who makes the tokens, exactly as their iss claim says.'),
              introspection: v.optional(
                issuerUrl('Where the issuer is asked about each token (RFC 7662); either this or jwks.'),
              ),
              client_id: v.optional(text('Our name at the introspection endpoint.')),
              client_secret: v.optional(text('Our secret there; better from the environment: ${NAME}.')),
              jwks: v.optional(issuerUrl('Where the keys are that sign tokens which are JWTs.')),
              audience: v.optional(text('Whom tokens must be for (aud); needed with jwks.')),
              scope: v.optional(text('What tokens must allow, such as mail.')),
              account_claim: v.optional(text('The claim that says whose mail it is.'), 'email'),
              clock_skew: v.optional(duration('How far the clocks may be apart.'), '60s'),
              timeout: v.optional(duration('An answer of the issuer later than this is an outage.'), '5s'),
            }),
            v.check(
              (given) => (given.introspection === undefined) !== (given.jwks === undefined),
              'needs introspection or jwks, one of the two',
            ),
            v.check(
              (given) =>
                given.introspection === undefined ||
                (given.client_id !== undefined && given.client_secret !== undefined),
              'introspection needs client_id and client_secret',
            ),
            v.check(
              (given) => given.jwks === undefined || given.audience !== undefined,
              'jwks needs audience, or tokens made for others would do',
            ),
            v.description('Access tokens in place of passwords: OAUTHBEARER and XOAUTH2.'),
          ),
        ),
        null,
      ),
    }),
    {},
  ),
  limits: v.optional(
    v.strictObject({
      per_address: v.optional(flag('Rate limits and error delays per client address.'), true),
      connections: v.optional(count(1, 100_000, 'Connections at once, per role.'), 2000),
      mails_per_minute: v.optional(
        rate(
          'Mails a minute from one address; more are told to come again. Private addresses are not counted.',
        ),
        600,
      ),
      network_mails_per_minute: v.optional(
        rate('The same for a whole network: /24 of IPv4, /64 of IPv6.'),
        1800,
      ),
    }),
    {},
  ),
  log: v.optional(
    v.strictObject({
      level: v.optional(choice(['debug', 'info', 'warn', 'error'], 'How much is logged.'), 'info'),
      file: v.optional(v.nullable(text('File the log goes to; default: standard error.')), null),
    }),
    {},
  ),
})

type Written = v.InferOutput<typeof schema>

function configOf(written: Written): Config {
  return {
    hostname: written.hostname,
    domains: written.domains.map((name) => name.normalize('NFC').toLowerCase()),
    postmaster: written.postmaster,
    dns: written.dns,
    store: { directory: written.store.directory, floorOctets: written.store.floor },
    listen: written.listen,
    tls: written.tls,
    smtpIn: {
      maxSizeOctets: written.smtp_in.max_size,
      maxRecipients: written.smtp_in.max_recipients,
      lineEnds: written.smtp_in.line_ends,
      plusAddressFolders: written.smtp_in.plus_folders,
      dnsLists: written.smtp_in.dns_lists,
      refuseListedFrom: written.smtp_in.refuse_listed_from,
      greylist: written.smtp_in.greylist,
      greylistDelayMs: written.smtp_in.greylist_delay,
      proxyFrom: written.smtp_in.proxy_from,
      xclientFrom: written.smtp_in.xclient_from,
    },
    spam: {
      filter: written.spam.filter,
      thresholds: written.spam.thresholds,
      subjectPrefix: written.spam.subject_prefix,
      judgeTimeoutMs: written.spam.judge_timeout,
      clamd: written.spam.clamd,
      overrides: written.spam.overrides,
    },
    quarantine: { keepMs: written.quarantine.keep },
    pop3: {
      plainLogin: written.pop3.plain_login,
      idleMs: written.pop3.idle,
      defaultDomain: written.pop3.default_domain,
      utf8: written.pop3.utf8,
      removeAfter: written.pop3.remove_after,
      proxyFrom: written.pop3.proxy_from,
      xclientFrom: written.pop3.xclient_from,
      loginDelayS: written.pop3.login_delay / 1000,
    },
    auth: { oauth: oauthOf(written.auth.oauth) },
    limits: {
      perAddress: written.limits.per_address,
      connections: written.limits.connections,
      mailsPerMinute: written.limits.mails_per_minute,
      networkMailsPerMinute: written.limits.network_mails_per_minute,
    },
    log: written.log,
  }
}

function oauthOf(written: Written['auth']['oauth']): OAuthConfig | null {
  if (written === null) return null
  const { introspection, client_id, client_secret, jwks } = written
  return {
    issuer: written.issuer,
    introspection:
      introspection === undefined
        ? null
        : { url: introspection, clientId: client_id ?? '', clientSecret: client_secret ?? '' },
    jwks: jwks === undefined ? null : { url: jwks },
    audience: written.audience ?? null,
    scope: written.scope ?? null,
    accountClaim: written.account_claim,
    clockSkewMs: written.clock_skew,
    timeoutMs: written.timeout,
  }
}

/** The settings an empty file gives. */
export function defaultConfig(): Config {
  return configOf(v.parse(schema, {}))
}

/**
 * Reads the text of a config file (YAML 1.2). `${NAME}` in values is taken from `environment`.
 * @param file its name, for messages only
 * @throws {ConfigError} with every finding at once: line, column, key, what is wrong, the nearest valid key
 */
export function parseConfig(
  source: string,
  file: string,
  environment: Readonly<Record<string, string | undefined>> = {},
): Config {
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines })
  if (document.errors.length > 0) {
    throw new ConfigError(
      file,
      document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0])
        return {
          line,
          column: col,
          key: '',
          message: (error.message.split('\n')[0] as string).replace(/ at line \d+.*$/, ''),
        }
      }),
    )
  }
  const findings: ConfigFinding[] = []
  const plain = document.toJS() ?? {}
  if (typeof plain !== 'object' || Array.isArray(plain)) {
    throw new ConfigError(file, [
      {
        line: 1,
        column: 1,
        key: '',
        message: 'must be a group of keys, such as “hostname: mail.acme.example”',
      },
    ])
  }
  const value = fillEnvironment(plain, environment, (path, name) =>
    findings.push({ ...placeOf(document, lines, path), message: `environment variable ${name} is not set` }),
  )
  const result = v.safeParse(schema, value)
  for (const issue of result.issues ?? []) findings.push(...findingsOf(issue, document, lines))
  if (findings.length > 0 || !result.success) {
    throw new ConfigError(
      file,
      findings.sort((a, b) => a.line - b.line || a.column - b.column),
    )
  }
  return configOf(result.output)
}

type Path = readonly (string | number)[]

function fillEnvironment(
  value: unknown,
  environment: Readonly<Record<string, string | undefined>>,
  missing: (path: Path, name: string) => void,
  path: Path = [],
): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{([A-Za-z_]\w*)\}/g, (_, name: string) => {
      const found = environment[name]
      if (found === undefined) missing(path, name)
      return found ?? ''
    })
  }
  if (Array.isArray(value))
    return value.map((item, i) => fillEnvironment(item, environment, missing, [...path, i]))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        fillEnvironment(item, environment, missing, [...path, key]),
      ]),
    )
  }
  return value
}

function placeOf(document: YamlDocument, lines: LineCounter, path: Path): Omit<ConfigFinding, 'message'> {
  const key = path.join('.')
  for (let depth = path.length; depth > 0; depth--) {
    const parent = document.getIn(path.slice(0, depth - 1), true) as
      | { items?: { key?: { value?: unknown; range?: number[] } }[] }
      | undefined
    const pair = parent?.items?.find((item) => item.key?.value === path[depth - 1])
    const node = document.getIn(path.slice(0, depth), true) as { range?: number[] } | undefined
    const offset = pair?.key?.range?.[0] ?? node?.range?.[0]
    if (offset !== undefined) {
      const { line, col } = lines.linePos(offset)
      return { line, column: col, key }
    }
  }
  return { line: 1, column: 1, key }
}

function findingsOf(
  issue: v.BaseIssue<unknown>,
  document: YamlDocument,
  lines: LineCounter,
): ConfigFinding[] {
  const path = (issue.path ?? []).map((step) => step.key as string | number)
  // An unknown key inside one branch of a union (a listener) is the finding, not the union as a whole.
  if (issue.issues && issue.input !== null && typeof issue.input === 'object') {
    const inner = issue.issues.flatMap((sub) =>
      sub.path
        ? findingsOf(
            { ...sub, path: [...(issue.path ?? []), ...sub.path] as typeof sub.path },
            document,
            lines,
          )
        : [],
    )
    if (inner.length > 0) return inner
  }
  const place = placeOf(document, lines, path)
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const unknown = String(path.at(-1))
    const known = knownKeys(path.slice(0, -1))
    const close = nearest(unknown, known)
    return [
      {
        ...place,
        message: `unknown key; ${close === null ? `known here: ${known.join(', ')}` : `did you mean “${close}”?`}`,
      },
    ]
  }
  const missing = issue.received === 'undefined' && issue.message.startsWith('Invalid key')
  return [
    {
      ...place,
      message: missing
        ? 'is missing'
        : issue.message.replace(
            /^Invalid type: Expected Object but received (.*)$/,
            'must be a group of keys, not $1',
          ),
    },
  ]
}

interface SchemaNode {
  readonly entries?: Readonly<Record<string, SchemaNode>>
  readonly wrapped?: SchemaNode
  readonly item?: SchemaNode
  readonly options?: readonly SchemaNode[]
  readonly pipe?: readonly SchemaNode[]
  readonly default?: unknown
  readonly type?: string
  readonly description?: string
}

/** The object a schema node is made of, below defaults, unions and pipes. */
function inside(node: SchemaNode | undefined): SchemaNode | undefined {
  if (node === undefined || node.entries) return node
  return (
    inside(node.wrapped) ??
    inside(node.options?.find((option) => inside(option)?.entries)) ??
    inside(node.item)
  )
}

function nodeAt(path: Path): SchemaNode | undefined {
  let node = inside(schema as unknown as SchemaNode)
  for (const step of path) node = typeof step === 'number' ? node : inside(node?.entries?.[step])
  return node
}

function knownKeys(path: Path): string[] {
  return Object.keys(nodeAt(path)?.entries ?? {})
}

/** One key of the config, for the reference and the annotated sample. */
export interface ConfigKey {
  readonly key: string
  readonly about: string
  /** As it would be written in the file; empty for groups. */
  readonly default: string
}

/** Every key with its meaning and default, in the order of the file. */
export function configKeys(): readonly ConfigKey[] {
  const keys: ConfigKey[] = []
  const walk = (node: SchemaNode, path: string): void => {
    for (const [name, entry] of Object.entries(node.entries ?? {})) {
      const key = path === '' ? name : `${path}.${name}`
      const group = inside(entry)
      keys.push({
        key,
        about: aboutOf(entry),
        default:
          group?.entries && !listLike(entry) && typeof entry.default !== 'string'
            ? ''
            : JSON.stringify(entry.default ?? null),
      })
      if (group?.entries) walk(group, listLike(entry) ? `${key}[]` : key)
    }
  }
  walk(schema as unknown as SchemaNode, '')
  return keys
}

function listLike(node: SchemaNode | undefined): boolean {
  return node !== undefined && (node.type === 'array' || listLike(node.wrapped))
}

function aboutOf(node: SchemaNode | undefined): string {
  if (node === undefined) return ''
  const here = node.pipe?.find((step) => step.type === 'description')?.description
  return here ?? aboutOf(node.wrapped)
}
