import type { Reply } from '@restante/mail'
import { ask } from './ask.ts'
import { offersAuth } from './auth-exchange.ts'
import { abortTransaction } from './data-verbs.ts'
import { parseHelo } from './grammar.ts'
import { PROTOCOL_REPLIES } from './protocol-replies.ts'
import type { Session } from './session.ts'

/** HELO, EHLO and LHLO (RFC 5321 §4.1.1.1, RFC 2033 §4.1): says what we can, and starts afresh. */
export function greet(session: Session, argument: string | null, done: () => void, extended: boolean): void {
  const name = parseHelo(argument)
  if ('refuse' in name) {
    session.refuse('helo', name.refuse, done)
    return
  }
  const { evidence, settings } = session
  const before = { helo: evidence.helo, extended: evidence.extended }
  const accept = (own: Reply | null): void => {
    abortTransaction(session, 'aborted')
    const lines = [own?.text ?? settings.options.hostname, ...(extended ? extensions(session) : [])]
    session.reply({ code: 250, enhanced: '', reason: 'hello', text: lines.join('\n') })
    done()
  }
  evidence.helo = name.ok
  evidence.extended = extended
  const hook = settings.options.policy.helo
  if (hook === undefined) {
    accept(null)
    return
  }
  ask(
    session,
    'helo',
    (context) => hook(evidence, context),
    accept,
    (reply, fault) => {
      Object.assign(evidence, before)
      session.refuse('helo', reply, done, { fault })
    },
  )
}

function extensions(session: Session): string[] {
  const { settings, evidence } = session
  const lines = ['PIPELINING', `SIZE ${settings.limits.messageOctets}`]
  if (settings.startTls && evidence.tls === null) lines.push('STARTTLS')
  if (offersAuth(session)) lines.push('AUTH PLAIN LOGIN')
  lines.push('ENHANCEDSTATUSCODES', '8BITMIME', 'SMTPUTF8', 'CHUNKING')
  if (settings.options.dsn === true) lines.push('DSN')
  if (settings.options.requireTlsExtension === true && evidence.tls !== null) lines.push('REQUIRETLS')
  if (session.offersXclient) lines.push('XCLIENT NAME ADDR PORT PROTO HELO LOGIN')
  return lines
}

/** RSET (RFC 5321 §4.1.1.5). */
export function reset(session: Session, _argument: string | null, done: () => void): void {
  abortTransaction(session, 'aborted')
  session.reply(PROTOCOL_REPLIES.flushed)
  done()
}

/** NOOP (RFC 5321 §4.1.1.9); what follows it is ignored. */
export function idle(session: Session, _argument: string | null, done: () => void): void {
  session.reply(PROTOCOL_REPLIES.ok)
  done()
}

/** HELP (RFC 5321 §4.1.1.8). */
export function help(session: Session, _argument: string | null, done: () => void): void {
  session.reply(PROTOCOL_REPLIES.help)
  done()
}

/** VRFY (RFC 5321 §3.5.3, §7.3): tells strangers nothing. */
export function verify(session: Session, argument: string | null, done: () => void): void {
  if (argument === null) {
    session.refuse('command', PROTOCOL_REPLIES['argument-syntax'], done)
    return
  }
  session.reply(PROTOCOL_REPLIES['no-verify'])
  done()
}

/** EXPN, ETRN, TURN and other verbs that exist but not here (RFC 5321 §4.2.4.1). */
export function notImplemented(session: Session, _argument: string | null, done: () => void): void {
  session.refuse('command', PROTOCOL_REPLIES['not-implemented'], done)
}

/** QUIT (RFC 5321 §4.1.1.10). */
export function quit(session: Session, _argument: string | null, done: () => void): void {
  session.quit(PROTOCOL_REPLIES.bye)
  done()
}

/** STARTTLS (RFC 3207 §4). */
export function startTls(session: Session, _argument: string | null, done: () => void): void {
  const refusal =
    session.evidence.tls !== null ? 'tls-active' : session.settings.startTls ? null : ('no-tls' as const)
  if (refusal === null) session.startTls(done)
  else session.refuse('command', PROTOCOL_REPLIES[refusal], done)
}
