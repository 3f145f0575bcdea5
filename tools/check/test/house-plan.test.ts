import { expect, test } from 'vitest'
import { HOUSE_PLAN } from '../src/house-plan.ts'
import { checkImports } from '../src/rules/imports.ts'
import { checkPurity } from '../src/rules/purity.ts'
import { brief, goodPart, houseOf } from './house.ts'

test('the plan runs downward: no part can reach itself', () => {
  const reach = (folder: string, seen: ReadonlySet<string>): void => {
    expect(seen.has(folder), [...seen, folder].join(' -> ')).toBe(false)
    for (const below of HOUSE_PLAN[folder]?.mayImport ?? []) reach(below, new Set([...seen, folder]))
  }
  for (const folder of Object.keys(HOUSE_PLAN)) reach(folder, new Set())
})

test('the plan names only parts it knows, and nobody imports an app', () => {
  for (const { mayImport, mayStart = [] } of Object.values(HOUSE_PLAN)) {
    for (const folder of [...mayImport, ...mayStart]) expect(HOUSE_PLAN).toHaveProperty([folder])
    expect(mayImport.filter((folder) => !folder.startsWith('packages/'))).toEqual([])
  }
})

test.each([
  ['apps/receiver', 'packages/pop3', false],
  ['apps/receiver', 'packages/smtp', true],
  ['apps/admin', 'packages/smtp', false],
  ['apps/admin', 'packages/moving', true],
  ['apps/pop3d', 'packages/store-cluster', true],
  ['packages/filter', 'packages/maildrop', false],
  ['packages/bayes', 'packages/mail', false],
])('%s may import %s: %s', (from, to, may) => {
  expect(HOUSE_PLAN[from]?.mayImport.includes(to)).toBe(may)
})

const mail = goodPart('packages/mail')
const pop3 = goodPart('packages/pop3', ['packages/mail'])
const cli = goodPart('apps/cli', ['packages/mail', 'apps/pop3d'])
const pop3d = goodPart('apps/pop3d', ['packages/mail'])

test('what follows the plan passes, tests and self-references included', () => {
  const house = houseOf([mail, pop3, cli, pop3d, goodPart('tools/bench', ['apps/cli'])], {
    'packages/pop3/src/session.ts': `import { CR } from '@restante/mail'\nimport './line.ts'\nimport '@restante/pop3'\n`,
    'packages/pop3/test/session.test.ts': `import '@restante/bench'\nimport '../../../apps/pop3d/src/main.ts'\n`,
    'apps/cli/src/main.ts': `import.meta.resolve('@restante/pop3d/main')\nimport '@restante/mail/words'\n`,
    'tools/bench/src/main.ts': `import '@restante/pop3d'\n`,
    'packages/mail/src/page.txt': `import '@restante/pop3'\n`,
  })
  expect(brief(checkImports(house))).toEqual([])
})

test.each<[string, string, string]>([
  ['packages/mail/src/a.ts', `\nimport '@restante/pop3'`, 'packages/mail/src/a.ts:2 imports packages/pop3'],
  [
    'packages/mail/src/a.ts',
    `export type { X } from '@restante/pop3/sub'`,
    'packages/mail/src/a.ts:1 imports packages/pop3',
  ],
  [
    'packages/mail/src/a.ts',
    `await import('@restante/gone')`,
    'packages/mail/src/a.ts:1 imports @restante/gone',
  ],
  ['packages/pop3/src/a.ts', `import '@restante/cli/main'`, 'packages/pop3/src/a.ts:1 imports apps/cli'],
  ['packages/pop3/src/a.ts', `import '@restante/bench'`, 'packages/pop3/src/a.ts:1 imports tools/bench'],
  [
    'apps/cli/src/main.ts',
    `import '@restante/pop3d/main'`,
    'apps/cli/src/main.ts:1 imports apps/pop3d, which it may only start',
  ],
  [
    'packages/pop3/src/deep/a.ts',
    `import '../../../mail/src/index.ts'`,
    'packages/pop3/src/deep/a.ts:1 imports ../../../mail/src/index.ts, outside its own src',
  ],
  [
    'tools/bench/src/a.ts',
    `import '../test/house.ts'`,
    'tools/bench/src/a.ts:1 imports ../test/house.ts, outside its own src',
  ],
])('%s with %s is told of', (path, text, expected) => {
  const parts = [mail, pop3, cli, pop3d, goodPart('tools/bench')]
  expect(brief(checkImports(houseOf(parts, { [path]: text })))).toEqual([expected])
})

test('manifests and references upward are told of, and parts nobody planned', () => {
  const house = houseOf([goodPart('packages/mail', ['packages/pop3']), goodPart('packages/gossip'), pop3])
  expect(brief(checkImports(house))).toEqual([
    'packages/mail/package.json depends on packages/pop3',
    'packages/mail/tsconfig.json references packages/pop3',
    'packages/gossip/package.json is a part the house plan does not know',
  ])
})

test('peer dependencies count like others', () => {
  const peer = { ...mail, manifest: { ...mail.manifest, peerDependencies: { '@restante/pop3': '*' } } }
  expect(brief(checkImports(houseOf([peer, pop3])))).toEqual([
    'packages/mail/package.json depends on packages/pop3',
  ])
})

function impure(text: string): string[] {
  return brief(checkPurity(houseOf([mail], { 'packages/mail/src/a.ts': text }), ['packages/mail']))
}

test.each([
  'const late = Date.now()',
  'const late = new Date()',
  'const late = Date()',
  'const clock = Date',
  'Math.random()',
  'setTimeout(f, 1)',
  'queueMicrotask(f)',
  'performance.now()',
  'process.env',
  'x ? process : y',
  'f(Buffer.from(x))',
  'new TextDecoder()',
  'fetch(x)',
  'console.log(x)',
  'x.getHours()',
  'x.toLocaleString()',
  `import { x } from 'node:fs'`,
  `import { x } from 'fs'`,
  `import 'node:test'`,
])('%s is impure', (text) => {
  expect(impure(`\n${text}\n`)).toHaveLength(1)
  expect(impure(`\n${text}\n`)[0]).toMatch(/^packages\/mail\/src\/a\.ts:2 /)
})

test.each([
  'const text = new Date(timeMs).toUTCString()',
  'Date.UTC(2026, 1)',
  'Math.floor(1)',
  '// Date.now() and process',
  `'process'`,
  'x.process()',
  'interface X {\n  readonly process: number\n  fetch?: string\n}',
  'const x = { process: 1 }',
  'const bufferSize = 1',
  'const updateDate = 1',
])('%s is pure', (text) => {
  expect(impure(text)).toEqual([])
})

test('ambient types are told of, and other parts are left alone', () => {
  const loose = { ...mail, tsconfig: { ...mail.tsconfig, compilerOptions: { types: ['node'] } } }
  expect(brief(checkPurity(houseOf([loose]), ['packages/mail']))).toEqual([
    'packages/mail/tsconfig.json compiles a pure part with ambient types',
  ])
  const { compilerOptions: _, ...silent } = mail.tsconfig ?? {}
  expect(checkPurity(houseOf([{ ...mail, tsconfig: silent }]), ['packages/mail'])).toHaveLength(1)
  const house = houseOf([loose], { 'packages/mail/src/a.ts': 'Date.now()' })
  expect(checkPurity(house, ['packages/bayes'])).toEqual([])
})
