import type { ReceivedMessage } from './received-message.ts'

/** A text that must be contained, case and all, or a pattern that must match. */
export type TextPattern = string | RegExp

/**
 * What a message must be like; everything named must hold.
 * Addresses (`to`, `from`) as a string are compared whole, in any case, a bare name in any domain; `to` looks at the
 * envelope's recipients, `from` at the reverse-path and the From field.
 */
export interface MessagePattern {
  readonly to?: TextPattern
  readonly from?: TextPattern
  readonly subject?: TextPattern
  readonly text?: TextPattern
  readonly html?: TextPattern
  /** Header fields by name. */
  readonly fields?: Readonly<Record<string, TextPattern>>
  /** The name of something attached. */
  readonly attachment?: TextPattern
  /** Anything else. */
  readonly where?: (message: ReceivedMessage) => boolean
}

/** Whether a text is, or holds, what a pattern wants. */
export function textMatches(text: string, pattern: TextPattern): boolean {
  if (typeof pattern === 'string') return text.includes(pattern)
  pattern.lastIndex = 0
  return pattern.test(text)
}

/** Whether an address is the wanted one. */
export function addressMatches(address: string, pattern: TextPattern): boolean {
  if (typeof pattern !== 'string') return textMatches(address, pattern)
  const wanted = fold(pattern)
  const folded = fold(address)
  return folded === wanted || (!wanted.includes('@') && folded.slice(0, folded.lastIndexOf('@')) === wanted)
}

/** The addresses in a From, To or Cc field. */
export function addressesIn(field: string): readonly string[] {
  const bare = field.replace(/"(?:[^"\\]|\\.)*"(?!@)/g, ' ').replace(/\([^()]*\)/g, ' ')
  return bare.match(/(?:"[^"]*"|[^\s<>,;:"]+)@[^\s<>,;:"]+/g) ?? []
}

/** Why a message is not what was looked for, in words; null where it is. */
export function mismatchOf(message: ReceivedMessage, pattern: MessagePattern): string | null {
  const { to, from, subject, text, html, fields, attachment, where } = pattern
  const senders = () => [message.envelope.from, ...addressesIn(message.field('from') ?? '')]
  if (to !== undefined && !message.envelope.to.some((each) => addressMatches(each, to)))
    return `it is to ${message.envelope.to.join(', ')}`
  if (from !== undefined && !senders().some((each) => addressMatches(each, from)))
    return `it is from ${senders().join(', ')}`
  if (subject !== undefined && !textMatches(message.subject, subject))
    return `its subject is ${show(message.subject)}`
  if (text !== undefined && !textMatches(message.text, text)) return `its text is ${show(message.text)}`
  if (html !== undefined && !(message.html !== null && textMatches(message.html, html)))
    return message.html === null ? 'it has no HTML' : `its HTML is ${show(message.html)}`
  for (const [name, wanted] of Object.entries(fields ?? {})) {
    const values = message.allFields(name)
    if (!values.some((value) => textMatches(value, wanted)))
      return values.length === 0 ? `it has no field ${name}` : `its ${name} is ${values.map(show).join(', ')}`
  }
  if (attachment !== undefined && !message.attachments.some(({ name }) => textMatches(name, attachment)))
    return `attached is ${message.attachments.map(({ name }) => show(name)).join(', ') || 'nothing'}`
  if (where !== undefined && !where(message)) return '`where` says no'
  return null
}

/** A pattern in words. */
export function describePattern(pattern: MessagePattern): string {
  const words = Object.entries(pattern).map(([key, value]) =>
    key === 'where' ? key : `${key} ${value instanceof RegExp ? value : JSON.stringify(value, showRegExp)}`,
  )
  return words.join(', ') || 'any message'
}

/** What came in and why it was not it: for whoever reads the failed test. */
export function describeMessages(messages: readonly ReceivedMessage[], pattern: MessagePattern): string {
  if (messages.length === 0) return 'Nothing came in.'
  const shown = messages.slice(-10).map((message) => {
    const { from, to } = message.envelope
    const why = mismatchOf(message, pattern) ?? 'it fits'
    return `  ${from || '<>'} -> ${to.join(', ')}  ${show(message.subject)}: ${why}`
  })
  const more = messages.length > shown.length ? ` (the last ${shown.length} of ${messages.length})` : ''
  return `What came in${more}:\n${shown.join('\n')}`
}

function showRegExp(_: string, value: unknown): unknown {
  return value instanceof RegExp ? String(value) : value
}

function show(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text)
}

function fold(address: string): string {
  return address.normalize('NFC').toLowerCase()
}
