import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { importsOf, lineAt, readSource } from '../src/source-text.ts'

test.each([
  ['a // b', 'a     '],
  ['a /* b\nc */ d', 'a     \n     d'],
  [`x = 'it\\'s' + "a // b"`, `x = '     ' + "      "`],
  ['`a ${b + `c ${d}`} e`', '`  ${b + `  ${d}`}  `'],
  ['`${{ a: `}` }}` + x', '`${{ a: ` ` }}` + x'],
  ['x = /[/"]\\/"/g', 'x = /       /g'],
  ['x = a / b / c', 'x = a / b / c'],
  ['x = a! / b // c', 'x = a! / b     '],
  ['i++ / 2 / "x"', 'i++ / 2 / " "'],
  ['f(x) / g("y")', 'f(x) / g(" ")'],
  ['return /"/.test(x)', 'return / /.test(x)'],
  [`'never closed\nnext`, `'            \nnext`],
  ['`never closed', '`            '],
  ['/* never closed', '               '],
  ["'ends in \\", "'         "],
])('%j is code %j', (source, code) => {
  expect(readSource(source).code).toBe(code)
})

test('whatever the source, its code is as long, with line breaks in the same places', () => {
  const piece = fc.constantFrom(
    "'",
    '"',
    '`',
    '${',
    '}',
    '{',
    '/',
    '*',
    '\\',
    '\n',
    'a',
    ' ',
    '(',
    ')',
    '=',
    '[',
    ']',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const source = pieces.join('')
      const { code } = readSource(source)
      expect(code.length).toBe(source.length)
      for (let i = 0; i < source.length; i++) expect(code[i] === '\n').toBe(source[i] === '\n')
    }),
    { numRuns: 1000 },
  )
})

test('our own sources come apart with every bracket closed', () => {
  const folder = new URL('../src/', import.meta.url)
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  expect(files.length).toBeGreaterThan(10)
  for (const file of files) {
    const { code } = readSource(readFileSync(new URL(file, folder), 'utf8'))
    const open: string[] = []
    for (const character of code) {
      if ('([{'.includes(character)) open.push(character)
      const opening = { ')': '(', ']': '[', '}': '{' }[character]
      if (opening !== undefined) expect(open.pop(), file).toBe(opening)
    }
    expect(open, file).toEqual([])
  }
})

test('imports in every form are found, resolved addresses are not', () => {
  const source = `import a from './a.ts'
import type { B } from "@restante/b"
import './c.ts'
export * from './d.ts'
export {
  e,
} from './e.ts'
const f = await import('./f.ts')
type G = import('./g.ts').G
// import x from './comment.ts'
const text = "import y from './string.ts'"
import.meta.resolve('./resolved.ts')
from('./called.ts')
const z = { from: './property.ts' }
`
  expect(importsOf(source)).toEqual([
    { specifier: './a.ts', line: 1 },
    { specifier: '@restante/b', line: 2 },
    { specifier: './c.ts', line: 3 },
    { specifier: './d.ts', line: 4 },
    { specifier: './e.ts', line: 7 },
    { specifier: './f.ts', line: 8 },
    { specifier: './g.ts', line: 9 },
  ])
})

test.each([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 3],
])('offset %i is in line %i', (offset, line) => {
  expect(lineAt('a\n\nb', offset)).toBe(line)
})
