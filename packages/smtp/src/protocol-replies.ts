import type { Reply } from '@restante/mail'

type Row = readonly [code: number, enhanced: string, text: string]

/** Reason ids of the replies that the protocol itself asks for. */
export type ProtocolReason =
  | 'argument-syntax'
  | 'no-argument'
  | 'helo-syntax'
  | 'parameter-syntax'
  | 'parameter-twice'
  | 'parameter-value'
  | 'parameter-unknown'
  | 'body-unsupported'
  | 'line-too-long'
  | 'not-utf8'
  | 'control-in-command'
  | 'unknown-command'
  | 'not-implemented'
  | 'helo-first'
  | 'mail-first'
  | 'rcpt-first'
  | 'nested-mail'
  | 'in-transaction'
  | 'chunk-first'
  | 'chunk-failed'
  | 'tls-active'
  | 'no-tls'
  | 'wrong-hello'
  | 'already-authenticated'
  | 'auth-required'
  | 'auth-needs-tls'
  | 'auth-mechanism'
  | 'auth-malformed'
  | 'auth-cancelled'
  | 'auth-failed'
  | 'auth-unavailable'
  | 'auth-ok'
  | 'data-go'
  | 'chunk-ok'
  | 'chunk-too-large'
  | 'start-tls'
  | 'flushed'
  | 'ok'
  | 'bye'
  | 'no-verify'
  | 'help'
  | 'not-smtp'
  | 'too-soon'
  | 'too-fast'
  | 'connection-refused'

/** Replies that follow from the protocol alone; those given by policy are in the catalogue of `@restante/mail`. */
const ROWS: { readonly [reason in ProtocolReason]: Row } = {
  'argument-syntax': [501, '5.5.4', 'Malformed argument'],
  'no-argument': [501, '5.5.4', 'This command takes no argument'],
  'helo-syntax': [501, '', 'Name yourself in one word: a host name or an address literal'],
  'parameter-syntax': [501, '5.5.4', 'Malformed parameter'],
  'parameter-twice': [501, '5.5.4', 'Parameter given twice'],
  'parameter-value': [501, '5.5.4', 'Bad value for {parameter}'],
  'parameter-unknown': [555, '5.5.4', 'Parameter {parameter} is not supported'],
  'body-unsupported': [555, '5.6.1', 'BODY=BINARYMIME is not supported; convert to 8BITMIME'],
  'line-too-long': [500, '5.5.2', 'Line too long'],
  'not-utf8': [500, '5.5.2', 'Command is not UTF-8'],
  'control-in-command': [500, '5.5.2', 'Control character in command; end lines with CRLF'],
  'unknown-command': [500, '5.5.2', 'Unknown command'],
  'not-implemented': [502, '5.5.1', 'Command not implemented'],
  'helo-first': [503, '5.5.1', 'Say hello first'],
  'mail-first': [503, '5.5.1', 'Send MAIL first'],
  'rcpt-first': [503, '5.5.1', 'Send RCPT first'],
  'nested-mail': [503, '5.5.1', 'A transaction is open; finish it or send RSET'],
  'in-transaction': [503, '5.5.1', 'Not during a transaction'],
  'chunk-first': [503, '5.5.1', 'BDAT has begun; go on with BDAT or send RSET'],
  'chunk-failed': [503, '5.5.1', 'The transaction has failed; send RSET'],
  'tls-active': [503, '5.5.1', 'TLS is already active'],
  'no-tls': [502, '5.5.1', 'TLS is not available'],
  'wrong-hello': [500, '5.5.1', 'Wrong greeting for this service'],
  'already-authenticated': [503, '5.5.1', 'Already authenticated'],
  'auth-required': [530, '5.7.0', 'Authentication required'],
  'auth-needs-tls': [538, '5.7.11', 'Issue STARTTLS before authenticating'],
  'auth-mechanism': [504, '5.5.4', 'Authentication mechanism not supported'],
  'auth-malformed': [501, '5.5.2', 'Malformed authentication data'],
  'auth-cancelled': [501, '5.7.0', 'Authentication cancelled'],
  'auth-failed': [535, '5.7.8', 'Name or password is wrong'],
  'auth-unavailable': [454, '4.7.0', 'Cannot authenticate now; try again later'],
  'auth-ok': [235, '2.7.0', 'Authentication succeeded'],
  'data-go': [354, '', 'End data with <CR><LF>.<CR><LF>'],
  'chunk-ok': [250, '2.0.0', '{octets} octets received'],
  'chunk-too-large': [552, '5.3.4', 'Chunk exceeds the limit of {limit} octets'],
  'start-tls': [220, '2.0.0', 'Ready to start TLS'],
  flushed: [250, '2.0.0', 'Flushed'],
  ok: [250, '2.0.0', 'Ok'],
  bye: [221, '2.0.0', 'Bye'],
  'no-verify': [252, '2.5.0', 'Cannot verify; send mail and see'],
  help: [214, '2.0.0', 'See https://www.rfc-editor.org/rfc/rfc5321'],
  'not-smtp': [421, '4.7.0', 'This is a mail server'],
  'too-soon': [421, '4.7.0', 'You spoke before the greeting'],
  'too-fast': [421, '4.7.0', 'Too many connections from your address; slow down'],
  'connection-refused': [554, '5.7.1', 'No service for you here'],
}

/** Every reply the protocol itself gives, once; the key is its reason id. */
export const PROTOCOL_REPLIES: { readonly [reason in ProtocolReason]: Reply } = Object.fromEntries(
  Object.entries(ROWS).map(([reason, [code, enhanced, text]]) => [reason, { code, enhanced, reason, text }]),
) as { [reason in ProtocolReason]: Reply }

/**
 * A reply as it goes over the wire, CRLF included: the enhanced code on every line (RFC 2034 §4), controls as
 * spaces, lines cut at 512 octets (RFC 5321 §4.5.3.1.5), characters outside ASCII as `?` unless `utf8`
 * (RFC 6531 §3.7.4.2). A line break in the text makes a multi-line reply.
 */
export function encodeReply(reply: Reply, utf8 = false): string {
  const lines = reply.text.split(/\r?\n/)
  const lead = reply.enhanced === '' ? '' : `${reply.enhanced} `
  let encoded = ''
  for (const [index, line] of lines.entries()) {
    let text = `${lead}${line}`.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
    if (!utf8) text = text.replace(/[^\u0020-\u007e]/gu, '?')
    if (text.length > 480 || Buffer.byteLength(text) > 500)
      text = text.slice(0, utf8 ? 160 : 480).toWellFormed()
    encoded += `${reply.code}${index < lines.length - 1 ? '-' : ' '}${text}\r\n`
  }
  return encoded
}
