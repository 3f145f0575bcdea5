import type { Reply } from '@restante/mail'
import { parseCommandLine } from './grammar.ts'
import { PROTOCOL_REPLIES } from './protocol-replies.ts'
import type { Session } from './session.ts'
import { LMTP_VERBS, SMTP_VERBS } from './verbs.ts'

const HTTP_METHOD = /^(?:OPTIONS|GET|HEAD|POST|PUT|DELETE|TRACE|CONNECT|PATCH)$/
const HELLO = /^(?:HELO|EHLO|LHLO)$/

/** Runs one command line, or hands it to the exchange that waits for it. */
export function dispatch(session: Session, line: Buffer, done: () => void): void {
  const { continuation, settings, evidence } = session
  if (continuation !== null) {
    session.continuation = null
    continuation(line, done)
    return
  }
  const refuse = (reply: Reply): void => session.refuse('command', reply, done)
  if (line.length > settings.limits.commandOctets && !/^AUTH$/i.test(line.toString('latin1', 0, 4))) {
    refuse(PROTOCOL_REPLIES['line-too-long'])
    return
  }
  const parsed = parseCommandLine(line)
  if ('refuse' in parsed) {
    refuse(parsed.refuse)
    return
  }
  const { verb, argument } = parsed.ok
  if (verb === 'XCLIENT' && session.offersXclient) {
    if (session.transaction !== null) refuse(PROTOCOL_REPLIES['in-transaction'])
    else session.xclient(line, done)
    return
  }
  const entry = (settings.options.mode === 'lmtp' ? LMTP_VERBS : SMTP_VERBS).get(verb)
  if (entry === undefined) {
    if (HTTP_METHOD.test(verb) && /HTTP\/\d/i.test(argument ?? '')) {
      session.bye(PROTOCOL_REPLIES['not-smtp'])
      done()
    } else refuse(PROTOCOL_REPLIES[HELLO.test(verb) ? 'wrong-hello' : 'unknown-command'])
    return
  }
  const run = (): void => entry.run(session, argument, done)
  if (entry.argument === 'none' && argument !== null) refuse(PROTOCOL_REPLIES['no-argument'])
  else if (entry.needsHelo && evidence.helo === '') refuse(PROTOCOL_REPLIES['helo-first'])
  else if (entry.needsAuth && settings.requireAuth && evidence.authenticatedAs === null) {
    refuse(PROTOCOL_REPLIES['auth-required'])
  } else if (entry.junk && session.budget.isJunk()) session.penalize(done, run)
  else run()
}
