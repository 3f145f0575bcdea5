import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { type ListedMessage, makeListing, toStoredForm } from '@restante/mail'
import { type Dialogue, spell } from '@restante/transcript'
import {
  DEFAULT_SESSION_LIMITS,
  type MechanismName,
  type SaslTools,
  type ScramCredentials,
  type SessionLimits,
  type SessionPolicy,
} from '../src/index.ts'

/** A message in stored form with what a listing says of it. */
export interface WorldMessage {
  readonly octets: Uint8Array
  readonly listed: ListedMessage
}

/** What the `=` lines of a dialogue describe. */
export interface World {
  readonly policy: SessionPolicy
  secure: boolean
  readonly canStartTls: boolean
  readonly plainLogin: boolean
  readonly xclient: boolean
  readonly passwords: Map<string, string>
  readonly drops: Map<string, WorldMessage[]>
  readonly tokens: Map<string, string>
  readonly inUse: Set<string>
  readonly readOnly: boolean
  /** What goes wrong, by ask: a failure, or `short` for reads. */
  readonly trouble: Map<string, string>
  /** Octets read from the store. */
  readOctets: number
}

/** RFC 7677 §3: its salt and the server's half of its nonce, so that its example can be a dialogue. */
const SALT = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
const NONCE = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'

export const CHANNEL_BINDING: Uint8Array = new Uint8Array(32).fill(7)

export const tools: SaslTools = {
  hmacSha256: (key, message) => createHmac('sha256', key).update(message).digest(),
  sha256: (octets) => createHash('sha256').update(octets).digest(),
  nonce: () => NONCE,
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
}

export function scramCredentials(
  password: string,
  salt: Uint8Array = SALT,
  iterations = 4096,
): ScramCredentials {
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const clientKey = tools.hmacSha256(salted, Buffer.from('Client Key'))
  return {
    salt,
    iterations,
    storedKey: tools.sha256(clientKey),
    serverKey: tools.hmacSha256(salted, Buffer.from('Server Key')),
  }
}

export function addMessage(world: Pick<World, 'drops'>, name: string, text: string): void {
  const drop = world.drops.get(name) ?? []
  world.drops.set(name, drop)
  const { octets, form } = toStoredForm(spell(text))
  drop.push({ octets, listed: { id: `uid-${name}-${drop.length + 1}`, ...form } })
}

export function listingOf(messages: readonly WorldMessage[]): ReturnType<typeof makeListing> {
  return makeListing(messages.map((message) => message.listed))
}

/** anna and boris have the password `secret`; anna has the messages the dialogue gives her. */
export function buildWorld(dialogue: Dialogue): World {
  const limits: Record<string, number> = {}
  const flags = new Set<string>()
  let mechanisms: MechanismName[] = ['PLAIN', 'LOGIN']
  let more: Partial<SessionPolicy> = {}
  const world: Omit<World, 'policy' | 'secure' | 'canStartTls' | 'plainLogin' | 'xclient' | 'readOnly'> = {
    passwords: new Map([
      ['anna', 'secret'],
      ['boris', 'secret'],
    ]),
    drops: new Map([
      ['anna', []],
      ['boris', []],
    ]),
    tokens: new Map(),
    inUse: new Set(),
    trouble: new Map(),
    readOctets: 0,
  }
  for (const { name, rest, line } of dialogue.settings) {
    const [first = '', ...others] = rest.split(' ')
    if (name === 'account') {
      world.passwords.set(first, others.join(' '))
      if (!world.drops.has(first)) world.drops.set(first, [])
    } else if (name === 'message') addMessage(world, first, others.join(' '))
    else if (name === 'token') world.tokens.set(others.join(' '), first)
    else if (name === 'in-use') world.inUse.add(first)
    else if (name === 'trouble') world.trouble.set(first, others.join(' '))
    else if (name === 'limit') limits[first] = Number(others[0])
    else if (name === 'mechanisms') mechanisms = rest.split(' ') as MechanismName[]
    else if (name === 'expire') {
      more = {
        ...more,
        expire: { days: first === 'NEVER' ? 'never' : Number(first), perUser: others[0] === 'USER' },
      }
    } else if (name === 'login-delay') {
      more = { ...more, loginDelay: { seconds: Number(first), perUser: others[0] === 'USER' } }
    } else if (['secure', 'stls', 'no-plain', 'xclient', 'read-only', 'strict-utf8'].includes(name))
      flags.add(name)
    else throw new Error(`${dialogue.name}:${line}: unknown setting ${name}`)
  }
  return {
    ...world,
    policy: {
      limits: { ...DEFAULT_SESSION_LIMITS, ...(limits as Partial<SessionLimits>) },
      implementation: 'Restante',
      mechanisms,
      tools,
      utf8: flags.has('strict-utf8') ? 'strict' : 'lenient',
      ...more,
    },
    secure: flags.has('secure'),
    canStartTls: flags.has('stls'),
    plainLogin: !flags.has('no-plain'),
    xclient: flags.has('xclient'),
    readOnly: flags.has('read-only'),
  }
}
