import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * The octets of an address: 4 or 16. IPv4 in IPv6 (`::ffff:192.0.2.1`) gives the 4; a zone index is dropped. Null for
 * anything else.
 */
export function parseIp(text: string): Uint8Array | null {
  const percent = text.indexOf('%')
  const address = percent < 0 ? text : text.slice(0, percent)
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number)
  if (!isIPv6(address)) return null
  const octets = new Uint8Array(16)
  const [head = '', tail] = address.split('::')
  const front = groups(head)
  const back = tail === undefined ? [] : groups(tail)
  octets.set(front)
  octets.set(back, 16 - back.length)
  const mapped =
    octets.subarray(0, 10).every((each) => each === 0) && octets[10] === 255 && octets[11] === 255
  return mapped ? octets.slice(12) : octets
}

function groups(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number)
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 255]
  })
}

/** One spelling for each address (RFC 5952): lower case, the longest run of zero groups as `::`. */
export function formatIp(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.')
  const words: number[] = []
  for (let i = 0; i < 16; i += 2) words.push(((octets[i] as number) << 8) | (octets[i + 1] as number))
  let best = { at: -1, length: 1 }
  for (let i = 0; i < 8; i++) {
    let length = 0
    while (words[i + length] === 0) length++
    if (length > best.length) best = { at: i, length }
  }
  const hex = words.map((word) => word.toString(16))
  if (best.at < 0) return hex.join(':')
  return `${hex.slice(0, best.at).join(':')}::${hex.slice(best.at + best.length).join(':')}`
}

/** The one spelling of an address, IPv4 in IPv6 as IPv4; null for what is none. */
export function canonicalIp(text: string): string | null {
  const octets = parseIp(text)
  return octets === null ? null : formatIp(octets)
}

/** Its labels back to front, as reverse zones and DNS lists have them: `1.2.0.192`, or 32 nibbles (RFC 5782 §2). */
export function reverseLabels(octets: Uint8Array): string {
  if (octets.length === 4) return [...octets].reverse().join('.')
  return [...octets]
    .reverse()
    .map((octet) => `${(octet & 15).toString(16)}.${(octet >> 4).toString(16)}`)
    .join('.')
}

/** The name whose PTR records name the host (RFC 1035 §3.5, RFC 3596 §2.5). */
export function reverseName(octets: Uint8Array): string {
  return `${reverseLabels(octets)}.${octets.length === 4 ? 'in-addr' : 'ip6'}.arpa`
}

/**
 * The network that counts as one neighbour: /24 of IPv4, /64 of IPv6 (a /64 is what one customer gets). Null for what is no
 * address.
 */
export function networkOf(text: string): string | null {
  const octets = parseIp(text)
  if (octets === null) return null
  octets.fill(0, octets.length === 4 ? 3 : 8)
  return `${formatIp(octets)}/${octets.length === 4 ? 24 : 64}`
}

/** Networks that are nobody's on the public internet (IANA special-purpose registries; RFC 6890). */
const NOT_PUBLIC = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  NOT_PUBLIC.addSubnet(network, prefix, 'ipv4')

/** Global unicast is 2000::/3; in it, these are not. */
const NOT_PUBLIC_SIX = new BlockList()
for (const [network, prefix] of [
  ['2001:10::', 28],
  ['2001:20::', 28],
] as const)
  NOT_PUBLIC_SIX.addSubnet(network, prefix, 'ipv6')

/**
 * Whether an address is a host's on the public internet: not private, loopback, link-local, shared, multicast, reserved. Networks
 * for documentation (192.0.2.0/24 and the like) count as public: nobody connects from them but tests.
 */
export function isPublicIp(octets: Uint8Array): boolean {
  const text = formatIp(octets)
  if (octets.length === 4) return !NOT_PUBLIC.check(text, 'ipv4')
  return ((octets[0] as number) & 0xe0) === 0x20 && !NOT_PUBLIC_SIX.check(text, 'ipv6')
}
