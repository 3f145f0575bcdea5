import { createHash } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

/** The channel binding of a finished handshake (RFC 9266, RFC 5929), or null where it has none. */
export function channelBindingOf(
  socket: TLSSocket,
): { readonly type: string; readonly octets: Uint8Array } | null {
  if (socket.getProtocol() === 'TLSv1.3')
    return {
      type: 'tls-exporter',
      octets: socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)),
    }
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return null
  const algorithm = (certificate as { signatureAlgorithm?: string }).signatureAlgorithm ?? ''
  // RFC 5929 §4.1: the certificate's own hash, SHA-256 in place of MD5 and SHA-1.
  const strong = /sha-?(384|512)/i.exec(algorithm)?.[1]
  const octets = createHash(`sha${strong ?? '256'}`)
    .update(certificate.raw)
    .digest()
  return { type: 'tls-server-end-point', octets }
}
