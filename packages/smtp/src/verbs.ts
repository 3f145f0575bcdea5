import { authenticate } from './auth-exchange.ts'
import { chunk, data } from './data-verbs.ts'
import { mail, rcpt } from './mail-verbs.ts'
import type { Session } from './session.ts'
import { greet, help, idle, notImplemented, quit, reset, startTls, verify } from './session-verbs.ts'

/** Verbs as data: what must hold before one runs, and what runs. */
export interface Verb {
  /** Refused with 503 before HELO, EHLO or LHLO. */
  readonly needsHelo: boolean
  /** Refused with 530 where authentication is required and has not happened. */
  readonly needsAuth: boolean
  /** 501 where the other kind is found. `any`: the verb looks for itself. */
  readonly argument: 'none' | 'any'
  /** Moves no mail: more than some of these between two messages are errors. */
  readonly junk: boolean
  readonly run: (session: Session, argument: string | null, done: () => void) => void
}

function verb(run: Verb['run'], traits: Partial<Verb> = {}): Verb {
  return { needsHelo: false, needsAuth: false, argument: 'any', junk: false, ...traits, run }
}

const greeting = (extended: boolean): Verb =>
  verb((session, argument, done) => greet(session, argument, done, extended), { junk: true })

const ofMail = { needsHelo: true, needsAuth: true } as const

const COMMON: readonly (readonly [string, Verb])[] = [
  ['MAIL', verb(mail, ofMail)],
  ['RCPT', verb(rcpt, ofMail)],
  ['DATA', verb(data, { ...ofMail, argument: 'none' })],
  ['BDAT', verb(chunk)],
  ['AUTH', verb(authenticate, { needsHelo: true })],
  ['STARTTLS', verb(startTls, { argument: 'none' })],
  ['QUIT', verb(quit, { argument: 'none' })],
  ['RSET', verb(reset, { argument: 'none', junk: true })],
  ['NOOP', verb(idle, { junk: true })],
  ['HELP', verb(help, { junk: true })],
  ['VRFY', verb(verify, { junk: true })],
  ['EXPN', verb(notImplemented)],
  ['ETRN', verb(notImplemented)],
  ['TURN', verb(notImplemented)],
]

/** RFC 5321: HELO and EHLO open a session. */
export const SMTP_VERBS: ReadonlyMap<string, Verb> = new Map([
  ...COMMON,
  ['HELO', greeting(false)],
  ['EHLO', greeting(true)],
])

/** RFC 2033 §4.1: LHLO opens a session, HELO and EHLO must not. */
export const LMTP_VERBS: ReadonlyMap<string, Verb> = new Map([...COMMON, ['LHLO', greeting(true)]])
