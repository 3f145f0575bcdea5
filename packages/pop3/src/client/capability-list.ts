import { latin1Text } from '@restante/mail'

/** What a server says it can do (RFC 2449), in the words of a client. */
export interface Capabilities {
  /** Every capability by its tag in upper case, with its arguments as given. */
  readonly tags: ReadonlyMap<string, readonly string[]>
  /** SASL mechanisms in upper case. */
  readonly mechanisms: readonly string[]
  /** Several commands may be on their way at once. */
  readonly pipelining: boolean
  readonly startTls: boolean
  readonly uniqueIds: boolean
  readonly top: boolean
  /** USER and PASS are answered. */
  readonly user: boolean
  /** -ERR carries response codes. */
  readonly responseCodes: boolean
  readonly utf8: boolean
  /** Days mail is kept at least; `never` = it does not expire; null = not said. */
  readonly expireDays: number | 'never' | null
  /** Seconds to wait between logins; 0 = not said. */
  readonly loginDelaySeconds: number
  readonly implementation: string | null
}

/** Puts the lines of CAPA in order; no lines = a server without CAPA, of which nothing but RFC 1939 is known. */
export function readCapabilities(lines: readonly (Uint8Array | string)[]): Capabilities {
  const tags = new Map<string, readonly string[]>()
  for (const line of lines) {
    const [tag = '', ...words] = (typeof line === 'string' ? line : latin1Text(line)).trim().split(/ +/)
    if (tag !== '') tags.set(tag.toUpperCase(), words)
  }
  const expire = tags.get('EXPIRE')?.[0]
  const days = expire !== undefined && /^\d{1,6}$/.test(expire) ? Number(expire) : null
  const delay = tags.get('LOGIN-DELAY')?.[0]
  return {
    tags,
    mechanisms: (tags.get('SASL') ?? []).map((name) => name.toUpperCase()),
    pipelining: tags.has('PIPELINING'),
    startTls: tags.has('STLS'),
    uniqueIds: tags.has('UIDL'),
    top: tags.has('TOP'),
    user: tags.has('USER'),
    responseCodes: tags.has('RESP-CODES'),
    utf8: tags.has('UTF8'),
    expireDays: expire?.toUpperCase() === 'NEVER' ? 'never' : days,
    loginDelaySeconds: delay !== undefined && /^\d{1,7}$/.test(delay) ? Number(delay) : 0,
    implementation: tags.get('IMPLEMENTATION')?.join(' ') ?? null,
  }
}
