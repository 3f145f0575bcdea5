import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const FOLDER = new URL('.', import.meta.url)
const LINES = readFileSync(new URL('sentences.md', FOLDER), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('- '))

test.each(LINES)('%s', (line) => {
  const proof = /^- .+[.] `([^`]+)`(?: (.+))?$/.exec(line)
  expect(proof).not.toBeNull()
  const [, file = '', name] = proof ?? []
  const path = new URL(file, FOLDER)
  expect(existsSync(path)).toBe(true)
  if (name === undefined) expect(file).toMatch(/^dialogues\//)
  else expect(readFileSync(path, 'utf8')).toContain(`'${name}'`)
})

test('every dialogue proves a sentence', () => {
  const text = LINES.join('\n')
  const idle = readdirSync(new URL('dialogues/', FOLDER)).filter(
    (name) => !text.includes(`dialogues/${name}`),
  )
  expect(idle).toEqual([])
})
