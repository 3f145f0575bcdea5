/** A reply to an SMTP or LMTP peer (RFC 5321 §4.2, RFC 3463). */
export interface Reply {
  readonly code: number
  /** Enhanced status without the class repeated: `5.7.1`; empty where RFC 2034 wants none (HELO, EHLO, 354). */
  readonly enhanced: string
  /** Stable id, the same in reply, log, metric and page. */
  readonly reason: string
  readonly text: string
}

function reply(code: number, enhanced: string, reason: string, text: string): Reply {
  return { code, enhanced, reason, text }
}

/**
 * Every reply the receiving side gives by policy, once: code, enhanced code, reason id, and a text that tells
 * the sender what to do. `{name}` places are filled by {@link fillReply}.
 */
export const REPLIES: {
  readonly [reason in
    | 'accepted'
    | 'recipient-ok'
    | 'sender-ok'
    | 'unknown-recipient'
    | 'relay-denied'
    | 'alias-loop'
    | 'outgoing-off'
    | 'login-unavailable'
    | 'sender-not-yours'
    | 'recipient-syntax'
    | 'sender-syntax'
    | 'too-many-recipients'
    | 'too-large'
    | 'disk-full'
    | 'over-quota'
    | 'store-failed'
    | 'check-failed'
    | 'spam-refused'
    | 'malware-refused'
    | 'client-listed'
    | 'greylisted'
    | 'mail-rate'
    | 'bad-sequence'
    | 'need-starttls'
    | 'too-many-errors'
    | 'too-busy'
    | 'timeout'
    | 'shutting-down'
    | 'bad-line-ends'
    | 'mail-loop'
    | 'needs-smtputf8'
    | 'no-recipients']: Reply
} = {
  accepted: reply(250, '2.0.0', 'accepted', 'Stored as {id}'),
  'recipient-ok': reply(250, '2.1.5', 'recipient-ok', 'Recipient ok'),
  'sender-ok': reply(250, '2.1.0', 'sender-ok', 'Sender ok'),
  'unknown-recipient': reply(
    550,
    '5.1.1',
    'unknown-recipient',
    'No mailbox {address} here; check the address',
  ),
  'relay-denied': reply(550, '5.7.1', 'relay-denied', 'Mail for {domain} is not handled here'),
  'alias-loop': reply(550, '5.4.6', 'alias-loop', 'The aliases of {address} lead in a circle'),
  'login-unavailable': reply(
    454,
    '4.7.0',
    'login-unavailable',
    'Login cannot be checked now; try again later',
  ),
  'outgoing-off': reply(
    550,
    '5.7.1',
    'outgoing-off',
    'Mail to {domain} cannot be sent from here; only addresses of this server can be reached',
  ),
  'sender-not-yours': reply(
    553,
    '5.7.1',
    'sender-not-yours',
    'You are logged in as {account}; send as that address or one of its aliases',
  ),
  'recipient-syntax': reply(501, '5.1.3', 'recipient-syntax', 'Recipient address is malformed'),
  'sender-syntax': reply(501, '5.1.7', 'sender-syntax', 'Sender address is malformed'),
  'too-many-recipients': reply(
    452,
    '4.5.3',
    'too-many-recipients',
    'Too many recipients; send the rest in another transaction',
  ),
  'too-large': reply(552, '5.3.4', 'too-large', 'Message exceeds the limit of {limit} octets'),
  'disk-full': reply(452, '4.3.1', 'disk-full', 'Not enough storage; try again later'),
  'over-quota': reply(452, '4.2.2', 'over-quota', 'Mailbox of {address} is full; try again later'),
  'store-failed': reply(451, '4.3.0', 'store-failed', 'Could not be stored; try again later'),
  'check-failed': reply(451, '4.3.0', 'check-failed', 'Could not be checked; try again later'),
  'spam-refused': reply(
    550,
    '5.7.1',
    'spam-refused',
    'Refused as spam ({score}); if this is wrong, write to postmaster@{domain}',
  ),
  'malware-refused': reply(
    550,
    '5.7.1',
    'malware-refused',
    'Refused: it carries {virus}; if this is wrong, write to postmaster@{domain}',
  ),
  'client-listed': reply(
    550,
    '5.7.1',
    'client-listed',
    '{client} is on the list {list}; have it taken off there, or write to postmaster@{domain}',
  ),
  greylisted: reply(
    450,
    '4.7.1',
    'greylisted',
    'Not known here yet; come again in {seconds} seconds, as mail servers do by themselves',
  ),
  'mail-rate': reply(
    450,
    '4.7.1',
    'mail-rate',
    'Too much mail from {client} at once; come again in {seconds} seconds',
  ),
  'bad-sequence': reply(503, '5.5.1', 'bad-sequence', 'Command out of order'),
  'need-starttls': reply(530, '5.7.0', 'need-starttls', 'Issue STARTTLS first'),
  'too-many-errors': reply(421, '4.7.0', 'too-many-errors', 'Too many errors; closing'),
  'too-busy': reply(421, '4.3.2', 'too-busy', 'Too many connections; try again later'),
  timeout: reply(421, '4.4.2', 'timeout', 'Waited too long; closing'),
  'shutting-down': reply(421, '4.3.2', 'shutting-down', 'Shutting down; try again in a minute'),
  'bad-line-ends': reply(550, '5.6.0', 'bad-line-ends', 'Bare CR or LF in mail data; end lines with CRLF'),
  'mail-loop': reply(554, '5.4.6', 'mail-loop', 'Too many Received fields; this is a mail loop'),
  'needs-smtputf8': reply(553, '5.6.7', 'needs-smtputf8', 'Address is not ASCII; use SMTPUTF8'),
  'no-recipients': reply(554, '5.5.1', 'no-recipients', 'No valid recipients'),
}

/** A catalogue reply with its `{places}` filled. Line breaks and controls in values become spaces. */
export function fillReply(template: Reply, values: Readonly<Record<string, string | number>> = {}): Reply {
  const text = template.text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in values
      ? String(values[name])
          .replace(/[\u0000-\u001f\u007f]+/g, ' ')
          .slice(0, 320)
      : whole,
  )
  return { ...template, text }
}
