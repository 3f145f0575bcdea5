import { expect } from 'vitest'
import {
  addressesIn,
  addressMatches,
  describeMessages,
  describePattern,
  type MessagePattern,
  type TextPattern,
  textMatches,
} from './matching.ts'
import { TestMailError } from './message-log.ts'
import { asMessage, type MessageLike, ReceivedMessage } from './received-message.ts'
import type { TestMail } from './test-mail.ts'
import { type ShownVerdict, verdictOf } from './verdict-fields.ts'

/** What these matchers add to `expect`. */
export interface MailMatchers {
  /** A {@link TestMail} gets a message that fits; waits for it. With `not`: has none by now. */
  toHaveReceived(pattern?: MessagePattern, options?: { readonly timeoutMs?: number }): Promise<void>
  /** A message has a field of that name, with that value. */
  toHaveHeader(name: string, value?: TextPattern): void
  toHaveSubject(subject: TextPattern): void
  /** A message's plain text, or its HTML, has that text. */
  toContainText(text: TextPattern): void
  toHaveAttachment(name: TextPattern): void
  /** A message is to that address: by its envelope, or where it has none by To and Cc. */
  toBeAddressedTo(address: TextPattern): void
  /** By its header a message was quarantined, and (if named) that rule had fired. */
  toBeQuarantinedBy(symbol?: string): void
  /** By its header a message was tagged, and (if named) that rule had fired. */
  toBeTaggedBy(symbol?: string): void
  /** By its header that rule had fired, whatever came of it. */
  toHaveFired(symbol: string): void
}

declare module 'vitest' {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown>
    extends MailMatchers {}
}

interface Outcome {
  readonly pass: boolean
  readonly message: () => string
}

/** `is` = what holds, said for a failed `not`; `isNot` = what does not. */
function outcome(pass: boolean, is: string, isNot: string): Outcome {
  return { pass, message: () => (pass ? is : isNot) }
}

function show(pattern: TextPattern): string {
  return pattern instanceof RegExp ? String(pattern) : JSON.stringify(pattern)
}

function judgeVerdict(message: MessageLike, disposition: string | null, symbol: string | undefined): Outcome {
  const verdict: ShownVerdict | null = verdictOf(message)
  const wanted = `${disposition ?? 'judged'}${symbol === undefined ? '' : ` by ${symbol}`}`
  if (verdict === null) return outcome(false, '', `the message carries no verdict; wanted: ${wanted}`)
  const fits =
    (disposition === null || verdict.disposition === disposition) &&
    (symbol === undefined || verdict.symbols.includes(symbol))
  const fired = verdict.symbols.join(', ') || 'no rules'
  const told = `${verdict.disposition ?? (verdict.spam ? 'spam' : 'not spam')} ${verdict.score ?? ''} by ${fired}`
  return outcome(fits, `the message is ${wanted}: ${told}`, `the message is ${told}; wanted: ${wanted}`)
}

/** The matchers, for `expect.extend` of another instance. Importing this entry has registered them. */
export const mailMatchers: {
  readonly [name in keyof MailMatchers]: (
    received: never,
    ...expected: Parameters<MailMatchers[name]>
  ) => name extends 'toHaveReceived' ? Promise<Outcome> : Outcome
} = {
  async toHaveReceived(mail: TestMail, pattern = {}, options = {}) {
    const found = mail.messages(pattern)
    const told = () => describeMessages(mail.messages(), pattern)
    if (found.length > 0)
      return { pass: true, message: () => `came in: ${describePattern(pattern)}. ${told()}` }
    if ((this as unknown as { isNot?: boolean }).isNot === true) return { pass: false, message: told }
    try {
      await mail.waitFor(pattern, options)
      return { pass: true, message: told }
    } catch (error) {
      if (!(error instanceof TestMailError)) throw error
      return { pass: false, message: () => error.message }
    }
  },
  toHaveHeader(message: MessageLike, name, value) {
    const values = asMessage(message).allFields(name)
    const pass = value === undefined ? values.length > 0 : values.some((each) => textMatches(each, value))
    const wanted = value === undefined ? '' : `; wanted: ${show(value)}`
    const has = values.length === 0 ? `has no field ${name}` : `has ${name}: ${values.map(show).join(', ')}`
    return outcome(pass, `the message ${has}`, `the message ${has}${wanted}`)
  },
  toHaveSubject(message: MessageLike, subject) {
    const has = asMessage(message).subject
    return outcome(
      textMatches(has, subject),
      `the subject is ${show(has)}`,
      `the subject is ${show(has)}; wanted: ${show(subject)}`,
    )
  },
  toContainText(message: MessageLike, text) {
    const { text: plain, html } = asMessage(message)
    const pass = textMatches(plain, text) || (html !== null && textMatches(html, text))
    const has = `the text is ${show((plain || html || '').slice(0, 500))}`
    return outcome(pass, has, `${has}; wanted: ${show(text)}`)
  },
  toHaveAttachment(message: MessageLike, name) {
    const names = asMessage(message).attachments.map((each) => each.name)
    const has = `attached is ${names.map(show).join(', ') || 'nothing'}`
    return outcome(
      names.some((each) => textMatches(each, name)),
      has,
      `${has}; wanted: ${show(name)}`,
    )
  },
  toBeAddressedTo(message: MessageLike, address) {
    const read = asMessage(message)
    const to =
      read instanceof ReceivedMessage
        ? read.envelope.to
        : [...read.allFields('to'), ...read.allFields('cc')].flatMap((field) => addressesIn(field))
    const has = `the message is to ${to.join(', ') || 'nobody'}`
    return outcome(
      to.some((each) => addressMatches(each, address)),
      has,
      `${has}; wanted: ${show(address)}`,
    )
  },
  toBeQuarantinedBy: (message: MessageLike, symbol) => judgeVerdict(message, 'quarantined', symbol),
  toBeTaggedBy: (message: MessageLike, symbol) => judgeVerdict(message, 'tagged', symbol),
  toHaveFired: (message: MessageLike, symbol) => judgeVerdict(message, null, symbol),
}

expect.extend(mailMatchers as unknown as Parameters<typeof expect.extend>[0])
