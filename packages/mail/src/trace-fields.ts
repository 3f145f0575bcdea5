import type { Envelope } from './envelope.ts'
import { formatPath, type Path } from './path.ts'

/**
 * The lines we put before a copy (RFC 5321 §4.4): Return-Path, Delivered-To, Received. CRLF line ends, no line
 * longer than 998 octets, nothing of the peer's that could end a line.
 * @param recipient the address this copy was accepted for
 */
export function traceFields(envelope: Envelope, recipient: Path, hostname: string): string {
  const from = envelope.reversePath === null ? '<>' : `<${safe(formatPath(envelope.reversePath))}>`
  const to = safe(formatPath(recipient))
  const by = `by ${hostname} (Restante) with ${envelope.protocol} id ${safe(envelope.sessionId)}`
  const peer =
    envelope.protocol === 'local'
      ? ''
      : `from ${safe(envelope.helo || 'unknown')} ([${envelope.clientIp}])${envelope.tls === null ? '' : `\r\n\t(using ${safe(envelope.tls)})`}\r\n\t`
  return `Return-Path: ${from}\r\nDelivered-To: ${to}\r\nReceived: ${peer}${by}\r\n\tfor <${to}>; ${dateTime(envelope.receivedAtMs)}\r\n`
}

/** A date-time in UTC (RFC 5322 §3.3). */
export function dateTime(timeMs: number): string {
  return new Date(timeMs).toUTCString().replace('GMT', '+0000')
}

function safe(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, 320)
}
