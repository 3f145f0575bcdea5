import { posix } from 'node:path'
import type { Finding, Manifest, Part, Rule, Workspace } from '../finding.ts'
import { referencedFolders, workspaceDependencies } from './imports.ts'

/** What every published part says it needs. */
export const ENGINES = '>=24.21'

function entries(
  exports: Readonly<Record<string, unknown>> | undefined,
): readonly (readonly [string, unknown])[] {
  return Object.entries(exports ?? {})
}

function judgeExports(manifest: Manifest, folder: string, paths: ReadonlySet<string>): string[] {
  const wrong: string[] = []
  const exports = entries(manifest.exports)
  if (exports.length === 0) wrong.push('has no exports')
  const published = manifest.publishConfig?.exports ?? {}
  for (const [key, target] of exports) {
    if (typeof target !== 'string' || !/^\.\/src\/.+\.ts$/.test(target)) {
      wrong.push(`exports["${key}"] does not point at ./src/….ts`)
      continue
    }
    if (!paths.has(posix.join(folder, target)))
      wrong.push(`exports["${key}"] points at ${target}, which is not there`)
    const built = target.replace('./src/', './dist/').replace(/\.ts$/, '')
    const wanted = { types: `${built}.d.ts`, default: `${built}.js` }
    if (JSON.stringify(published[key]) !== JSON.stringify(wanted))
      wrong.push(`publishConfig.exports["${key}"] is not ${JSON.stringify(wanted)}`)
  }
  for (const key of Object.keys(published))
    if (!exports.some(([each]) => each === key))
      wrong.push(`publishConfig.exports["${key}"] has no twin in exports`)
  return wrong
}

function judgePart(part: Part, workspace: Workspace, paths: ReadonlySet<string>): Finding[] {
  const { folder, manifest } = part
  if (manifest === null)
    return [{ file: `${folder}/package.json`, what: 'does not parse', fix: 'make it valid JSON' }]
  const findings: Finding[] = []
  const say = (what: string, fix: string, file = 'package.json'): void => {
    findings.push({ file: `${folder}/${file}`, what, fix })
  }
  const like = 'see packages/mail/package.json'
  if (!manifest.description) say('has no description', 'say its one job in a line')
  if (manifest.type !== 'module') say('is not type "module"', like)
  if (manifest.engines?.['node'] !== ENGINES) say(`engines.node is not ${ENGINES}`, like)
  if (!folder.startsWith('tools/')) {
    for (const wrong of judgeExports(manifest, folder, paths)) say(wrong, like)
    for (const file of ['dist', 'README.md'])
      if (!manifest.files?.includes(file)) say(`does not publish ${file}`, 'name it in files')
    if (!paths.has(`${folder}/README.md`))
      say(
        'has no page',
        'say what it is, a 60-second example, its limits, its place in a message’s life',
        'README.md',
      )
  }
  if (part.tsconfig === null) {
    say('is missing or does not parse', 'see packages/mail/tsconfig.json', 'tsconfig.json')
    return findings
  }
  if (part.tsconfig.extends !== '../../tsconfig.base.json')
    say(
      'does not extend ../../tsconfig.base.json',
      'extend it, so that all parts are strict alike',
      'tsconfig.json',
    )
  const depends = workspaceDependencies(part, workspace.parts)
  const references = referencedFolders(folder, part.tsconfig)
  for (const each of depends)
    if (!references.includes(each))
      say(`does not reference ${each}, which it depends on`, 'add it to references', 'tsconfig.json')
  for (const each of references)
    if (!depends.includes(each))
      say(
        `references ${each}, which it does not depend on`,
        'remove it, or add the dependency',
        'tsconfig.json',
      )
  return findings
}

/** Whether every part can be built, published and found: manifests, pages, project references. */
export function checkManifests(workspace: Workspace): readonly Finding[] {
  const paths = new Set(workspace.files.map(({ path }) => path))
  const findings = workspace.parts.flatMap((part) => judgePart(part, workspace, paths))
  const listed = referencedFolders('.', workspace.tsconfig)
  const folders = workspace.parts.map(({ folder }) => folder)
  for (const folder of folders)
    if (!listed.includes(folder))
      findings.push({
        file: 'tsconfig.json',
        what: `does not reference ${folder}`,
        fix: 'add it to references, or tsc -b passes it by',
      })
  for (const folder of listed)
    if (!folders.includes(folder))
      findings.push({
        file: 'tsconfig.json',
        what: `references ${folder}, which is not there`,
        fix: 'remove it',
      })
  return findings
}

export const manifests: Rule = {
  name: 'manifests',
  purpose: 'every part has its page, exports, engines and project references',
  check: checkManifests,
}
