import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'restante-tally-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A file of results as vitest's JSON reporter writes them, as far as the tally reads it. */
function results(
  passed: number,
  failed: number,
  skipped: number,
  brokenFiles: readonly string[] = [],
): object {
  const assertionResults = [
    ...Array.from({ length: failed }, () => ({ status: 'failed' })),
    ...Array.from({ length: passed }, () => ({ status: 'passed' })),
  ]
  return {
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
    numTodoTests: 0,
    testResults: [
      { name: 'a.test.ts', status: failed > 0 ? 'failed' : 'passed', message: '', assertionResults },
      ...brokenFiles.map((name) => ({
        name,
        status: 'failed',
        message: 'no such module',
        assertionResults: [],
      })),
    ],
  }
}

function tally(
  written: object | null,
  exitCode: number,
): { line: string; status: number | null; said: string } {
  const file = join(folder, 'results.json')
  rmSync(file, { force: true })
  if (written !== null) writeFileSync(file, JSON.stringify(written))
  const program = join(import.meta.dirname, '../tally.mjs')
  const done = spawnSync(process.execPath, [program, file, String(exitCode)], { encoding: 'utf8' })
  return { line: done.stdout.trimEnd().split('\n').at(-1) ?? '', status: done.status, said: done.stdout }
}

describe('the closing line', () => {
  test.each([
    ['all well', results(7, 0, 2), 0, '7 passed, 0 failed, 2 skipped', 0],
    ['a failed test', results(6, 1, 0), 1, '6 passed, 1 failed, 0 skipped', 1],
    [
      'a file that broke before its first test',
      results(3, 0, 0, ['b.test.ts']),
      1,
      '3 passed, 1 failed, 0 skipped',
      1,
    ],
    ['a failed build step', results(3, 0, 0), 2, '3 passed, 1 failed, 0 skipped', 1],
    ['a failed build step and a failed test', results(3, 1, 0), 3, '3 passed, 2 failed, 0 skipped', 1],
    ['an error outside of any test', results(3, 0, 0), 1, '3 passed, 1 failed, 0 skipped', 1],
    ['nothing but skipped tests', results(0, 0, 9), 0, '0 passed, 1 failed, 9 skipped', 1],
    ['no results at all', null, 0, '0 passed, 1 failed, 0 skipped', 1],
    ['no results and an exit by signal', null, 143, '0 passed, 1 failed, 0 skipped', 1],
  ])('with %s', (_case, written, exitCode, line, status) => {
    expect(tally(written, exitCode)).toMatchObject({ line, status })
  })

  test('is preceded by the name of a file that broke', () => {
    expect(tally(results(3, 0, 0, ['b.test.ts']), 1).said).toContain('failed: b.test.ts: no such module')
  })
})
