import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const FILTER = fileURLToPath(new URL('../filter', import.meta.url))
let folder = ''

function message(label: 'ham' | 'spam', n: number): string {
  const words =
    label === 'ham'
      ? ['meeting', 'report', 'garden', 'train', 'dinner', 'paper', 'review']
      : ['casino', 'winner', 'pills', 'prize', 'loan', 'urgent', 'claim']
  const text = Array.from({ length: 40 }, (_, k) => words[(n * 3 + k * k) % words.length]).join(' ')
  return `From: ${label}${n}@${label}.example\nSubject: ${words[n % 7]} ${words[(n + 2) % 7]}\n\n${text}\n`
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'restante-filter-test-'))
  const list: string[] = []
  for (let n = 0; n < 30; n++) {
    for (const label of ['ham', 'spam'] as const) {
      const path = join(folder, `${label} ${n}.eml`)
      await writeFile(path, message(label, n))
      if (n < 25) list.push(`${label}\t${path}`)
    }
  }
  await writeFile(join(folder, 'train.list'), `${list.join('\n')}\n`)
  await writeFile(
    join(folder, 'score.list'),
    [`${folder}/ham 28.eml`, `${folder}/missing`, `${folder}/spam 28.eml`, ''].join('\n'),
  )
})
afterAll(() => rm(folder, { recursive: true }))

/** Replies of the filter command to lines, one process. */
function converse(lines: readonly string[]): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const child = execFile(FILTER, [], { timeout: 60_000 }, (error, stdout) => {
      if (error === null) resolve(stdout.trimEnd().split('\n'))
      else reject(error)
    })
    child.stdin?.end(`${lines.join('\n')}\n`)
  })
}

describe('the filter command', () => {
  it('speaks its protocol', async () => {
    const replies = await converse([
      'RESET',
      `SCORE ${folder}/ham 0.eml`,
      `TRAINLIST ${folder}/train.list`,
      `TRAIN spam ${folder}/spam 26.eml`,
      `SCORE ${folder}/spam 27.eml`,
      `SCORE ${folder}/ham 27.eml`,
      `SCORELIST ${folder}/score.list`,
      'STAT',
      `TRAIN maybe ${folder}/ham 1.eml`,
      `SCORE ${folder}/missing`,
      'DANCE',
      'RESET',
      `SCORE ${folder}/spam 27.eml`,
      'QUIT',
      'STAT',
    ])
    expect(replies[0]).toBe('OK')
    expect(replies[1]).toBe('unsure 0.000000')
    expect(replies.slice(2, 4)).toEqual(['OK', 'OK'])
    expect(replies[4]).toMatch(/^spam \d+\.\d{6}$/)
    expect(replies[5]).toMatch(/^ham -\d+\.\d{6}$/)
    expect(replies[6]).toMatch(/^ham -/)
    expect(replies[7]).toMatch(/^unsure 0 /)
    expect(replies[8]).toMatch(/^spam /)
    expect(replies[9]).toBe('END')
    expect(replies[10]).toMatch(/^bytes=\d+$/)
    expect(replies.slice(11, 14).map((reply) => reply.split(' ')[0])).toEqual(['ERR', 'ERR', 'ERR'])
    expect(replies.slice(14)).toEqual(['OK', 'unsure 0.000000', 'OK'])
  })

  it('gives the same scores each time', async () => {
    const lines = [
      `TRAINLIST ${folder}/train.list`,
      `SCORE ${folder}/spam 29.eml`,
      `SCORE ${folder}/ham 29.eml`,
    ]
    expect(await converse(lines)).toEqual(await converse(lines))
  })
})
