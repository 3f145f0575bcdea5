import { createSign, generateKeyPairSync, randomBytes } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'

/** A certificate with its private key, both PEM. */
export interface CertificatePair {
  readonly cert: string
  readonly key: string
}

/**
 * A self-signed P-256 certificate (X.509 v3, RFC 5280) for a first start: encrypts, but proves nothing to a client
 * that was not told to trust it. The first name is the common name; names and addresses all become subjectAltNames.
 */
export function selfSignedCertificate(names: readonly string[], nowMs: number, days = 825): CertificatePair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ecdsaWithSha256 = sequence(objectId(1, 2, 840, 10045, 4, 3, 2))
  const commonName = sequence(set(sequence(objectId(2, 5, 4, 3), utf8(names[0] ?? 'localhost'))))
  // A day's grace for clients whose clocks are behind.
  const validity = sequence(time(nowMs - 86_400_000), time(nowMs + days * 86_400_000))
  const serial = randomBytes(16)
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40
  const alternatives = sequence(
    ...names.map((name) =>
      isIPv4(name) || isIPv6(name) ? der(0x87, addressOctets(name)) : der(0x82, Buffer.from(name, 'ascii')),
    ),
  )
  const extensions = sequence(
    extension([2, 5, 29, 17], alternatives),
    extension([2, 5, 29, 19], sequence(TRUE), true),
    extension([2, 5, 29, 37], sequence(objectId(1, 3, 6, 1, 5, 5, 7, 3, 1))),
  )
  const body = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, serial),
    ecdsaWithSha256,
    commonName,
    validity,
    commonName,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  )
  const signature = createSign('sha256').update(body).sign(privateKey)
  const certificate = sequence(body, ecdsaWithSha256, der(0x03, Buffer.concat([Buffer.of(0), signature])))
  return {
    cert: pem('CERTIFICATE', certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

const TRUE = der(0x01, Buffer.of(0xff))

function der(tag: number, content: Uint8Array): Buffer {
  const size = content.length
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

function sequence(...parts: Uint8Array[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function set(...parts: Uint8Array[]): Buffer {
  return der(0x31, Buffer.concat(parts))
}

function utf8(text: string): Buffer {
  return der(0x0c, Buffer.from(text))
}

function objectId(first: number, second: number, ...rest: number[]): Buffer {
  const octets = [first * 40 + second]
  for (const arc of rest) {
    const base128 = [arc & 127]
    for (let left = arc >> 7; left > 0; left >>= 7) base128.unshift((left & 127) | 128)
    octets.push(...base128)
  }
  return der(0x06, Buffer.from(octets))
}

function extension(id: readonly [number, number, ...number[]], value: Uint8Array, critical = false): Buffer {
  return sequence(objectId(...id), ...(critical ? [TRUE] : []), der(0x04, value))
}

/** UTCTime until 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
function time(timeMs: number): Buffer {
  const digits = new Date(timeMs).toISOString().replace(/[-:T]|\.\d+/g, '')
  return digits < '2050' ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits))
}

function addressOctets(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail = ''] = address.split('::')
  const groups = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const [left, right] = [groups(head), groups(tail)]
  const all = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right]
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]))
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
