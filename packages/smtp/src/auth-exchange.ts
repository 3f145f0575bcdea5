import { type Reply, utf8Text } from '@restante/mail'
import { isReply } from './ask.ts'
import type { Fault } from './events.ts'
import type { AuthHook } from './options.ts'
import { PROTOCOL_REPLIES } from './protocol-replies.ts'
import type { Session } from './session.ts'

type Mechanism = 'PLAIN' | 'LOGIN'

const LOOPBACK = /^(?:127\.|::1$)/

/** Whether AUTH may be used now: configured, not yet done, and not over a line that others may read. */
export function offersAuth(session: Session): boolean {
  return (
    session.settings.options.auth !== undefined &&
    session.evidence.authenticatedAs === null &&
    !needsTlsFirst(session)
  )
}

function needsTlsFirst(session: Session): boolean {
  const { evidence, settings } = session
  const without = settings.options.authWithoutTls ?? 'never'
  return (
    evidence.tls === null &&
    without !== 'always' &&
    !(without === 'loopback' && LOOPBACK.test(evidence.remoteAddress))
  )
}

/** AUTH PLAIN and LOGIN (RFC 4954 §4, RFC 4616). */
export function authenticate(session: Session, argument: string | null, done: () => void): void {
  const hook = session.settings.options.auth
  const refuse = (reply: Reply): void => session.refuse('auth', reply, done)
  if (hook === undefined) {
    refuse(PROTOCOL_REPLIES['not-implemented'])
    return
  }
  if (session.transaction !== null) {
    refuse(PROTOCOL_REPLIES['in-transaction'])
    return
  }
  if (session.evidence.authenticatedAs !== null) {
    refuse(PROTOCOL_REPLIES['already-authenticated'])
    return
  }
  if (needsTlsFirst(session)) {
    refuse(PROTOCOL_REPLIES['auth-needs-tls'])
    return
  }
  const [word = '', initial, ...more] = (argument ?? '').split(/[ \t]+/)
  const mechanism = word.toUpperCase()
  if (word === '' || more.length > 0) {
    refuse(PROTOCOL_REPLIES['argument-syntax'])
    return
  }
  if (mechanism === 'PLAIN') {
    const take = (octets: Buffer, then: () => void): void => plain(session, hook, octets, then)
    if (initial === undefined) {
      challenge(session, '', take, done)
      return
    }
    withBase64(session, initial, take, done)
    return
  }
  if (mechanism === 'LOGIN') {
    const take = (octets: Buffer, then: () => void): void => {
      const name = credential(octets)
      if (name === null || name === '') {
        session.refuse('auth', PROTOCOL_REPLIES['auth-malformed'], then)
        return
      }
      challenge(session, 'Password:', (password, last) => login(session, hook, name, password, last), then)
    }
    if (initial === undefined) {
      challenge(session, 'Username:', take, done)
      return
    }
    withBase64(session, initial, take, done)
    return
  }
  refuse(PROTOCOL_REPLIES['auth-mechanism'])
}

/** Sends a challenge; the next line is the response. */
function challenge(
  session: Session,
  text: string,
  take: (octets: Buffer, done: () => void) => void,
  done: () => void,
): void {
  session.reply({
    code: 334,
    enhanced: '',
    reason: 'auth-challenge',
    text: Buffer.from(text).toString('base64'),
  })
  session.continuation = (line, then) => {
    const response = line.toString('latin1')
    if (response === '*') return session.refuse('auth', PROTOCOL_REPLIES['auth-cancelled'], then)
    withBase64(session, response, take, then)
  }
  done()
}

/** Strict base64 (RFC 4648 §4); `=` alone is an empty initial response (RFC 4954 §4). */
function withBase64(
  session: Session,
  text: string,
  take: (octets: Buffer, done: () => void) => void,
  done: () => void,
): void {
  const octets = Buffer.from(text === '=' ? '' : text, 'base64')
  if (text !== '=' && octets.toString('base64') !== text) {
    session.refuse('auth', PROTOCOL_REPLIES['auth-malformed'], done)
    return
  }
  take(octets, done)
}

function plain(session: Session, hook: AuthHook, octets: Buffer, done: () => void): void {
  const [authorize, name, password, ...more] = octets
    .toString('latin1')
    .split('\0')
    .map((part) => credential(Buffer.from(part, 'latin1')))
  if (authorize == null || name == null || password == null || name === '' || more.length > 0) {
    session.refuse('auth', PROTOCOL_REPLIES['auth-malformed'], done)
    return
  }
  // Acting for somebody else is not on offer; many clients repeat their own name here.
  if (authorize !== '' && authorize !== name) {
    fail(session, 'PLAIN', name, done, null)
    return
  }
  check(session, hook, 'PLAIN', name, password, done)
}

function login(session: Session, hook: AuthHook, name: string, octets: Buffer, done: () => void): void {
  const password = credential(octets)
  if (password === null) {
    session.refuse('auth', PROTOCOL_REPLIES['auth-malformed'], done)
    return
  }
  check(session, hook, 'LOGIN', name, password, done)
}

/** Names and passwords are UTF-8 without controls (RFC 4013 §2.3), or null. */
function credential(octets: Buffer): string | null {
  const text = utf8Text(octets)
  return text === null || /[\u0000-\u001f\u007f]/.test(text) ? null : text
}

function check(
  session: Session,
  hook: AuthHook,
  mechanism: Mechanism,
  name: string,
  password: string,
  done: () => void,
): void {
  const { evidence } = session
  const about = {
    event: 'login',
    session: evidence.id,
    remoteAddress: evidence.remoteAddress,
    mechanism,
    name,
  } as const
  session.guard(
    (context) =>
      hook({
        mechanism,
        name,
        password,
        remote: evidence.remoteAddress,
        session: evidence,
        get signal() {
          return context.signal
        },
      }),
    (outcome) => {
      const unavailable = (reply: Reply, fault: Fault): void => {
        session.tell({ ...about, account: null, outcome: 'unavailable' })
        session.refuse('auth', reply, done, { fault })
      }
      if ('failed' in outcome) {
        session.tellFault({ where: 'auth', fault: 'hook', code: outcome.failed, error: outcome.error })
        unavailable(PROTOCOL_REPLIES['auth-unavailable'], 'hook')
        return
      }
      const answer: unknown = outcome.value ?? null
      if (isAccepted(answer)) {
        evidence.authenticatedAs = answer.account
        session.tell({ ...about, account: answer.account, outcome: 'ok' })
        session.reply(PROTOCOL_REPLIES['auth-ok'])
        done()
      } else if (answer === null) fail(session, mechanism, name, done, null)
      else if (!isReply(answer) || answer.code < 400) {
        session.tellFault({ where: 'auth', fault: 'hook', code: 'no-reply', error: answer })
        unavailable(PROTOCOL_REPLIES['auth-unavailable'], 'hook')
      } else if (answer.code < 500) unavailable(answer, 'policy')
      else fail(session, mechanism, name, done, answer)
    },
  )
}

function isAccepted(answer: unknown): answer is { readonly account: string } {
  return typeof (answer as { account?: unknown } | null)?.account === 'string'
}

function fail(
  session: Session,
  mechanism: Mechanism,
  name: string,
  done: () => void,
  reply: Reply | null,
): void {
  const { evidence } = session
  session.tell({
    event: 'login',
    session: evidence.id,
    remoteAddress: evidence.remoteAddress,
    mechanism,
    name,
    account: null,
    outcome: 'refused',
  })
  const wrong = reply ?? PROTOCOL_REPLIES['auth-failed']
  if (!session.budget.isLastLogin()) {
    session.refuse('auth', wrong, done)
    return
  }
  session.refuse('auth', { ...wrong, code: 421, enhanced: '4.7.0', reason: 'too-many-errors' }, done)
}
