import { createHash, type X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { createSecureContext, type SecureContext, type SecureVersion, TLSSocket } from 'node:tls'
import type { TlsInfo } from './backend.ts'

/** A certificate chain and its key, PEM. */
export interface TlsCertificate {
  readonly key: string | Buffer
  readonly cert: string | Buffer
}

/** How a server speaks TLS. */
export interface TlsSettings extends TlsCertificate {
  /** Other certificates by host name (SNI); `*.example.org` fits one label. */
  readonly hosts?: Readonly<Record<string, TlsCertificate>>
  /** Default `TLSv1.2`. */
  readonly minVersion?: SecureVersion
  readonly ciphers?: string
  /** 48 octets shared by all nodes, so that a session ticket of one resumes on another. */
  readonly ticketKeys?: Buffer
}

/** Where channel binding octets of a TLS session come from (RFC 5929, RFC 9266); null where it has none. */
export type ChannelBindingSource = (type: string) => Uint8Array | null

/** What is made of {@link TlsSettings} once and used for every handshake. */
export interface TlsContexts {
  readonly context: SecureContext
  contextFor(serverName: string): SecureContext
}

const ALPN = ['pop3']

/** Reads keys and certificates. Throws what node:tls throws for unusable ones. */
export function makeTlsContexts(settings: TlsSettings): TlsContexts {
  const make = ({ key, cert }: TlsCertificate) =>
    createSecureContext({
      key,
      cert,
      minVersion: settings.minVersion ?? 'TLSv1.2',
      honorCipherOrder: true,
      sessionIdContext: 'pop3',
      ...(settings.ciphers === undefined ? {} : { ciphers: settings.ciphers }),
      ...(settings.ticketKeys === undefined ? {} : { ticketKeys: settings.ticketKeys }),
    })
  const context = make(settings)
  const hosts = new Map(
    Object.entries(settings.hosts ?? {}).map(([host, certificate]) => [
      host.toLowerCase(),
      make(certificate),
    ]),
  )
  return {
    context,
    contextFor(serverName) {
      const name = serverName.toLowerCase()
      return hosts.get(name) ?? hosts.get(name.replace(/^[^.]+/, '*')) ?? context
    },
  }
}

/** Puts TLS, server side, over a connected socket; octets the socket already holds go to the handshake. */
export function wrapServerTls(socket: Socket, contexts: TlsContexts): TLSSocket {
  return new TLSSocket(socket, {
    isServer: true,
    secureContext: contexts.context,
    ALPNProtocols: ALPN,
    SNICallback: (serverName, done) => done(null, contexts.contextFor(serverName)),
  })
}

/** What events say of a finished handshake. */
export function describeTls(socket: TLSSocket): TlsInfo {
  const serverName = (socket as { servername?: string | false | null }).servername
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher()?.name ?? 'unknown',
    serverName: typeof serverName === 'string' ? serverName : null,
  }
}

/** Channel bindings of a finished handshake. */
export function channelBindingsOf(socket: TLSSocket): ChannelBindingSource {
  return (type) => {
    if (socket.destroyed) return null
    switch (type) {
      case 'tls-exporter':
        // RFC 9266 §2: TLS 1.2 only with extended master secret, which node:tls does not tell.
        if (socket.getProtocol() !== 'TLSv1.3') return null
        return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
      case 'tls-server-end-point': {
        const certificate = socket.getX509Certificate()
        return certificate === undefined ? null : hashCertificate(certificate)
      }
      case 'tls-unique':
        // RFC 5929 §3.1: the first Finished message of the handshake; not defined for TLS 1.3.
        if (socket.getProtocol() !== 'TLSv1.2') return null
        return (socket.isSessionReused() ? socket.getFinished() : socket.getPeerFinished()) ?? null
      default:
        return null
    }
  }
}

/** RFC 5929 §4.1: the certificate's own hash, SHA-256 in place of MD5 and SHA-1. */
function hashCertificate(certificate: X509Certificate): Uint8Array {
  const algorithm = (certificate as { signatureAlgorithm?: string }).signatureAlgorithm ?? ''
  const strong = /(sha-?384|sha-?512)/i.exec(algorithm)?.[1]
  return createHash(strong === undefined ? 'sha256' : strong.toLowerCase().replace('-', ''))
    .update(certificate.raw)
    .digest()
}
