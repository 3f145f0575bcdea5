import { canonicalAddress, fillReply, formatPath, type Path, REPLIES, type Reply } from '@restante/mail'
import { ask } from './ask.ts'
import { parseAddressArgument, RECIPIENT_SYNTAX, SENDER_SYNTAX } from './grammar.ts'
import { type Offered, readMailParameters, readRcptParameters } from './parameters.ts'
import { PROTOCOL_REPLIES } from './protocol-replies.ts'
import type { Session } from './session.ts'

function offered(session: Session): Offered {
  const { evidence, settings } = session
  const { limits, options } = settings
  return {
    maxSizeOctets: limits.messageOctets,
    dsn: options.dsn === true,
    auth: options.auth !== undefined,
    requireTls: options.requireTlsExtension === true && evidence.tls !== null,
  }
}

/** MAIL (RFC 5321 §4.1.1.2). */
export function mail(session: Session, argument: string | null, done: () => void): void {
  const { settings, evidence } = session
  const refuse = (reply: Reply): void => session.refuse('mail', reply, done)
  if (session.transaction !== null) {
    refuse(PROTOCOL_REPLIES['nested-mail'])
    return
  }
  if (settings.options.requireTls === true && evidence.tls === null) {
    refuse(REPLIES['need-starttls'])
    return
  }
  const parsed = parseAddressArgument('FROM', argument ?? '', SENDER_SYNTAX)
  if ('refuse' in parsed) {
    refuse(parsed.refuse)
    return
  }
  const read = readMailParameters(parsed.ok.parameters, offered(session))
  if ('refuse' in read) {
    refuse(read.refuse)
    return
  }
  const { path, ascii } = parsed.ok
  const parameters = read.ok
  if (!ascii && !parameters.smtputf8) {
    refuse(REPLIES['needs-smtputf8'])
    return
  }
  const accept = (reply: Reply | null): void => {
    session.transaction = {
      id: session.nextTransactionId(),
      startedMs: settings.nowMs(),
      reversePath: path,
      parameters,
      recipients: [],
      recipientParameters: [],
      places: new Map(),
      attempted: false,
      content: null,
    }
    session.reply(reply ?? REPLIES['sender-ok'])
    done()
  }
  const hook = settings.options.policy.mail
  if (hook === undefined) {
    accept(null)
    return
  }
  ask(
    session,
    'mail',
    (context) => hook({ session: evidence, reversePath: path, parameters }, context),
    accept,
    (reply, fault) => {
      const words = fillReply(reply, { address: display(path), domain: path?.domain ?? '' })
      session.refuse('mail', words, done, { fault, from: display(path) })
    },
  )
}

/** RCPT (RFC 5321 §4.1.1.3). */
export function rcpt(session: Session, argument: string | null, done: () => void): void {
  const { settings, evidence, transaction } = session
  const refuse = (reply: Reply): void => session.refuse('rcpt', reply, done)
  if (transaction === null) {
    refuse(PROTOCOL_REPLIES['mail-first'])
    return
  }
  if (transaction.content !== null) {
    refuse(PROTOCOL_REPLIES['chunk-first'])
    return
  }
  transaction.attempted = true
  const parsed = parseAddressArgument('TO', argument ?? '', RECIPIENT_SYNTAX)
  if ('refuse' in parsed) {
    refuse(parsed.refuse)
    return
  }
  const read = readRcptParameters(parsed.ok.parameters, offered(session))
  if ('refuse' in read) {
    refuse(read.refuse)
    return
  }
  const { path, ascii } = parsed.ok
  if (path === null) {
    refuse(RECIPIENT_SYNTAX)
    return
  }
  if (!ascii && !transaction.parameters.smtputf8) {
    refuse(REPLIES['needs-smtputf8'])
    return
  }
  const recipient =
    path.domain === '' ? { localPart: path.localPart, domain: settings.options.hostname } : path
  const key = settings.options.mode === 'lmtp' ? null : canonicalAddress(recipient)
  const place = key === null ? undefined : transaction.places.get(key)
  if (place === undefined && transaction.recipients.length >= settings.limits.recipients) {
    refuse(REPLIES['too-many-recipients'])
    return
  }
  const { reversePath, parameters, recipients } = transaction
  const recipientParameters = read.ok
  const accept = (reply: Reply | null): void => {
    if (place === undefined) {
      if (key !== null) transaction.places.set(key, recipients.length)
      recipients.push(recipient)
      transaction.recipientParameters.push(recipientParameters)
    } else transaction.recipientParameters[place] = recipientParameters
    session.reply(reply ?? REPLIES['recipient-ok'])
    done()
  }
  ask(
    session,
    'rcpt',
    (context) =>
      settings.options.policy.rcpt(
        { session: evidence, reversePath, parameters, recipient, recipientParameters, accepted: recipients },
        context,
      ),
    accept,
    (reply, fault) =>
      session.refuse(
        'rcpt',
        fillReply(reply, { address: display(recipient), domain: recipient.domain }),
        done,
        {
          fault,
          from: display(reversePath),
          to: display(recipient),
        },
      ),
  )
}

/** An address for events and replies; `<>` for the null reverse-path. */
export function display(path: Path | null): string {
  return path === null ? '<>' : formatPath(path)
}
