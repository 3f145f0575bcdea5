import { expect, test } from 'vitest'
import type { Installed, Part } from '../src/finding.ts'
import { formatReport } from '../src/report.ts'
import { checkDocstrings } from '../src/rules/docstrings.ts'
import { RULES } from '../src/rules/index.ts'
import { checkLeftovers } from '../src/rules/leftovers.ts'
import { checkLinks } from '../src/rules/links.ts'
import { checkLockfile } from '../src/rules/lockfile.ts'
import { checkManifests } from '../src/rules/manifests.ts'
import { checkNames } from '../src/rules/names.ts'
import { checkTraces } from '../src/rules/traces.ts'
import { brief, filesOf, goodPart, houseOf } from './house.ts'

const LOCK = `lockfileVersion: '9.0'

packages:

  '@turbo/linux-64@2.11.9':
    resolution: {integrity: sha512-x}
    deprecated: see https://somewhere.example

  fsevents@2.3.3:
    resolution: {integrity: sha512-y}

snapshots:

  fsevents@2.3.3:
    optional: true
`

function turbo(optionalDependencies: Readonly<Record<string, string>>): readonly Installed[] {
  return [{ name: 'turbo', version: '2.11.9', optionalDependencies }]
}

test('a lockfile with every platform passes', () => {
  const installed = turbo({ '@turbo/linux-64': '2.11.9', fsevents: '~2.3.2' })
  expect(checkLockfile(LOCK, installed, {})).toEqual([])
})

test.each([
  [
    { '@turbo/darwin-64': '2.11.9' },
    'lacks @turbo/darwin-64@2.11.9, which turbo@2.11.9 needs on some platform',
  ],
  [
    { '@turbo/linux-64': '2.11.10' },
    'lacks @turbo/linux-64@2.11.10, which turbo@2.11.9 needs on some platform',
  ],
  [{ '@turbo/linux': '2.11.9' }, 'lacks @turbo/linux@2.11.9, which turbo@2.11.9 needs on some platform'],
  [{ events: '~2.3.2' }, 'lacks events@~2.3.2, which turbo@2.11.9 needs on some platform'],
])('a hole is told of: %j', (optional, what) => {
  expect(brief(checkLockfile(LOCK, turbo(optional), {}))).toEqual([`pnpm-lock.yaml ${what}`])
})

test('an exception excuses its hole, and one that excuses nothing is told of', () => {
  const installed = turbo({ '@turbo/darwin-64': '2.11.9' })
  expect(checkLockfile(LOCK, installed, { 'turbo > @turbo/darwin-64': 'never used' })).toEqual([])
  expect(checkLockfile(LOCK, turbo({}), { 'turbo > @turbo/darwin-64': 'never used' })).toHaveLength(1)
})

test('hosts in the lockfile and a missing install are told of', () => {
  const host = `${LOCK}\n  x@1.0.0:\n    resolution: {tarball: https://mirror.example/x.tgz}\n`
  expect(brief(checkLockfile(host, [], {}))).toEqual(['pnpm-lock.yaml:18 names a host to download from'])
  expect(brief(checkLockfile(LOCK, null, {}))).toEqual(['pnpm-lock.yaml nothing is installed'])
})

test('parts that are whole pass, tools without a page and exports too', () => {
  const { exports: _, publishConfig: __, files: ___, ...plain } = goodPart('tools/check').manifest ?? {}
  const tool: Part = { ...goodPart('tools/check'), manifest: plain }
  expect(
    brief(
      checkManifests(
        houseOf([goodPart('packages/mail'), goodPart('packages/pop3', ['packages/mail']), tool]),
      ),
    ),
  ).toEqual([])
})

function spoilt(manifest: object, tsconfig: object = {}): string[] {
  const good = goodPart('packages/mail')
  const part = {
    ...good,
    manifest: { ...good.manifest, ...manifest },
    tsconfig: { ...good.tsconfig, ...tsconfig },
  }
  return brief(checkManifests(houseOf([part, goodPart('packages/bayes')]))).map((each) =>
    each.replace('packages/mail/', ''),
  )
}

test.each<[object, string[]]>([
  [{ description: '' }, ['package.json has no description']],
  [{ type: 'commonjs' }, ['package.json is not type "module"']],
  [{ engines: { node: '>=18' } }, ['package.json engines.node is not >=24.21']],
  [{ engines: undefined }, ['package.json engines.node is not >=24.21']],
  [{ files: ['dist'] }, ['package.json does not publish README.md']],
  [
    { exports: {} },
    ['package.json has no exports', 'package.json publishConfig.exports["."] has no twin in exports'],
  ],
  [{ exports: { '.': './dist/index.js' } }, ['package.json exports["."] does not point at ./src/….ts']],
  [
    { exports: { '.': './src/gone.ts' } },
    [
      'package.json exports["."] points at ./src/gone.ts, which is not there',
      'package.json publishConfig.exports["."] is not {"types":"./dist/gone.d.ts","default":"./dist/gone.js"}',
    ],
  ],
  [
    { publishConfig: {} },
    [
      'package.json publishConfig.exports["."] is not {"types":"./dist/index.d.ts","default":"./dist/index.js"}',
    ],
  ],
  [
    { dependencies: { '@restante/bayes': 'workspace:*', other: '1.0.0' } },
    ['tsconfig.json does not reference packages/bayes, which it depends on'],
  ],
])('manifest with %j', (manifest, expected) => {
  expect(spoilt(manifest)).toEqual(expected)
})

test.each<[object, string[]]>([
  [{ extends: '../base.json' }, ['tsconfig.json does not extend ../../tsconfig.base.json']],
  [
    { references: [{ path: '../bayes' }] },
    ['tsconfig.json references packages/bayes, which it does not depend on'],
  ],
])('tsconfig with %j', (tsconfig, expected) => {
  expect(spoilt({}, tsconfig)).toEqual(expected)
})

test('missing pages, broken manifests and the root’s references are told of', () => {
  const house = houseOf([
    goodPart('packages/mail'),
    { ...goodPart('packages/pop3'), manifest: null, tsconfig: null },
    { ...goodPart('packages/bayes'), tsconfig: null },
  ])
  const spoiltHouse = {
    ...house,
    files: house.files.filter(({ path }) => path !== 'packages/mail/README.md'),
    tsconfig: {
      references: [{ path: './packages/mail' }, { path: 'packages/gone' }, { path: 'packages/bayes/' }],
    },
  }
  expect(brief(checkManifests(spoiltHouse))).toEqual([
    'packages/mail/README.md has no page',
    'packages/pop3/package.json does not parse',
    'packages/bayes/tsconfig.json is missing or does not parse',
    'tsconfig.json does not reference packages/pop3',
    'tsconfig.json references packages/gone, which is not there',
  ])
})

test.each([
  ['packages/mail/src/unique-id.ts', null],
  ['packages/mail/test/unique-id.test.ts', null],
  ['README.md', null],
  ['.ci/run', null],
  ['tsconfig.base.json', null],
  ['packages/message/test/data/Odd_Name (1).eml', null],
  ['packages/bayes/src/common-words.ts', null],
  ['packages/mail/src/utils.ts', 'packages/mail/src/utils.ts "utils" says nothing about its job'],
  ['packages/mail/src/utils/octets.ts', 'packages/mail/src/utils "utils" says nothing about its job'],
  [
    'packages/mail/test/smtp-helpers.ts',
    'packages/mail/test/smtp-helpers.ts "helpers" says nothing about its job',
  ],
  [
    'packages/mail/src/session.manager.ts',
    'packages/mail/src/session.manager.ts "manager" says nothing about its job',
  ],
  ['packages/mail/src/common.ts', 'packages/mail/src/common.ts "common" says nothing about its job'],
  ['packages/mail/src/uniqueId.ts', 'packages/mail/src/uniqueId.ts is not in kebab-case'],
  ['packages/mail/src/unique_id.ts', 'packages/mail/src/unique_id.ts is not in kebab-case'],
  ['docs/Design.md', 'docs/Design.md is not in kebab-case'],
])('name %s: %s', (path, expected) => {
  expect(brief(checkNames([path]))).toEqual(expected === null ? [] : [expected])
})

test('a folder is told of once', () => {
  expect(checkNames(['packages/x/src/utils/a.ts', 'packages/x/src/utils/b.ts'])).toHaveLength(1)
})

const slash = '/'
test.each([
  [`cd ${slash}home${slash}builder/x`, 'a path of one machine'],
  [`cd ${slash}Users${slash}builder/x`, 'a path of one machine'],
  [`"${slash}root${slash}.cache"`, 'a path of one machine'],
  [['C:', 'Users', 'builder'].join('\\'), 'a path of one machine'],
  [`see https:${slash}${slash}${['registry', 'npmjs', 'example'].join('.')}/x`, 'a registry host'],
  [`${slash}${slash}npm.corp.example/x`, 'a registry host'],
  [`https:${slash}${slash}artifactory-eu.corp.example`, 'a registry host'],
  [`registry${'='}https`, 'a registry setting'],
  [`@acme:registry${'='}x`, 'a registry setting'],
  [`x:_authToken${'='}y`, 'a registry credential'],
  ['const root = "/srv/checkout/packages"', 'the path of this checkout'],
])('%s is a trace', (line, what) => {
  expect(brief(checkTraces(filesOf({ 'a.md': `one\n${line}\n` }), '/srv/checkout'))).toEqual([
    `a.md:2 holds ${what}`,
  ])
})

test.each([
  `${slash}home${slash}anna/Maildir`,
  `https:${slash}${slash}www.npmjs.com/package/x`,
  `https:${slash}${slash}docs.example${slash}root${slash}x`,
  `${slash}var/lib/restante`,
  'the registry holes',
  `${slash}root`,
])('%s is none', (line) => {
  expect(checkTraces(filesOf({ 'a.md': line }), '/srv/checkout')).toEqual([])
})

test('a checkout at the root of the disk is not looked for everywhere', () => {
  expect(checkTraces(filesOf({ 'a.md': 'the /app folder' }), '/app')).toEqual([])
})

const todo = 'TO' + 'DO'
const ignore = `@ts-ign${'ore'}`
test.each([
  ['test.skip("x", f)', 'has test.skip'],
  ['describe.only("x", f)', 'has describe.only'],
  ['it.concurrent.only("x", f)', 'has it.concurrent.only'],
  ['test.todo("x")', 'has test.todo'],
  ['test.skip.each([1])("x", f)', 'has test.skip'],
  ['x as any', 'has `as any`'],
  [`// ${todo}: later`, `has ${todo}`],
  [`/* ${'FIX'}${'ME'} */`, `has ${'FIX'}${'ME'}`],
  [`// ${ignore}`, `has ${ignore}`],
])('%s is left over', (line, what) => {
  const path = 'packages/mail/test/a.test.ts'
  expect(brief(checkLeftovers(filesOf({ [path]: `\n${line}\n` })))).toEqual([`${path}:2 ${what}`])
})

test.each([
  'test.skipIf(!peer)("x (no peer)", f)',
  'context.skip("no peer")',
  'iterator.skip(1)',
  '// test.skip is not allowed, as any tester knows',
  `const word = '${todo}'`,
  `const unknown = x as unknown as Y`,
])('%s may stay', (line) => {
  expect(brief(checkLeftovers(filesOf({ 'packages/mail/test/a.test.ts': line })))).toEqual([])
})

test('an expected type error may stand in a test, not in a source; data is nobody’s source', () => {
  const text = '// @ts-expect-error wrong on purpose\n'
  expect(checkLeftovers(filesOf({ 'packages/mail/test/a.test.ts': text }))).toEqual([])
  expect(checkLeftovers(filesOf({ 'packages/mail/src/a.ts': text }))).toHaveLength(1)
  const skipped = 'test.skip("x")'
  const elsewhere = {
    'packages/mail/test/data/a.ts': skipped,
    'docs/a.ts': skipped,
    'packages/mail/notes.md': skipped,
  }
  expect(checkLeftovers(filesOf(elsewhere))).toEqual([])
})

function undocumented(text: string): string[] {
  return checkDocstrings(filesOf({ 'packages/mail/src/a.ts': text })).map(
    ({ what }) => what.split(' ')[1] as string,
  )
}

test.each<[string, string[]]>([
  ['/** One. */\nexport const a = 1\n', []],
  ['export const a = 1\n', ['a']],
  ['// One.\nexport const a = 1\n', ['a']],
  ['/* One. */\nexport const a = 1\n', ['a']],
  ['/** */\nexport const a = 1\n', ['a']],
  ['/** Elsewhere. */\nconst b = 1\n\nexport function f(): void {}\n', ['f']],
  ['/** Ends. */\nexport const a = 1\nexport const b = 2\n\nexport const c = 3\n', ['c']],
  ['/** Kinds. */\nexport const KINDS = [1] as const\nexport type Kind = (typeof KINDS)[number]\n', []],
  ['/** One. */\nexport const a = {\n  b: 1,\n}\nexport const c = 1\n', ['c']],
  ['/** F. */\nexport function f(a: 1): void\nexport function f(a: 2): void\n', []],
  ['/** F. */\nexport async function f(): Promise<void> {}\n', []],
  ['export async function f(): Promise<void> {}\n', ['f']],
  ['export abstract class C {}\n', ['C']],
  ['export default class D {}\n', ['D']],
  ['export interface I {}\n', ['I']],
  ['export type T = 1\n', ['T']],
  ['export declare let l: 1\n', ['l']],
  ["export * from './b.ts'\nexport { c } from './c.ts'\nexport type { D } from './d.ts'\n", []],
  ['const text = `\nexport const a = 1\n`\n', []],
])('%j lacks docstrings for %j', (text, expected) => {
  expect(undocumented(text)).toEqual(expected)
})

test('apps, tests and tools need no docstrings', () => {
  const text = 'export const a = 1\n'
  expect(checkDocstrings(filesOf({ 'apps/cli/src/a.ts': text, 'packages/mail/test/a.ts': text }))).toEqual([])
})

const pages = {
  'docs/start.md': '# Getting *started*\n\n## Ports, and `TLS`\n\n## Twice\n\n## Twice\n\n<a id="own"></a>\n',
  'packages/mail/src/index.ts': '',
}

test.each([
  ['[x](docs/start.md)', null],
  ['[x](./docs/start.md#getting-started)', null],
  ['[x](docs/start.md#ports-and-tls)', null],
  ['[x](docs/start.md#twice-1)', null],
  ['[x](docs/start.md#own)', null],
  ['[x](packages/mail/)', null],
  ['[x](packages/mail/src/index.ts#L3)', null],
  ['[x](#title)', null],
  ['[x](https://acme.example/gone) [y](mailto:anna@acme.example)', null],
  ['`[x](gone.md)`', null],
  ['```\n[x](gone.md)\n```', null],
  ['[x]: docs/start.md', null],
  ['![x](gone.png "title")', 'gone.png, which is not there'],
  ['[x](docs/gone.md)', 'docs/gone.md, which is not there'],
  ['[x](../outside.md)', '../outside.md, which is not there'],
  ['[x](/docs/start.md)', '/docs/start.md, which is not there'],
  ['[x]: docs/gone.md', 'docs/gone.md, which is not there'],
  ['[x](docs/start.md#gone)', 'docs/start.md#gone, but docs/start.md has no such heading'],
  ['[x](#gone)', '#gone, but README.md has no such heading'],
])('link %s: %s', (markdown, expected) => {
  const found = brief(checkLinks(filesOf({ ...pages, 'README.md': `# Title\n\n${markdown}\n` })))
  const line = markdown.startsWith('```') ? 4 : 3
  expect(found).toEqual(expected === null ? [] : [`README.md:${line} links to ${expected}`])
})

test('every rule has a name and purpose of its own', () => {
  expect(new Set(RULES.map(({ name }) => name)).size).toBe(RULES.length)
  for (const { name, purpose } of RULES) {
    expect(name).toMatch(/^[a-z]+$/)
    expect(purpose.length).toBeGreaterThan(10)
  }
})

test('a report says what, where and how to fix it, or one line', () => {
  const [first, second] = RULES as [(typeof RULES)[number], (typeof RULES)[number]]
  expect(formatReport([{ rule: first, findings: [] }], 12)).toBe('check: 1 rule over 12 files, all well\n')
  const findings = [
    { file: 'a.ts', line: 3, what: 'is wrong', fix: 'put it right' },
    { file: 'b.ts', what: 'is wrong too', fix: 'put it right' },
  ]
  expect(
    formatReport(
      [
        { rule: first, findings },
        { rule: second, findings: [] },
      ],
      12,
    ),
  ).toBe(
    `${first.name}: ${first.purpose}\n  a.ts:3  is wrong\n  b.ts  is wrong too\n    -> put it right\n\ncheck: 2 findings in ${first.name}\n`,
  )
})
