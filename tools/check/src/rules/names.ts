import type { Finding, Rule } from '../finding.ts'

/** Names that say nothing about the one job of what is inside: alone, or as the last word. */
const EMPTY_ALONE: ReadonlySet<string> = new Set(['common', 'misc', 'shared', 'stuff'])
const EMPTY_AT_END: ReadonlySet<string> = new Set([
  'util',
  'utils',
  'utilities',
  'helper',
  'helpers',
  'manager',
  'managers',
])

function emptyWord(name: string): string | null {
  const word = name.toLowerCase().split(/[-_]/).at(-1) ?? ''
  if (EMPTY_AT_END.has(word)) return word
  return EMPTY_ALONE.has(name.toLowerCase()) ? name : null
}

/** Names that others decided. */
const GIVEN: ReadonlySet<string> = new Set([
  'README',
  'LICENSE',
  'CHANGELOG',
  'CONTRIBUTING',
  'SECURITY',
  'DEVELOPERS',
  'COMPATIBILITY',
])

const KEBAB = /^[a-z0-9]+(?:-[a-z0-9]+)*$/

/** Whether files and folders are kebab-case nouns that say something. Test data keeps the names it came with. */
export function checkNames(paths: readonly string[]): readonly Finding[] {
  const findings: Finding[] = []
  const seen = new Set<string>()
  for (const path of paths) {
    if (/(?:^|\/)test\/data\//.test(path)) continue
    const steps = path.split('/')
    steps.forEach((step, i) => {
      const place = steps.slice(0, i + 1).join('/')
      if (seen.has(place) || step.startsWith('.')) return
      seen.add(place)
      const [stem = '', ...rest] = step.split('.')
      const word = [stem, ...rest.slice(0, -1)].map(emptyWord).find((each) => each !== null)
      if (word)
        findings.push({
          file: place,
          what: `"${word}" says nothing about its job`,
          fix: 'name it after what it holds',
        })
      else if (!GIVEN.has(stem) && ![stem, ...rest].every((each) => KEBAB.test(each)))
        findings.push({
          file: place,
          what: 'is not in kebab-case',
          fix: 'lower case, words joined by hyphens',
        })
    })
  }
  return findings
}

export const names: Rule = {
  name: 'names',
  purpose: 'file names are kebab-case and say what is inside',
  check: (workspace) => checkNames(workspace.files.map(({ path }) => path)),
}
