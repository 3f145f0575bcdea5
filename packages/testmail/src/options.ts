import type { Octets } from '@restante/mail'
import type { TestCertificate } from './certificate.ts'

/** What {@link createTestMail} may be told; all of it has a default. */
export interface TestMailOptions {
  /**
   * Who gets mail: names or addresses, or their passwords by name. Others are refused (550). Absent: everybody,
   * whatever the address, and every account has `password`.
   */
  readonly accounts?: readonly string[] | Readonly<Record<string, string>>
  /** Domain of names without one. Default `test.example`. */
  readonly domain?: string
  /** Password of accounts that were given none. Default `secret`. */
  readonly password?: string
  /**
   * `true`: STARTTLS and STLS, and ports with TLS from the first octet, with a fresh certificate for `localhost`
   * and 127.0.0.1 (see `certificate`); or one of your own.
   */
  readonly tls?: boolean | TestCertificate
  /** MAIL only after AUTH. Default false; AUTH is offered in any case. */
  readonly requireAuth?: boolean
  readonly limits?: Partial<TestMailLimits>
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** Most that is kept. */
export interface TestMailLimits {
  /** Messages; more are refused with 452. Default 10,000. */
  readonly messages: number
  /** Octets of all messages; more are refused with 452. Default 256 MiB. */
  readonly octets: Octets
  /** Octets of one message; more are refused with 552. Default 35 MiB. */
  readonly messageOctets: Octets
}

/** What is kept where {@link TestMailOptions.limits} says nothing. */
export const DEFAULT_TEST_MAIL_LIMITS: TestMailLimits = {
  messages: 10_000,
  octets: 268_435_456,
  messageOctets: 36_700_160,
}
