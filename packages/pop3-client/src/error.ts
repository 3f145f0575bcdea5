import type { StatusLine } from '@restante/pop3'

/**
 * Why something did not work; the same word in code, log and state.
 * - `in-use`, `login-delay`, `sys-temp`: the server says try later (RFC 2449 §8, RFC 3206).
 * - `auth`: name or secret is wrong. `sys-perm`: somebody has to do something on the server.
 * - `refused`: any other -ERR, such as for a message that does not exist.
 * - `unsupported`: the server lacks what was asked for; `tls`: no trusted TLS could be had.
 * - `protocol`: the server broke the protocol; `too-large`: it sent more than allowed, or than it had announced.
 * - `timeout`, `closed`: silence, or the connection ended (`cause` says how).
 */
export type Pop3Failure =
  | 'in-use'
  | 'login-delay'
  | 'sys-temp'
  | 'auth'
  | 'sys-perm'
  | 'refused'
  | 'unsupported'
  | 'tls'
  | 'protocol'
  | 'too-large'
  | 'timeout'
  | 'closed'

/** Something went wrong between us and a server. */
export class Pop3Error extends Error {
  override readonly name = 'Pop3Error'
  readonly code: Pop3Failure
  /** The server's own words after -ERR, its response code left out; null where it said nothing. */
  readonly reply: string | null
  /** As sent, upper case: `SYS/TEMP`. */
  readonly responseCode: string | null

  constructor(
    code: Pop3Failure,
    detail: string,
    more: { readonly cause?: unknown; readonly status?: StatusLine } = {},
  ) {
    super(detail, 'cause' in more ? { cause: more.cause } : undefined)
    this.code = code
    this.reply = more.status?.text ?? null
    this.responseCode = more.status?.responseCode ?? null
  }

  /** Whether the same may well work later without anybody doing anything. */
  get passes(): boolean {
    return ['in-use', 'login-delay', 'sys-temp', 'timeout', 'closed'].includes(this.code)
  }
}

const BY_RESPONSE_CODE: ReadonlyMap<string, Pop3Failure> = new Map<string, Pop3Failure>([
  ['IN-USE', 'in-use'],
  ['LOGIN-DELAY', 'login-delay'],
  ['AUTH', 'auth'],
  ['SYS/PERM', 'sys-perm'],
])

/** The error for an -ERR; `login` = it answers a login, where no code means wrong credentials, or a lock. */
export function refusalOf(status: StatusLine, command: string, login: boolean): Pop3Error {
  const { responseCode, text } = status
  let code = responseCode === null ? undefined : BY_RESPONSE_CODE.get(responseCode)
  if (code === undefined && responseCode !== null && /^SYS(?:\/|$)/.test(responseCode)) code = 'sys-temp'
  if (code === undefined && login && responseCode === null)
    code = /\b(?:lock(?:ed)?|in use|busy)\b/i.test(text) ? 'in-use' : 'auth'
  const said = printable(`${responseCode === null ? '' : `[${responseCode}] `}${text}`)
  return new Pop3Error(code ?? 'refused', `${command}: ${said || 'refused'}`, { status })
}

/** What a server said, safe to print. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').slice(0, 300)
}
