import type { Finding, Rule, TextFile } from '../finding.ts'
import { lineAt, readSource } from '../source-text.ts'

const EXPORTED =
  /^export\s+(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(function\s*\*?|class|interface|type|const|let|var)\s+([\w$]+)/gm

/**
 * Whether each exported declaration has a docstring. One docstring serves a run of one-line declarations without an
 * empty line between them, and all overloads of a function.
 */
export function checkDocstrings(files: readonly TextFile[]): readonly Finding[] {
  const findings: Finding[] = []
  for (const { path, text } of files) {
    if (text === null || !/^packages\/[^/]+\/src\/.*\.ts$/.test(path)) continue
    const { code, comments } = readSource(text)
    /** Where the last documented one-line declaration, or docstring, ended: a declaration right after it is covered. */
    let coveredTo = -1
    const overloaded = new Set<string>()
    for (const match of code.matchAll(EXPORTED)) {
      const [, kind = '', name = ''] = match
      const start = match.index
      const docstring = comments.findLast(
        (comment) => comment.end <= start && code.slice(comment.end, start).trim() === '',
      )
      const documented =
        (docstring?.text.startsWith('/**') && /[\p{L}\p{N}]/u.test(docstring.text)) ||
        (coveredTo >= 0 && coveredTo + 1 === start) ||
        (kind.startsWith('function') && overloaded.has(name))
      if (!documented) {
        findings.push({
          file: path,
          line: lineAt(text, start),
          what: `exports ${name} without a docstring`,
          fix: 'say its purpose in a line, then what types cannot say: units, ranges, ownership, what it throws',
        })
        continue
      }
      overloaded.add(name)
      const lineEnd = text.indexOf('\n', start)
      const line = code.slice(start, lineEnd < 0 ? undefined : lineEnd)
      const isWhole = /^export\s+(?:const|type)\b/.test(line) && !/[{([=,|&]\s*$/.test(line)
      coveredTo = isWhole ? lineEnd : -1
    }
  }
  return findings
}

export const docstrings: Rule = {
  name: 'docstrings',
  purpose: 'every exported declaration of a package says what it is for',
  check: (workspace) => checkDocstrings(workspace.files),
}
