import type { Verdict } from '@restante/mail'

const WORDS = {
  accept: 'delivered',
  tag: 'tagged',
  quarantine: 'quarantined',
  defer: 'deferred',
  reject: 'refused',
} as const

/** A verdict in one line, for people: `tagged 6.3/6.0; forged brand name; lying link`. */
export function verdictLine(verdict: Verdict): string {
  const against = verdict.threshold === null ? '' : `/${verdict.threshold.toFixed(1)}`
  const reasons = verdict.symbols
    .filter((symbol) => symbol.score !== 0)
    .sort((a, b) => Math.abs(b.score) - Math.abs(a.score))
    .slice(0, 5)
    .map(({ why }) => why.replace(/\.$/, ''))
  const unchecked = verdict.skipped.map((name) => `not checked: ${name}`)
  return [
    `${WORDS[verdict.disposition]} ${verdict.score.toFixed(1)}${against}`,
    ...reasons,
    ...unchecked,
  ].join('; ')
}

/**
 * The header lines a judged copy carries: our verdict in words, the fields existing client filters know, and
 * Authentication-Results (RFC 8601). ASCII, CRLF, folded under 78 where it can be.
 * @param authenticationField that field, CRLF included; null: nothing was authenticated, and it says `none`
 */
export function verdictFields(
  verdict: Verdict,
  authservId: string,
  authenticationField: string | null = null,
): string {
  const flag = verdict.disposition !== 'accept'
  const required = verdict.threshold === null ? '' : ` required=${verdict.threshold.toFixed(1)}`
  const tests = verdict.symbols.map(({ symbol }) => ascii(symbol, 64).replace(/[ ,]/g, '_'))
  return [
    (authenticationField ?? `Authentication-Results: ${authservId}; none\r\n`).trimEnd(),
    fold(`X-Restante-Verdict: ${ascii(verdictLine(verdict))}`),
    `X-Spam-Flag: ${flag ? 'YES' : 'NO'}`,
    `X-Spam-Score: ${verdict.score.toFixed(1)}`,
    fold(
      `X-Spam-Status: ${flag ? 'Yes' : 'No'}, score=${verdict.score.toFixed(1)}${required} tests=${ascii(tests.join(','), TESTS_MAX) || 'none'}`,
    ),
    '',
  ].join('\r\n')
}

/** Longest text of a field; the whole prefix of a copy may have 8 KB. */
const WORDS_MAX = 900
const TESTS_MAX = 1800

/** Characters outside printable ASCII become `?`, so that the line is safe wherever it is read. */
function ascii(text: string, maxCharacters = WORDS_MAX): string {
  return text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[\s\u0000-\u001f\u007f]+/g, ' ')
    .replace(/[^ -~]/gu, '?')
    .slice(0, maxCharacters)
    .trim()
}

/** Folds a field at spaces, else after commas (RFC 5322 §2.2.3); what has neither stays long, but under 998. */
function fold(field: string): string {
  const lines: string[] = []
  let line = ''
  for (const part of field.split(/(?<=,)(?! )|(?= )/)) {
    if (line !== '' && line.length + part.length > 77) {
      lines.push(line)
      line = `\t${part.trimStart()}`
    } else line += part
  }
  lines.push(line)
  return lines.join('\r\n')
}
