import type { Finding, Rule, TextFile } from '../finding.ts'
import { lineAt, readSource } from '../source-text.ts'

/** Marks of unfinished work, in comments; spelled so that this file has none. */
const MARKS = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`, 'g')
const SILENCED = new RegExp(`@ts-(?:ign` + `ore|noch` + `eck)\\b`, 'g')
const EXPECTED_ERROR = /@ts-expect-error\b/g
const SKIPPED = /\b(?:test|it|describe|suite|bench)(?:\.\w+)*\.(?:skip|only|todo)\b(?!\w)/g
const AS_ANY = /\bas\s+any\b/g

/** Whether a source holds what was only meant to stay for a while. `test.skipIf` and `context.skip` give reasons and may stay. */
export function checkLeftovers(files: readonly TextFile[]): readonly Finding[] {
  const findings: Finding[] = []
  for (const { path, text } of files) {
    if (text === null || !/^(?:(?:packages|apps|tools)\/[^/]+\/|scripts\/)/.test(path)) continue
    if (!/\.[cm]?[jt]sx?$/.test(path) || /\/test\/data\//.test(path)) continue
    const { code, comments } = readSource(text)
    const say = (offset: number, what: string, fix: string): void => {
      findings.push({ file: path, line: lineAt(text, offset), what, fix })
    }
    for (const match of code.matchAll(SKIPPED))
      say(match.index, `has ${match[0]}`, 'run the test, or test.skipIf with the reason in its name')
    for (const match of code.matchAll(AS_ANY))
      say(match.index, 'has `as any`', 'say the type, or `as unknown as T`')
    for (const comment of comments) {
      for (const match of comment.text.matchAll(MARKS))
        say(comment.start + match.index, `has ${match[0]}`, 'do it now, or write it where plans are kept')
      for (const match of comment.text.matchAll(SILENCED))
        say(comment.start + match.index, `has ${match[0]}`, 'put the type right')
      if (!path.includes('/test/'))
        for (const match of comment.text.matchAll(EXPECTED_ERROR))
          say(comment.start + match.index, `has ${match[0]} outside a test`, 'put the type right')
    }
  }
  return findings
}

export const leftovers: Rule = {
  name: 'leftovers',
  purpose: 'no skipped tests, marks of unfinished work or silenced types',
  check: (workspace) => checkLeftovers(workspace.files),
}
