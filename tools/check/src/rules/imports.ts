import { posix } from 'node:path'
import type { Finding, Part, Rule, Tsconfig, Workspace } from '../finding.ts'
import { HOUSE_PLAN, type PlannedPart, SCOPE } from '../house-plan.ts'
import { importsOf } from '../source-text.ts'

type Plan = Readonly<Record<string, PlannedPart>>

/** Folders of the workspace by package name. */
function foldersByName(parts: readonly Part[]): ReadonlyMap<string, string> {
  return new Map(parts.flatMap(({ folder, manifest }) => (manifest?.name ? [[manifest.name, folder]] : [])))
}

/** The folders a part's manifest names below it, in `dependencies`, `peerDependencies` and `optionalDependencies`. */
export function workspaceDependencies(part: Part, parts: readonly Part[]): readonly string[] {
  const folders = foldersByName(parts)
  const { dependencies, peerDependencies, optionalDependencies } = part.manifest ?? {}
  const names = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })
  return names.filter((name) => name.startsWith(SCOPE)).map((name) => folders.get(name) ?? name)
}

/** The folders a tsconfig references. */
export function referencedFolders(folder: string, tsconfig: Tsconfig | null): readonly string[] {
  return (tsconfig?.references ?? []).map(({ path }) => posix.join(folder, path).replace(/\/$/, ''))
}

function judgePart(part: Part, planned: PlannedPart, workspace: Workspace): Finding[] {
  const findings: Finding[] = []
  const below = new Set([...planned.mayImport, ...(planned.mayStart ?? [])])
  const fix = `${part.folder} may import ${planned.mayImport.join(', ') || 'nothing'}; move the code to the part whose job it is`
  for (const folder of workspaceDependencies(part, workspace.parts))
    if (!below.has(folder))
      findings.push({ file: `${part.folder}/package.json`, what: `depends on ${folder}`, fix })
  for (const folder of referencedFolders(part.folder, part.tsconfig))
    if (!below.has(folder))
      findings.push({ file: `${part.folder}/tsconfig.json`, what: `references ${folder}`, fix })
  return findings
}

/** The folder an `@restante/…` specifier leads to; the bare name where there is no such package. */
function folderOf(specifier: string, folders: ReadonlyMap<string, string>): string | null {
  if (!specifier.startsWith(SCOPE)) return null
  const name = specifier.split('/').slice(0, 2).join('/')
  return folders.get(name) ?? name
}

function judgeSource(part: Part, planned: PlannedPart | null, workspace: Workspace): Finding[] {
  const findings: Finding[] = []
  const folders = foldersByName(workspace.parts)
  const source = `${part.folder}/src/`
  for (const { path, text } of workspace.files) {
    if (text === null || !path.startsWith(source) || !/\.m?[jt]sx?$/.test(path)) continue
    for (const { specifier, line } of importsOf(text)) {
      if (specifier.startsWith('.')) {
        if (!posix.join(posix.dirname(path), specifier).startsWith(source))
          findings.push({
            file: path,
            line,
            what: `imports ${specifier}, outside its own src`,
            fix: 'import another part by its package name; keep what only tests need in test/',
          })
        continue
      }
      const target = folderOf(specifier, folders)
      if (target === null || target === part.folder || planned === null) continue
      if (planned.mayStart?.includes(target))
        findings.push({
          file: path,
          line,
          what: `imports ${target}, which it may only start`,
          fix: `start it as a process: import.meta.resolve('${specifier}')`,
        })
      else if (!planned.mayImport.includes(target))
        findings.push({
          file: path,
          line,
          what: `imports ${target}`,
          fix: `${part.folder} may import ${planned.mayImport.join(', ') || 'nothing'}; pass what it needs in from above`,
        })
    }
  }
  return findings
}

/** Whether every import runs downward; tests may import anything, `tools` too. */
export function checkImports(workspace: Workspace, plan: Plan = HOUSE_PLAN): readonly Finding[] {
  return workspace.parts.flatMap((part) => {
    const isTool = part.folder.startsWith('tools/')
    const planned = plan[part.folder] ?? null
    if (isTool) return judgeSource(part, null, workspace)
    if (planned === null)
      return [
        {
          file: `${part.folder}/package.json`,
          what: 'is a part the house plan does not know',
          fix: 'put it into HOUSE_PLAN (tools/check/src/house-plan.ts) with its job and what it may import',
        },
      ]
    return [...judgePart(part, planned, workspace), ...judgeSource(part, planned, workspace)]
  })
}

export const imports: Rule = {
  name: 'imports',
  purpose: 'imports run downward as the house plan says (package.json, tsconfig references, sources)',
  check: (workspace) => checkImports(workspace),
}
