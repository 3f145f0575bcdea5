import type { Finding, Manifest, Part, TextFile, Tsconfig, Workspace } from '../src/finding.ts'

/** A manifest and tsconfig with which a part passes every rule. */
export function goodPart(folder: string, dependencies: readonly string[] = []): Part {
  const name = folder.slice(folder.indexOf('/') + 1)
  const manifest: Manifest = {
    name: `@restante/${name}`,
    version: '0.1.0',
    description: 'Its one job',
    type: 'module',
    engines: { node: '>=24.21' },
    files: ['dist', 'README.md'],
    exports: { '.': './src/index.ts' },
    publishConfig: { exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } } },
    dependencies: Object.fromEntries(
      dependencies.map((each) => [`@restante/${each.slice(each.indexOf('/') + 1)}`, 'workspace:*']),
    ),
  }
  const tsconfig: Tsconfig = {
    extends: '../../tsconfig.base.json',
    compilerOptions: { types: [] },
    references: dependencies.map((each) => ({ path: `../../${each}` })),
  }
  return { folder, manifest, tsconfig }
}

/** Files by path. */
export function filesOf(texts: Readonly<Record<string, string>>): readonly TextFile[] {
  return Object.entries(texts).map(([path, text]) => ({ path, text }))
}

/** A workspace of these parts and files, with a page and an entry for each part. */
export function houseOf(parts: readonly Part[], texts: Readonly<Record<string, string>> = {}): Workspace {
  const given = Object.fromEntries(
    parts.flatMap(({ folder }) => [
      [`${folder}/README.md`, '# Page\n'],
      [`${folder}/src/index.ts`, ''],
    ]),
  )
  return {
    files: filesOf({ ...given, ...texts }),
    parts,
    tsconfig: { references: parts.map(({ folder }) => ({ path: folder })) },
    lockfile: '',
    installed: [],
    checkout: '/srv/checkout',
  }
}

/** Findings in short: `file:line what`. */
export function brief(findings: readonly Finding[]): string[] {
  return findings.map(({ file, line, what }) => `${file}${line === undefined ? '' : `:${line}`} ${what}`)
}
