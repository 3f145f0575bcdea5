/**
 * What a message must look like once it was sent and fetched, said independently of the product's own code: one
 * character per octet, regular expressions, no streaming.
 */

/** Line ends as CRLF, whatever they were; a final one where there is text. */
export function inCrlfForm(octets: Uint8Array): string {
  const text = Buffer.from(octets)
    .toString('latin1')
    .replace(/\r\n|\r|\n/g, '\r\n')
  return text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`
}

/** The header without the fields only the receiving side may set. */
export function withoutForeignFields(text: string, authservId: string): string {
  const blank = text.startsWith('\r\n') ? 0 : text.indexOf('\r\n\r\n')
  const header = blank < 0 ? text : blank === 0 ? '' : text.slice(0, blank + 2)
  const rest = text.slice(header.length)
  const fields = header.match(/[^\r\n][^\n]*\r\n(?:[ \t][^\n]*\r\n)*|[ \t][^\n]*\r\n/g) ?? []
  const kept = fields.filter((field) => {
    const name = /^([^:\s]+)\s*:/.exec(field)?.[1]?.toLowerCase() ?? ''
    if (name === 'return-path' || name.startsWith('x-spam-') || name.startsWith('x-restante-')) return false
    return name !== 'authentication-results' || !field.toLowerCase().includes(`: ${authservId};`)
  })
  return kept.join('') + rest
}

/** What was fetched, split into our prefix and the message as it was sent. */
export interface Fetched {
  readonly deliveredTo: string
  readonly verdict: string
  readonly score: number
  readonly flagged: boolean
  /** In CRLF form. */
  readonly sent: string
}

/**
 * Takes our prefix off a fetched message (CRLF). Return-Path may be missing: some clients take it for themselves.
 * Null if it does not begin with a prefix of ours.
 */
export function takePrefix(text: string): Fetched | null {
  const prefix =
    /^(?:Return-Path: [^\r]*\r\n)?Delivered-To: ([^\r]*)\r\nReceived: (?:[^\r]*\r\n[ \t])*[^\r]*\r\nAuthentication-Results: [^\r]*\r\nX-Restante-Verdict: ((?:[^\r]*\r\n\t)*[^\r]*)\r\nX-Spam-Flag: (YES|NO)\r\nX-Spam-Score: (-?[\d.]+)\r\nX-Spam-Status: (?:[^\r]*\r\n\t)*[^\r]*\r\n/.exec(
      text,
    )
  if (!prefix) return null
  return {
    deliveredTo: prefix[1] as string,
    verdict: (prefix[2] as string).split(' ')[0] as string,
    flagged: prefix[3] === 'YES',
    score: Number(prefix[4]),
    sent: text.slice(prefix[0].length),
  }
}
