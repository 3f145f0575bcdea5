import type { Finding, Rule, TextFile } from '../finding.ts'

/** People of the examples, whose home folders may stand in documentation. */
const EXAMPLE_PEOPLE = ['anna', 'ben', 'cleo', 'dora', 'you', 'user', 'restante']

/** Patterns are put together here so that this file does not hold what it looks for. */
const slash = '/'
const TRACES: readonly (readonly [pattern: RegExp, what: string])[] = [
  [
    new RegExp(`(?<![\\w.])${slash}home${slash}(?!(?:${EXAMPLE_PEOPLE.join('|')})\\b)[a-z]\\w*`),
    'a path of one machine',
  ],
  [new RegExp(`(?<![\\w.:])${slash}Users${slash}\\w+`), 'a path of one machine'],
  [new RegExp(`(?<![\\w.])${slash}root${slash}\\S`), 'a path of one machine'],
  [/\b[A-Za-z]:\\Users\\\w+/, 'a path of one machine'],
  [
    /(?:https?:)?\/\/(?:[\w-]+\.)*(?:registry|npm|pypi|verdaccio|artifactory|nexus)[.-][\w.-]+/i,
    'a registry host',
  ],
  [/(?:^|[\s"'])(?:@[\w-]+:)?registry\s*=\s*\S/, 'a registry setting'],
  [/:_auth(?:Token)?\s*=/, 'a registry credential'],
]

/** Whether a file tells of the machine it was written on: local paths, the registry it installed from. */
export function checkTraces(files: readonly TextFile[], checkout: string): readonly Finding[] {
  const findings: Finding[] = []
  // A checkout at the root or one step below it would be found in every path.
  const ours = checkout.split('/').length > 2 ? checkout : null
  for (const { path, text } of files) {
    if (text === null) continue
    const lines = text.split('\n')
    lines.forEach((line, i) => {
      // A line nobody wrote or reads: encoded mail, minified text.
      if (line.length > 4000) return
      const trace = TRACES.find(([pattern]) => pattern.test(line))?.[1]
      const what = ours !== null && line.includes(ours) ? 'the path of this checkout' : trace
      if (what !== undefined)
        findings.push({
          file: path,
          line: i + 1,
          what: `holds ${what}`,
          fix: 'make it relative to the checkout, a setting, or an example of nobody’s machine',
        })
    })
  }
  return findings
}

export const traces: Rule = {
  name: 'traces',
  purpose: 'no file tells of the machine or registry it was made with',
  check: (workspace) => checkTraces(workspace.files, workspace.checkout),
}
