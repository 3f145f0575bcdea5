import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Path } from '@restante/mail'

/** How to rewrite. */
export interface SrsOptions {
  /** A domain of ours that receives mail: bounces come back to it. */
  readonly domain: string
  /** The first makes new addresses, all are good for old ones: put a new one first, take the old one out after `maxAgeDays`. */
  readonly secrets: readonly string[]
  /** How long an address can be answered to. Default 21, at most 1,000. */
  readonly maxAgeDays?: number
  /** Characters of the hash, 6 bits each, 4 to 16. Default 6. */
  readonly hashLength?: number
  /** Default `Date.now`. */
  readonly now?: () => number
}

/** What an SRS address leads to. */
export type SrsReversal =
  | { readonly path: Path }
  /** No SRS address, or one of another domain: nothing to do. */
  | { readonly not: 'srs' }
  /** Not made by us, or changed: refuse it (550 5.7.1). */
  | { readonly refuse: 'forged' }
  /** Made by us, too long ago: refuse it (550 5.7.1). */
  | { readonly refuse: 'expired' }

/** The Sender Rewriting Scheme: forwarded mail gets a reverse-path of ours, which passes SPF and leads back. */
export interface Srs {
  /**
   * The reverse-path for a forwarded message. `SRS0` for a plain address; `SRS1` for one that has been rewritten elsewhere, so that
   * it grows no further with each hop. Null when it would be over 254 octets; then send with a null reverse-path or not at all.
   */
  rewrite(reversePath: Path): Path | null
  /**
   * What a bounce to an address is for. Ask before plus-addresses are looked at: hashes may contain `+`.
   */
  reverse(recipient: Path): SrsReversal
}

/** Options that cannot be. */
export class SrsOptionsError extends Error {
  readonly code = 'SRS_OPTIONS'
  override readonly name = 'SrsOptionsError'
}

const DAY_MS = 86_400_000
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const HASH_MIN = 4
const PATH_OCTETS_MAX = 254

/**
 * Makes a rewriter, compatible with Mail::SRS (Guarded) and postsrsd. Throws SrsOptionsError without a secret, or for a domain or
 * a number that cannot be.
 */
export function createSrs(options: SrsOptions): Srs {
  const { secrets, maxAgeDays = 21, hashLength = 6, now = Date.now } = options
  const domain = options.domain.toLowerCase()
  const [newest] = secrets
  if (newest === undefined || secrets.some((each) => each === ''))
    throw new SrsOptionsError('a secret is wanted')
  if (domain === '' || /[=@\s]/.test(domain))
    throw new SrsOptionsError(`"${options.domain}" is no domain for SRS`)
  if (!(hashLength >= HASH_MIN && hashLength <= 16)) throw new SrsOptionsError('hashLength must be 4 to 16')
  if (!(maxAgeDays >= 1 && maxAgeDays <= 1_000)) throw new SrsOptionsError('maxAgeDays must be 1 to 1,000')

  const today = (): number => Math.floor(now() / DAY_MS)

  function make(localPart: string): Path | null {
    const octets = Buffer.byteLength(localPart) + Buffer.byteLength(domain) + 1
    return octets > PATH_OCTETS_MAX ? null : { localPart, domain: options.domain }
  }

  function verify(hash: string, ...parts: readonly string[]): boolean {
    if (hash.length < HASH_MIN || hash.length > 28) return false
    // Some hosts change the case of local parts; Mail::SRS forgives that too.
    return secrets.some((secret) =>
      equal(hashOf(secret, parts).slice(0, hash.length).toLowerCase(), hash.toLowerCase()),
    )
  }

  return {
    rewrite({ localPart, domain: from }) {
      const already = /^SRS([01])([=+-].*)$/is.exec(localPart)
      if (already !== null && already[1] === '1') {
        const [, host, rest] = splitThree((already[2] as string).slice(1))
        if (host !== undefined && rest !== undefined)
          return make(`SRS1=${hashOf(newest, [host, rest]).slice(0, hashLength)}=${host}=${rest}`)
      } else if (already !== null) {
        const rest = already[2] as string
        return make(`SRS1=${hashOf(newest, [from, rest]).slice(0, hashLength)}=${from}=${rest}`)
      }
      const day = formatDay(today())
      return make(
        `SRS0=${hashOf(newest, [day, from, localPart]).slice(0, hashLength)}=${day}=${from}=${localPart}`,
      )
    },
    reverse(recipient) {
      const tagged = /^SRS([01])[=+-](.*)$/is.exec(recipient.localPart)
      if (tagged === null || recipient.domain.toLowerCase() !== domain) return { not: 'srs' }
      const body = tagged[2] as string
      const [hash, second, rest] = splitThree(body)
      if (hash === undefined || second === undefined || rest === undefined) return { refuse: 'forged' }
      if (tagged[1] === '1') {
        if (second === '' || !verify(hash, second, rest)) return { refuse: 'forged' }
        return { path: { localPart: `SRS0${rest}`, domain: second } }
      }
      const cut = rest.indexOf('=')
      const host = rest.slice(0, Math.max(0, cut))
      const localPart = rest.slice(cut + 1)
      if (host === '' || localPart === '' || !verify(hash, second, host, localPart))
        return { refuse: 'forged' }
      const day = parseDay(second)
      if (day === null) return { refuse: 'forged' }
      const ageDays = (((today() - day) % 1024) + 1024) % 1024
      return ageDays > maxAgeDays ? { refuse: 'expired' } : { path: { localPart, domain: host } }
    },
  }
}

/** At the first two `=`; the third part keeps its own. */
function splitThree(text: string): readonly (string | undefined)[] {
  const first = text.indexOf('=')
  const second = text.indexOf('=', first + 1)
  if (first < 0 || second < 0) return []
  return [text.slice(0, first), text.slice(first + 1, second), text.slice(second + 1)]
}

function hashOf(secret: string, parts: readonly string[]): string {
  const hmac = createHmac('sha1', secret)
  for (const part of parts) hmac.update(part.toLowerCase())
  return hmac.digest('base64')
}

function equal(a: string, b: string): boolean {
  const one = Buffer.from(a)
  const two = Buffer.from(b)
  return one.length === two.length && timingSafeEqual(one, two)
}

/** A day as two characters, in a circle of 1,024. */
function formatDay(day: number): string {
  return `${BASE32[(day >> 5) & 31]}${BASE32[day & 31]}`
}

function parseDay(text: string): number | null {
  const [high = '', low = '', more] = text.toUpperCase()
  const values = [BASE32.indexOf(high), BASE32.indexOf(low)] as const
  if (more !== undefined || high === '' || low === '' || values[0] < 0 || values[1] < 0) return null
  return values[0] * 32 + values[1]
}
