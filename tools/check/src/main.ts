// Checks what compilers and linters do not: the house plan, lockfile holes, manifests, names, pages.
//   node tools/check/src/main.ts [--list] [RULE...]
import { parseArgs } from 'node:util'
import { formatReport } from './report.ts'
import { RULES } from './rules/index.ts'
import { findRoot, readWorkspace } from './workspace.ts'

const { values, positionals } = parseArgs({
  options: { list: { type: 'boolean', default: false } },
  allowPositionals: true,
})

const unknown = positionals.filter((name) => !RULES.some((rule) => rule.name === name))
if (unknown.length > 0) {
  process.stderr.write(`check: no rule named ${unknown.join(', ')}; --list names them\n`)
  process.exitCode = 2
} else if (values.list) {
  for (const { name, purpose } of RULES) process.stdout.write(`${name.padEnd(12)}${purpose}\n`)
} else {
  const workspace = readWorkspace(findRoot(import.meta.dirname))
  const chosen = RULES.filter((rule) => positionals.length === 0 || positionals.includes(rule.name))
  const checked = chosen.map((rule) => ({ rule, findings: rule.check(workspace) }))
  process.stdout.write(formatReport(checked, workspace.files.length))
  if (checked.some(({ findings }) => findings.length > 0)) process.exitCode = 1
}
