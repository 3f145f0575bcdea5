import { isIP } from 'node:net'

/** What a PROXY header says; addresses are null where it speaks for the proxy itself (LOCAL, UNKNOWN). */
export interface ProxyHeader {
  readonly remoteAddress: string | null
  readonly remotePort: number
  readonly localAddress: string | null
  readonly localPort: number
  /** Length of the header: mail starts right after. */
  readonly octets: number
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
/** `PROXY UNKNOWN` with two IPv6 addresses, CRLF included (PROXY protocol §2.1). */
const V1_OCTETS = 107
/** Addresses and as many TLVs as any proxy sends; the length field alone would allow 65,535. */
const V2_OCTETS = 4096

/**
 * Reads a PROXY header, version 1 or 2, from the first octets of a connection. Null: more octets are needed.
 * `bad`: it is none.
 */
export function readProxyHeader(octets: Buffer): ProxyHeader | 'bad' | null {
  const seen = Math.min(octets.length, SIGNATURE.length)
  if (octets.compare(SIGNATURE, 0, seen, 0, seen) === 0) {
    return octets.length < SIGNATURE.length + 4 ? null : readVersion2(octets)
  }
  return readVersion1(octets)
}

function readVersion1(octets: Buffer): ProxyHeader | 'bad' | null {
  const start = octets.toString('latin1', 0, Math.min(octets.length, 6))
  if (!'PROXY '.startsWith(start)) return 'bad'
  const end = octets.subarray(0, V1_OCTETS).indexOf('\r\n')
  if (end < 0) return octets.length >= V1_OCTETS ? 'bad' : null
  const [, family, source = '', target = '', sourcePort, targetPort, ...more] = octets
    .toString('latin1', 0, end)
    .split(' ')
  const length = end + 2
  if (family === 'UNKNOWN') return local(length)
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : 0
  const remotePort = readPort(sourcePort)
  const localPort = readPort(targetPort)
  if (version === 0 || isIP(source) !== version || isIP(target) !== version || more.length > 0) return 'bad'
  if (remotePort === null || localPort === null) return 'bad'
  return { remoteAddress: source, remotePort, localAddress: target, localPort, octets: length }
}

function readPort(text: string | undefined): number | null {
  if (text === undefined || !/^(?:0|[1-9]\d{0,4})$/.test(text)) return null
  const port = Number(text)
  return port <= 65_535 ? port : null
}

function readVersion2(octets: Buffer): ProxyHeader | 'bad' | null {
  const at = SIGNATURE.length
  const versionAndCommand = octets.readUInt8(at)
  const family = octets.readUInt8(at + 1)
  const length = octets.readUInt16BE(at + 2)
  const command = versionAndCommand & 15
  if (versionAndCommand >> 4 !== 2 || command > 1 || length > V2_OCTETS) return 'bad'
  const total = at + 4 + length
  if (octets.length < total) return null
  if (command === 0) return local(total)
  const body = octets.subarray(at + 4, total)
  if (family === 0x11 && length >= 12) {
    const address = (from: number): string => body.subarray(from, from + 4).join('.')
    return {
      remoteAddress: address(0),
      localAddress: address(4),
      remotePort: body.readUInt16BE(8),
      localPort: body.readUInt16BE(10),
      octets: total,
    }
  }
  if (family === 0x21 && length >= 36) {
    return {
      remoteAddress: address6(body.subarray(0, 16)),
      localAddress: address6(body.subarray(16, 32)),
      remotePort: body.readUInt16BE(32),
      localPort: body.readUInt16BE(34),
      octets: total,
    }
  }
  // Unix sockets, UDP and the unspecified family carry no address of a mail client.
  return family === 0 || family === 0x31 ? local(total) : 'bad'
}

/** Canonical text of 16 octets: `[` URL parser does the shortening of RFC 5952. */
function address6(octets: Buffer): string {
  const groups: string[] = []
  for (let at = 0; at < 16; at += 2) groups.push(octets.readUInt16BE(at).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

function local(octets: number): ProxyHeader {
  return { remoteAddress: null, remotePort: 0, localAddress: null, localPort: 0, octets }
}
