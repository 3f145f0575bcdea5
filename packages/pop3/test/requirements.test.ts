import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const packages = new URL('../../', import.meta.url)
const rows = readFileSync(new URL('../docs/requirements.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^\| [A-Z]\d+ \|/.test(line))
  .map((line) => {
    const [id = '', sentence = '', proof = ''] = line.slice(2, -2).split(' | ')
    return { id, sentence, proof }
  })
const dialogues = readdirSync(new URL('dialogues/', import.meta.url))

describe('requirements', () => {
  test.each(rows)('$id: $sentence', ({ proof }) => {
    const proofs = proof.split('<br>')
    expect(proofs.length).toBeGreaterThan(0)
    for (const one of proofs) {
      const dialogue = /^`dialogues\/(.+)`$/.exec(one)?.[1]
      const named = /^`(.+\.test\.ts)`: (.+)$/.exec(one)
      const part = /^part: ([a-z-]+)/.exec(one)?.[1]
      if (dialogue !== undefined) expect(dialogues).toContain(dialogue)
      else if (named !== null) {
        const [, file = '', name = ''] = named
        expect(readFileSync(new URL(file, packages), 'utf8')).toContain(`'${name}'`)
      } else expect(readdirSync(packages)).toContain(part)
    }
  })

  test('every dialogue belongs to a sentence and says its title', () => {
    const proofs = rows.map((row) => row.proof).join('\n')
    for (const file of dialogues) {
      expect(proofs).toContain(`\`dialogues/${file}\``)
      const first = readFileSync(new URL(`dialogues/${file}`, import.meta.url), 'utf8').split('\n')[0] ?? ''
      expect(first).toMatch(new RegExp(`^# ${file.split('-')[0]}`, 'i'))
    }
  })
})
