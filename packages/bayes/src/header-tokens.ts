import type { MailboxLike, MailDocument } from './document.ts'
import type { TokenSet } from './token-set.ts'
import { addWords } from './word-tokens.ts'

/** Fields with tokens of their own, or with values that are new in every message. */
const NOT_BY_WORDS = new Set([
  'received',
  'from',
  'to',
  'cc',
  'subject',
  'message-id',
  'date',
  'reply-to',
  'references',
  'in-reply-to',
  'content-type',
  'dkim-signature',
  'arc-seal',
  'arc-message-signature',
  'x-google-dkim-signature',
  'return-path',
  'delivered-to',
])
const MAX_FIELDS = 80
const MAX_RECEIVED = 12

/** Shape of an identifier: runs of digits, capitals, small letters and hex by class and length class. */
export function shapeOf(text: string): string {
  let shape = ''
  let before = ''
  let run = 0
  for (let i = 0; i <= text.length && shape.length < 40; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 0
    const kind =
      code >= 48 && code <= 57
        ? '9'
        : code >= 65 && code <= 90
          ? 'A'
          : code >= 97 && code <= 122
            ? 'a'
            : code === 0
              ? ''
              : String.fromCharCode(code)
    if (kind === before && i < text.length) run++
    else {
      if (before !== '') shape += run > 8 ? `${before}+` : run > 3 ? `${before}${before}` : before
      before = kind
      run = 1
    }
  }
  return shape
}

/** A host and the hosts above it, at most three. */
export function addHost(set: TokenSet, prefix: string, host: string): void {
  if (host === '' || host.length > 255) return
  if (/^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)) {
    addAddress(set, prefix, host)
    return
  }
  let from = host.length
  for (let labels = 0; labels < 4 && from > 0; labels++) {
    from = host.lastIndexOf('.', from - 1)
    if (labels > 0 || from < 0) set.add(prefix, host.slice(from + 1))
    if (from < 0) break
  }
}

/** An IPv4 address by its /24 and /16 network. */
function addAddress(set: TokenSet, prefix: string, address: string): void {
  const third = address.lastIndexOf('.')
  const second = address.lastIndexOf('.', third - 1)
  set.add(prefix, `${address.slice(0, third)}.*`)
  set.add(prefix, `${address.slice(0, second)}.*`)
}

const RECEIVED_HOST = /\b(from|by|helo[= ])\s*\[?([a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?)/gi
const ADDRESS = /\b(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})\b/g

function addReceived(set: TokenSet, value: string, index: number): void {
  const line = value.slice(0, 1000)
  for (const found of line.matchAll(RECEIVED_HOST)) {
    const word = (found[1] as string).toLowerCase()
    const host = (found[2] as string).toLowerCase()
    if (host.includes('.')) addHost(set, `received-${word.slice(0, 4)}:`, host)
    else set.add(`received-${word.slice(0, 4)}:`, host)
  }
  for (const found of line.matchAll(ADDRESS)) addAddress(set, 'received-ip:', found[1] as string)
  const via = /\bwith\s+([a-z0-9]{2,12})/i.exec(line)
  if (via !== null) set.add('received-with:', (via[1] as string).toLowerCase())
  const software = /\(([A-Za-z][A-Za-z0-9._/ -]{2,30})\)\s+(?:with|id)/.exec(line)
  if (software !== null) set.add('received-software:', software[1] as string)
  if (index === 0 && /\b(?:unknown|may be forged|unverified)\b/i.test(line))
    set.add('received:', 'unverified')
}

function addMailbox(set: TokenSet, prefix: string, mailbox: MailboxLike): void {
  set.add(`${prefix}-address:`, mailbox.address.toLowerCase())
  addHost(set, `${prefix}-host:`, mailbox.host)
  addWords(set, `${prefix}-name:`, mailbox.name, '', null, 12)
  const local = mailbox.address.slice(0, mailbox.address.lastIndexOf('@'))
  set.add(`${prefix}-shape:`, shapeOf(local))
  if (mailbox.name === '') set.add(`${prefix}-name-is:`, 'none')
  else if (mailbox.name.includes('@')) set.add(`${prefix}-name-is:`, 'address')
}

function bucket(count: number): string {
  if (count < 5) return String(count)
  return `${2 ** Math.floor(Math.log2(count))}+`
}

/** Tokens of the header section: who, from where, by which software, in which order. */
export function addHeaderTokens(set: TokenSet, document: MailDocument): void {
  const { from, replyTo, to } = document
  if (from !== null) addMailbox(set, 'from', from)
  if (replyTo !== null) {
    addMailbox(set, 'reply-to', replyTo)
    if (from !== null)
      set.add('reply-to-is:', replyTo.domain === from.domain ? 'same domain' : 'other domain')
  }
  set.add('to-count:', bucket(to.count))
  for (const mailbox of to.mailboxes.slice(0, 8)) {
    set.add('to-address:', mailbox.address.toLowerCase())
    addHost(set, 'to-host:', mailbox.host)
    addWords(set, 'to-name:', mailbox.name, '', null, 4)
  }
  if (document.listId !== '') set.add('list-id:', document.listId.toLowerCase())

  const id = document.messageId
  const sign = id.lastIndexOf('@')
  set.add('message-id-shape:', shapeOf(sign < 0 ? id : id.slice(0, sign)))
  if (sign > 0) {
    const host = id.slice(sign + 1).toLowerCase()
    addHost(set, 'message-id-host:', host)
    if (!host.includes('.')) set.add('message-id-host:', 'bare')
    if (from !== null && from.domain !== '') {
      set.add('message-id-is:', host.endsWith(from.domain) ? 'same domain' : 'other domain')
    }
  }

  let received = 0
  let before = ''
  for (const { key, name, value } of document.fields.slice(0, MAX_FIELDS)) {
    if (key === 'received') {
      if (received < MAX_RECEIVED) addReceived(set, value, received)
      received++
      continue
    }
    set.add('has:', name)
    if (before !== '') set.add('order:', `${before}>${key}`)
    before = key
    if (key === 'date') {
      const zone = /([+-]\d{4}|\b[A-Z]{2,4})\s*(?:\(|$)/.exec(value.slice(0, 80))
      set.add('date-zone:', zone === null ? 'none' : (zone[1] as string))
      set.add('date-shape:', shapeOf(value.slice(0, 40)))
    } else if (key === 'content-type') {
      set.add('content-type-shape:', shapeOf(/boundary="?([^";]{0,70})/i.exec(value)?.[1] ?? ''))
    } else if (key === 'return-path') {
      const host = value
        .slice(value.lastIndexOf('@') + 1)
        .replace(/[>\s]/g, '')
        .toLowerCase()
      addHost(set, 'return-path-host:', host)
    } else if (!NOT_BY_WORDS.has(key)) addWords(set, `${key}:`, value.slice(0, 400), '', null, 16)
  }
  set.add('received-count:', bucket(received))
}
