import { type AuthenticationEvidence, type DkimEvidence, overallDkim } from './authentication-evidence.ts'

/** What the field is written from. `iprev` is the reverse lookup of the client (RFC 8601 §2.7.3). */
export interface AuthenticationResults
  extends Partial<Pick<AuthenticationEvidence, 'spf' | 'dkim' | 'dmarc' | 'arc'>> {
  readonly iprev?: { readonly result: 'pass' | 'fail' | 'temperror' | 'permerror'; readonly clientIp: string }
}

/**
 * An Authentication-Results field (RFC 8601): folded, ASCII, CRLF line ends, every line under 998 octets, nothing of the sender's
 * that could end a line or a value. Results nobody was asked for are left out; with none left it says `none`.
 */
export function formatAuthenticationResults(authservId: string, results: AuthenticationResults): string {
  const { spf, dkim = [], dmarc, arc, iprev } = results
  const lines: string[] = []
  if (iprev !== undefined) lines.push(line('iprev', iprev.result, null, [['policy.iprev', iprev.clientIp]]))
  if (spf !== undefined && spf.result !== 'unavailable')
    lines.push(line('spf', spf.result, spf.reason, [[`smtp.${spf.identity}`, spf.domain]]))
  if (dkim.length === 0 && results.dkim !== undefined && dmarc?.result !== 'unavailable')
    lines.push(line('dkim', overallDkim(dkim), null, []))
  for (const each of dkim) if (each.result !== 'unavailable') lines.push(dkimLine(each))
  if (dmarc !== undefined && dmarc.result !== 'unavailable')
    lines.push(
      line('dmarc', dmarc.result, dmarc.reason, [
        ['header.from', dmarc.domain],
        ['policy.dmarc', dmarc.policy ?? ''],
      ]),
    )
  if (arc !== undefined && arc.result !== 'unavailable' && arc.result !== 'none')
    lines.push(line('arc', arc.result, arc.reason, []))
  const said = lines.length === 0 ? '\r\n\tnone' : lines.map((each) => `\r\n\t${each}`).join(';')
  return `Authentication-Results: ${value(authservId) || 'unknown'};${said}\r\n`
}

function dkimLine({ result, domain, selector, algorithm, signature, reason }: DkimEvidence): string {
  return line('dkim', result, reason, [
    ['header.d', domain],
    ['header.s', selector],
    ['header.a', algorithm],
    ['header.b', signature],
  ])
}

function line(
  method: string,
  result: string,
  reason: string | null,
  properties: readonly (readonly [string, string])[],
): string {
  const parts = [`${method}=${result}`]
  if (reason !== null) parts.push(`reason="${plainText(reason, 160).replace(/["\\]/g, "'")}"`)
  for (const [name, text] of properties) {
    const written = value(text)
    if (written !== '') parts.push(`${name}=${written}`)
  }
  return fold(parts)
}

/** A value (RFC 2045 token, or quoted); empty for one that cannot be written: not ASCII, or too long for a line. */
function value(text: string): string {
  if (text === '' || text.length > 253 || /[^\u0020-\u007e]/.test(text)) return ''
  return /^[A-Za-z0-9!#$%&'*+.^_`{|}~-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** Joins parts with spaces, or folds where a line would pass 78. */
function fold(parts: readonly string[]): string {
  let text = ''
  let column = 8
  for (const part of parts) {
    if (text !== '') {
      const folds = column + 1 + part.length > 76
      text += folds ? '\r\n\t ' : ' '
      column = folds ? 9 : column + 1
    }
    text += part
    column += part.length
  }
  return text
}

/** Text of a stranger's, for one line of ours: ASCII, no control characters, at most so long. */
export function plainText(text: string, lengthMax: number): string {
  const flat = text.replace(/[^\u0020-\u007e]+/g, ' ').trim()
  return flat.length > lengthMax ? `${flat.slice(0, lengthMax - 3)}...` : flat
}
