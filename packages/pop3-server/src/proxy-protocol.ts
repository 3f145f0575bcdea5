import { isIP } from 'node:net'

/** What a PROXY header says of the real client. */
export interface ProxyHeader {
  /** Null for a connection of the proxy's own (LOCAL, UNKNOWN): its socket address stands. */
  readonly client: { readonly address: string; readonly port: number } | null
  /** The proxy took TLS off: what it says of it, or null. */
  readonly tls: { readonly protocol: string; readonly cipher: string } | null
  /** The host name the client asked for, or null. */
  readonly serverName: string | null
  /** Octets of the header; the rest belongs to the session. */
  readonly length: number
}

const SIGNATURE = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10)
const LONGEST_V1 = 107
const LONGEST_V2 = 16 + 4096

/** Reads a PROXY protocol header, version 1 or 2: the header, `more` octets needed, or `bad`. */
export function parseProxyHeader(octets: Buffer): ProxyHeader | 'more' | 'bad' {
  const compared = Math.min(octets.length, SIGNATURE.length)
  let isV2 = true
  for (let i = 0; i < compared && isV2; i++) isV2 = octets[i] === SIGNATURE[i]
  if (isV2 && compared > 0) return octets.length < 16 ? 'more' : parseVersion2(octets)
  return parseVersion1(octets)
}

/** PROXY TCP4|TCP6 SP src SP dst SP sport SP dport CRLF, or PROXY UNKNOWN ... CRLF. */
function parseVersion1(octets: Buffer): ProxyHeader | 'more' | 'bad' {
  const start = octets.toString('latin1', 0, Math.min(6, octets.length))
  if (!'PROXY '.startsWith(start)) return 'bad'
  const end = octets.indexOf('\r\n', 0, 'latin1')
  if (end < 0) return octets.length >= LONGEST_V1 ? 'bad' : 'more'
  if (end + 2 > LONGEST_V1) return 'bad'
  const line = octets.toString('latin1', 0, end)
  const length = end + 2
  if (line === 'PROXY UNKNOWN' || line.startsWith('PROXY UNKNOWN ')) {
    return { client: null, tls: null, serverName: null, length }
  }
  const match = /^PROXY TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})$/.exec(line)
  if (match === null) return 'bad'
  const [, family, address, , port] = match as unknown as [string, string, string, string, string]
  if (isIP(address) !== Number(family) || Number(port) > 65535) return 'bad'
  return { client: { address, port: Number(port) }, tls: null, serverName: null, length }
}

function parseVersion2(octets: Buffer): ProxyHeader | 'more' | 'bad' {
  const length = 16 + octets.readUInt16BE(14)
  if (length > LONGEST_V2) return 'bad'
  const versionAndCommand = octets[12] as number
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21) return 'bad'
  if (octets.length < length) return 'more'
  if (versionAndCommand === 0x20) return { client: null, tls: null, serverName: null, length }
  const familyAndTransport = octets[13] as number
  let client: ProxyHeader['client']
  let at: number
  if (familyAndTransport === 0x11) {
    if (length < 28) return 'bad'
    client = { address: [...octets.subarray(16, 20)].join('.'), port: octets.readUInt16BE(24) }
    at = 28
  } else if (familyAndTransport === 0x21) {
    if (length < 52) return 'bad'
    const groups: string[] = []
    for (let i = 16; i < 32; i += 2) groups.push(octets.readUInt16BE(i).toString(16))
    client = { address: shortIpv6(groups), port: octets.readUInt16BE(48) }
    at = 52
  } else return { client: null, tls: null, serverName: null, length }
  let tls: ProxyHeader['tls'] = null
  let serverName: string | null = null
  for (const [type, value] of values(octets.subarray(at, length))) {
    if (type === 0x02) serverName = value.toString('latin1')
    // PP2_TYPE_SSL: a bit field whose first bit says the client came over TLS, four octets, then more values.
    if (type === 0x20 && value.length >= 5 && ((value[0] as number) & 1) === 1) {
      const inner = new Map(values(value.subarray(5)))
      tls = {
        protocol: inner.get(0x21)?.toString('latin1') ?? 'proxy',
        cipher: inner.get(0x23)?.toString('latin1') ?? '',
      }
    }
  }
  return { client, tls, serverName, length }
}

function values(octets: Buffer): [type: number, value: Buffer][] {
  const found: [number, Buffer][] = []
  for (let at = 0; at + 3 <= octets.length; ) {
    const length = octets.readUInt16BE(at + 1)
    found.push([octets[at] as number, octets.subarray(at + 3, at + 3 + length)])
    at += 3 + length
  }
  return found
}

/** RFC 5952 text of eight groups; IPv4-mapped ones become IPv4. */
function shortIpv6(groups: readonly string[]): string {
  const mapped = groups.slice(0, 5).every((group) => group === '0') && groups[5] === 'ffff'
  if (mapped) {
    return groups
      .slice(6)
      .flatMap((group) => {
        const value = Number.parseInt(group, 16)
        return [value >> 8, value & 255]
      })
      .join('.')
  }
  let start = 0
  let longest = 0
  for (let i = 0; i < groups.length; i++) {
    let run = 0
    while (groups[i + run] === '0') run++
    if (run > longest) {
      start = i
      longest = run
    }
  }
  if (longest < 2) return groups.join(':')
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + longest).join(':')}`
}
