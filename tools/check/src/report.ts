import type { Finding, Rule } from './finding.ts'

/** What a rule found. */
export interface Checked {
  readonly rule: Rule
  readonly findings: readonly Finding[]
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}

/** The whole result as text: nothing but one line where all is well. Findings with the same remedy share it. */
export function formatReport(checked: readonly Checked[], files: number): string {
  const bad = checked.filter(({ findings }) => findings.length > 0)
  const total = bad.reduce((sum, { findings }) => sum + findings.length, 0)
  if (total === 0) return `check: ${count(checked.length, 'rule')} over ${count(files, 'file')}, all well\n`
  const blocks = bad.map(({ rule, findings }) => {
    const byFix = Map.groupBy(findings, ({ fix }) => fix)
    const lines = [...byFix].flatMap(([fix, same]) => [
      ...same.map(({ file, line, what }) => `  ${file}${line === undefined ? '' : `:${line}`}  ${what}`),
      `    -> ${fix}`,
    ])
    return [`${rule.name}: ${rule.purpose}`, ...lines, ''].join('\n')
  })
  return `${blocks.join('\n')}\ncheck: ${count(total, 'finding')} in ${bad.map(({ rule }) => rule.name).join(', ')}\n`
}
