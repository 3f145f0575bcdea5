import { isIP } from 'node:net'
import * as v from 'valibot'

/** What an answer of a DNS list counts for. */
export interface ListWeight {
  /** Points; negative for lists of the good. */
  readonly weight: number
  readonly meaning?: string
}

/** A DNS list (RFC 5782) that is asked about clients or domains. */
export interface DnsListConfig {
  readonly zone: string
  readonly kind: 'ip' | 'domain'
  /** Upper-case letters, digits and `_`; symbols are called `RBL_` and this. */
  readonly name: string
  /** By answer: `127.0.0.2`, `127.0.0.4-7`, `127.0.0.&8`, `*`. */
  readonly answers: Readonly<Record<string, ListWeight>>
  readonly ask?: 'registrable' | 'host'
}

/** The virus scanner: a socket's path, or a host and port. */
export type ClamdConfig = { readonly path: string } | { readonly host: string; readonly port: number }

/** A schema by what it makes of what is written. */
type Reads<Output> = v.GenericSchema<unknown, Output>

/** A number of mails, or `any`. */
export function rate(about: string): Reads<number | null> {
  return v.pipe(
    v.union(
      [
        v.pipe(v.number(), v.integer('must be a whole number'), v.minValue(1, 'must be at least 1')),
        v.literal('any'),
      ],
      'must be a whole number, or any',
    ),
    v.transform((value) => (value === 'any' ? null : value)),
    v.description(about),
  )
}

/** Whom to ask about names: `system`, `off`, or a list of resolvers. */
export const nameServers: Reads<'system' | 'off' | readonly string[]> = v.pipe(
  v.union(
    [
      v.picklist(['system', 'off']),
      v.literal(false),
      v.pipe(
        v.array(
          v.pipe(v.string(), v.check(isNameServer, 'must be an IP address, with :PORT where it is not 53')),
        ),
        v.minLength(1, 'must name at least one server'),
      ),
    ],
    'must be system, off, or a list such as [127.0.0.1, "[::1]:5353"]',
  ),
  v.transform((value) => (value === false ? 'off' : value)),
  v.description('Whom the receiver asks about senders: system (resolvers of this machine), off, or a list.'),
)

/** Whether a text is `HOST`, `HOST:PORT`, `IPV6` or `[IPV6]:PORT`; HOST is an address or `localhost`. */
export function isNameServer(text: string): boolean {
  if (isIP(text) !== 0) return true
  const [, six, other, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const known = six === undefined ? other === 'localhost' || isIP(other ?? '') === 4 : isIP(six) === 6
  return known && (port === undefined || (Number(port) >= 1 && Number(port) <= 65_535))
}

const LIST_ANSWER = /^(?:\*|127\.\d{1,3}\.\d{1,3}\.(?:&\d{1,3}|\d{1,3}(?:-\d{1,3})?))$/

const dnsList = v.pipe(
  v.strictObject({
    zone: v.pipe(
      v.string('must be text'),
      v.nonEmpty('must not be empty'),
      v.description('Its zone; a key of yours may be part of it.'),
    ),
    kind: v.pipe(
      v.picklist(['ip', 'domain'], 'must be ip or domain'),
      v.description('Whether it lists clients, or domains (of links and senders).'),
    ),
    name: v.pipe(
      v.string('must be text'),
      v.regex(/^[A-Z0-9_]{1,40}$/, 'must be upper-case letters, digits and _'),
      v.description('What it is called in verdicts (RBL_NAME) and in replies.'),
    ),
    weights: v.pipe(
      v.record(
        v.pipe(
          v.string(),
          v.regex(LIST_ANSWER, 'must be 127.0.0.2, a range 127.0.0.4-7, a bit 127.0.0.&8, or *'),
        ),
        v.union(
          [
            v.number(),
            v.strictObject({ weight: v.number('must be a number'), meaning: v.optional(v.string()) }),
          ],
          'must be points, or { weight, meaning }',
        ),
      ),
      v.description('Points by answer: "127.0.0.2": 5; negative for lists of the good; "*" is any other.'),
    ),
    ask: v.optional(
      v.pipe(
        v.picklist(['registrable', 'host'], 'must be registrable or host'),
        v.description('For domains: the registered part, or the whole host name.'),
      ),
      'registrable',
    ),
  }),
  v.transform(({ weights, ...list }): DnsListConfig => ({ ...list, answers: answersOf(weights) })),
)

function answersOf(
  weights: Readonly<Record<string, number | { weight: number; meaning?: string | undefined }>>,
): Readonly<Record<string, ListWeight>> {
  return Object.fromEntries(
    Object.entries(weights).map(([answer, given]): [string, ListWeight] => {
      if (typeof given === 'number') return [answer, { weight: given }]
      const { weight, meaning } = given
      return [answer, meaning === undefined ? { weight } : { weight, meaning }]
    }),
  )
}

/** DNS lists. */
export const dnsLists: Reads<readonly DnsListConfig[]> = v.pipe(
  v.array(dnsList, 'must be a list'),
  v.description('DNS lists, asked about each mail that does not come from people here.'),
)

/** Who is asked to come again. */
export const greylisting: Reads<'off' | 'on' | 'all'> = v.pipe(
  v.union([v.boolean(), v.picklist(['on', 'off', 'all'])], 'must be on, off or all'),
  v.transform((value) => (value === true ? 'on' : value === false ? 'off' : value)),
  v.description(
    'Whether strangers are told to come again: on = those with something against them, all = all.',
  ),
)

/** Where clamd listens. */
export const clamdAddress: Reads<ClamdConfig> = v.pipe(
  v.union(
    [
      v.pipe(
        v.string(),
        v.nonEmpty(),
        v.transform((path) => ({ path })),
      ),
      v.strictObject({
        host: v.pipe(v.string('must be a host'), v.description('Its host.')),
        port: v.pipe(
          v.number(),
          v.integer(),
          v.minValue(1, 'must be at least 1'),
          v.maxValue(65_535, 'must be at most 65535'),
          v.description('Its port.'),
        ),
      }),
    ],
    'must be the path of a socket, or { host, port }',
  ),
  v.description('The virus scanner clamd: the path of its socket, or { host, port }; null = none.'),
)
