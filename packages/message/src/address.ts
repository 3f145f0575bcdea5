import { registrableDomain } from './domain.ts'
import { decodeValue } from './header.ts'

/** One mailbox of an address field. */
export interface Mailbox {
  /** Display name in words, or ''. */
  readonly name: string
  /** `local@host`, host in lower case; '' where there was none. */
  readonly address: string
  /** The address's domain in full, lower case. */
  readonly host: string
  /** The registrable domain of `host`. */
  readonly domain: string
}

function mailboxOf(name: string, address: string): Mailbox {
  // Of "<some words a@b.example>" the last word is the address.
  const last = address.trim().slice(lastBlank(address.trim(), address.length) + 1)
  const bare = last.replace(/[\s<>]/g, '')
  const sign = bare.lastIndexOf('@')
  const host =
    sign < 0
      ? ''
      : bare
          .slice(sign + 1, sign + 256)
          .toLowerCase()
          .replace(/[.>\])]+$/, '')
  const whole = sign < 0 ? bare : `${bare.slice(0, sign)}@${host}`
  return {
    name: decodeValue(name.replace(/\s+/g, ' ').trim()),
    address: decodeValue(whole),
    host,
    domain: registrableDomain(host),
  }
}

function lastBlank(text: string, before: number): number {
  return Math.max(text.lastIndexOf(' ', before), text.lastIndexOf('\t', before))
}

/**
 * Parses an address list (RFC 5322 §3.4) tolerantly: groups, comments, quoted names, missing angle brackets.
 * Linear. At most `limit` mailboxes are returned; `count` goes on counting.
 */
export function parseMailboxes(
  raw: string,
  limit: number,
): { readonly mailboxes: readonly Mailbox[]; readonly count: number } {
  const mailboxes: Mailbox[] = []
  let count = 0
  let words = ''
  let comment = ''
  let angle: string | null = null
  let from = 0
  let sawAt = false
  const length = raw.length
  const flush = (): void => {
    const bare = words.trim()
    if (angle !== null || bare !== '' || comment !== '') {
      const address = angle ?? (bare.includes('@') ? bare : '')
      const name = angle === null ? (bare.includes('@') ? comment : bare) : bare === '' ? comment : bare
      if (address !== '' || name !== '') {
        count++
        if (mailboxes.length < limit) {
          // "Name x@y" without brackets: the last word with an @ is the address.
          const space = angle === null ? lastBlank(address, address.lastIndexOf('@')) : -1
          mailboxes.push(
            space > 0 ? mailboxOf(address.slice(0, space), address.slice(space)) : mailboxOf(name, address),
          )
        }
      }
    }
    words = ''
    comment = ''
    angle = null
    sawAt = false
  }
  for (let i = 0; i < length; i++) {
    const code = raw.charCodeAt(i)
    if (code === 34) {
      words += raw.slice(from, i)
      let end = i + 1
      let text = ''
      while (end < length && raw.charCodeAt(end) !== 34) {
        if (raw.charCodeAt(end) === 92) end++
        text += raw[end] ?? ''
        end++
      }
      // A quoted local part keeps its quotes' content glued to the @.
      words += text
      i = end
      from = end + 1
    } else if (code === 40) {
      words += raw.slice(from, i)
      let depth = 1
      let end = i + 1
      while (end < length && depth > 0) {
        const inner = raw.charCodeAt(end)
        if (inner === 92) end++
        else if (inner === 40) depth++
        else if (inner === 41) depth--
        end++
      }
      comment = raw.slice(i + 1, depth === 0 ? end - 1 : end)
      i = end - 1
      from = end
    } else if (code === 60) {
      words += raw.slice(from, i)
      const close = raw.indexOf('>', i)
      const end = close < 0 ? length : close
      angle = raw.slice(i + 1, end)
      const colon = angle.startsWith('@') ? angle.indexOf(':') : -1
      if (colon >= 0) angle = angle.slice(colon + 1)
      if (angle.startsWith('mailto:')) angle = angle.slice(7)
      // "<undisclosed-recipients:;>" is no address.
      if (angle.trimEnd().endsWith(':;')) angle = null
      i = end
      from = end + 1
    } else if (code === 44 || code === 59) {
      words += raw.slice(from, i)
      flush()
      from = i + 1
    } else if (code === 58 && angle === null && !sawAt) {
      words = ''
      from = i + 1
    } else if (code === 64) sawAt = true
  }
  if (from < length) words += raw.slice(from)
  flush()
  return { mailboxes, count }
}
