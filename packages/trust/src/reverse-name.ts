import type { Answer, QuestionOptions, Resolver } from './answer.ts'
import { canonicalIp, isPublicIp, parseIp, reverseName } from './ip-address.ts'

/** Whether a host's name leads back to it (forward-confirmed reverse DNS; `iprev` in RFC 8601 §2.7.3). */
export type ReverseEvidence =
  /** `name` names this address, and the address names `name`. */
  | { readonly result: 'confirmed'; readonly name: string; readonly generic: boolean }
  /** It says it has these names; they do not know it. */
  | { readonly result: 'unconfirmed'; readonly names: readonly string[] }
  /** It has no name. */
  | { readonly result: 'none' }
  /** Private, loopback, reserved: nobody was asked. */
  | { readonly result: 'private' }
  | { readonly result: 'temperror'; readonly why: string }
  | { readonly result: 'unavailable' }

/** Names of one address that are followed; spare ones only cost lookups (RFC 7208 §4.6.4 takes 10). */
const NAMES_MAX = 5

/**
 * Asks for the names of an address and whether they lead back to it. `ip` as text; what is no address counts as `private`. Never throws.
 */
export async function forwardConfirmed(
  ip: string,
  resolver: Resolver,
  options: QuestionOptions = {},
): Promise<ReverseEvidence> {
  const octets = parseIp(ip)
  if (octets === null || !isPublicIp(octets)) return { result: 'private' }
  const reverse = await resolver.resolve(reverseName(octets), 'PTR', options)
  if (reverse.kind === 'nodata' || reverse.kind === 'nxdomain') return { result: 'none' }
  if (reverse.kind === 'unavailable') return { result: 'unavailable' }
  if (reverse.kind !== 'records') return { result: 'temperror', why: reverse.why }
  const names = reverse.records.slice(0, NAMES_MAX)
  const type = octets.length === 4 ? 'A' : 'AAAA'
  const wanted = canonicalIp(ip)
  const answers = await Promise.all(names.map((name) => resolver.resolve(name, type, options)))
  const at = answers.findIndex(
    (each) => each.kind === 'records' && each.records.some((one) => canonicalIp(one) === wanted),
  )
  const name = names[at]
  if (name !== undefined) return { result: 'confirmed', name, generic: isGenericName(name, octets) }
  for (const each of answers)
    if (each.kind === 'servfail' || each.kind === 'timeout') return { result: 'temperror', why: each.why }
  return { result: 'unconfirmed', names }
}

/**
 * Whether a host's name is made from its address, as access providers name their customers: `host-1-2-0-192.pool.example`. At least
 * the last two octets of an IPv4 address, in decimal or hex, or 8 hex digits of an IPv6 one.
 */
export function isGenericName(name: string, octets: Uint8Array): boolean {
  const host = name.toLowerCase()
  if (octets.length === 16) {
    const hex = [...octets].map((each) => each.toString(16).padStart(2, '0')).join('')
    const digits = host.replace(/[^0-9a-f]/g, '')
    return digits.includes(hex.slice(-8)) && !/0{8}$/.test(hex)
  }
  const [a, b, c, d] = [...octets].map(String)
  const hex = [...octets].map((each) => each.toString(16).padStart(2, '0')).join('')
  const gap = '[-._x]?0{0,2}'
  return (
    host.includes(hex) ||
    new RegExp(
      `(?:^|\\D)0{0,2}(?:${b}${gap}${c}${gap}${d}|${d}${gap}${c}${gap}${b}|${d}[-._x]0{0,2}${c})(?:\\D|$)`,
    ).test(host) ||
    new RegExp(`(?:^|\\D)0{0,2}${a}[-._x]0{0,2}${b}[-._x]`).test(host)
  )
}

/** Whether mail can be sent to a domain (RFC 5321 §5.1, RFC 7505). */
export type MailAcceptance =
  /** To these hosts, the first preferred. `implicit`: no MX record, the domain itself is the host. */
  | { readonly result: 'yes'; readonly hosts: readonly string[]; readonly implicit: boolean }
  /** It says it takes none: a null MX. */
  | { readonly result: 'null-mx' }
  /** It exists, but names no host. */
  | { readonly result: 'no-host' }
  | { readonly result: 'no-domain' }
  | { readonly result: 'temperror'; readonly why: string }
  | { readonly result: 'unavailable' }

/** Asks whether a domain takes mail: a reverse-path there that does not is one nobody can answer to. Never throws. */
export async function acceptsMail(
  domain: string,
  resolver: Resolver,
  options: QuestionOptions = {},
): Promise<MailAcceptance> {
  const mx = await resolver.resolve(domain, 'MX', options)
  if (mx.kind === 'records') {
    const hosts = [...mx.records].sort((a, b) => a.preference - b.preference).map((each) => each.exchange)
    return hosts.every((host) => host === '')
      ? { result: 'null-mx' }
      : { result: 'yes', hosts: hosts.filter((host) => host !== ''), implicit: false }
  }
  if (mx.kind === 'nxdomain') return { result: 'no-domain' }
  if (mx.kind !== 'nodata') return notAnswered(mx)
  const answers = await Promise.all([
    resolver.resolve(domain, 'A', options),
    resolver.resolve(domain, 'AAAA', options),
  ])
  if (answers.some((each) => each.kind === 'records'))
    return { result: 'yes', hosts: [domain], implicit: true }
  const failed = answers.find((each) => each.kind !== 'nodata' && each.kind !== 'nxdomain')
  return failed === undefined ? { result: 'no-host' } : notAnswered(failed)
}

function notAnswered(answer: Answer): MailAcceptance {
  return answer.kind === 'servfail' || answer.kind === 'timeout'
    ? { result: 'temperror', why: answer.why }
    : { result: 'unavailable' }
}
