import { builtinModules } from 'node:module'
import type { Finding, Rule, Workspace } from '../finding.ts'
import { HOUSE_PLAN } from '../house-plan.ts'
import { importsOf, lineAt, readSource } from '../source-text.ts'

/** What a pure part must be given from outside instead. */
const IMPURE: readonly (readonly [pattern: RegExp, instead: string])[] = [
  // `new Date(timeMs)` and Date.UTC only count; what asks the clock or the time zone does more.
  [
    /(?<![.\w$])(?<!\bnew\s+)Date\b(?!\.UTC\b)|(?<=\bnew\s+)Date\b(?!\s*\(\s*[^\s)])/g,
    'take `now` or a time in milliseconds as a parameter',
  ],
  [
    /(?<=\.)(?:[gs]et(?:FullYear|Month|Date|Day|Hours|Minutes|Seconds|TimezoneOffset)|toLocale(?:Date|Time)?String)\b/g,
    'use the UTC methods: the answer must not depend on where it runs',
  ],
  [/(?<![.\w$])Math\.random\b/g, 'take `random` as a parameter'],
  [
    /(?<![.\w$])(?:set(?:Timeout|Interval|Immediate)|queueMicrotask|performance)\b/g,
    'leave waiting to the caller',
  ],
  [/(?<![.\w$])process\b/g, 'take what is needed as a parameter'],
  [/(?<![.\w$])Buffer\b/g, 'use Uint8Array and the octet functions of @restante/mail'],
  [/(?<![.\w$])Text(?:De|En)coder\b/g, 'use utf8Text and utf8Octets of @restante/mail'],
  [/(?<![.\w$])(?:crypto|fetch|console|globalThis|require)\b/g, 'take what is needed as a parameter'],
]

const BUILTIN: ReadonlySet<string> = new Set(builtinModules)

function judgeFile(path: string, text: string): Finding[] {
  const findings: Finding[] = []
  for (const { specifier, line } of importsOf(text))
    if (specifier.startsWith('node:') || BUILTIN.has(specifier))
      findings.push({
        file: path,
        line,
        what: `imports ${specifier} in a pure part`,
        fix: 'take what is needed as a parameter, or move the code to a part that may touch the system',
      })
  const { code } = readSource(text)
  for (const [pattern, instead] of IMPURE)
    for (const match of code.matchAll(pattern)) {
      // A property of that name (`process: 1`, `process?: x`) is nothing global.
      if (
        /^\s*\??:/.test(code.slice(match.index + match[0].length)) &&
        /[{,;(\n]\s*(?:readonly\s+)?$/.test(code.slice(0, match.index))
      )
        continue
      findings.push({
        file: path,
        line: lineAt(text, match.index),
        what: `uses ${match[0]} in a pure part`,
        fix: instead,
      })
    }
  return findings
}

/** Whether the pure parts are: no Node, no clock, no randomness, no timers. */
export function checkPurity(workspace: Workspace, pure: readonly string[]): readonly Finding[] {
  const findings: Finding[] = []
  for (const { folder, tsconfig } of workspace.parts) {
    if (!pure.includes(folder)) continue
    if (tsconfig?.compilerOptions?.types?.length !== 0)
      findings.push({
        file: `${folder}/tsconfig.json`,
        what: 'compiles a pure part with ambient types',
        fix: 'set compilerOptions.types to []',
      })
    for (const { path, text } of workspace.files)
      if (text !== null && path.startsWith(`${folder}/src/`) && path.endsWith('.ts'))
        findings.push(...judgeFile(path, text))
  }
  return findings
}

export const purity: Rule = {
  name: 'purity',
  purpose: 'pure parts know no Node, clock, randomness or timers',
  check: (workspace) =>
    checkPurity(
      workspace,
      Object.keys(HOUSE_PLAN).filter((folder) => HOUSE_PLAN[folder]?.pure),
    ),
}
