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
    .map((symbol) => symbol.why)
  const unchecked = verdict.skipped.map((name) => `not checked: ${name}`)
  return [
    `${WORDS[verdict.disposition]} ${verdict.score.toFixed(1)}${against}`,
    ...reasons,
    ...unchecked,
  ].join('; ')
}

/**
 * The header lines a judged copy carries: our verdict in words, the fields existing client filters know, and
 * Authentication-Results (RFC 8601; `none` while nothing was authenticated). ASCII, CRLF, folded under 78 where it can be.
 */
export function verdictFields(verdict: Verdict, authservId: string): string {
  const flag = verdict.disposition !== 'accept'
  const required = verdict.threshold === null ? '' : ` required=${verdict.threshold.toFixed(1)}`
  const tests = verdict.symbols.map((symbol) => symbol.symbol).join(',') || 'none'
  return [
    `Authentication-Results: ${authservId}; none`,
    fold(`X-Restante-Verdict: ${ascii(verdictLine(verdict))}`),
    `X-Spam-Flag: ${flag ? 'YES' : 'NO'}`,
    `X-Spam-Score: ${verdict.score.toFixed(1)}`,
    fold(
      `X-Spam-Status: ${flag ? 'Yes' : 'No'}, score=${verdict.score.toFixed(1)}${required} tests=${tests}`,
    ),
    '',
  ].join('\r\n')
}

/** Characters outside printable ASCII become `?`, so that the line is safe wherever it is read. */
function ascii(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[\u0000-\u001f\u007f]+/g, ' ')
    .replace(/[^ -~]/gu, '?')
    .slice(0, 900)
}

/** Folds a field at spaces (RFC 5322 §2.2.3); a line without spaces stays long, but under 998. */
function fold(field: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of field.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > 77) {
      lines.push(line)
      line = `\t${word}`
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(line)
  return lines.join('\r\n')
}
