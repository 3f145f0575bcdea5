import { describe, expect, test } from 'vitest'
import { type Cell, type CellResult, cellsNamed, measureCells, type Sample } from '../src/cells.ts'
import { OptionError, readOptions } from '../src/options.ts'
import { POP3_CELLS } from '../src/pop3-bench.ts'
import { parseProcessStat } from '../src/process-tree.ts'
import { formatReport } from '../src/report.ts'
import { SMTP_CELLS } from '../src/smtp-bench.ts'
import { STORE_CELLS } from '../src/store-bench.ts'
import { judgeTarget, TARGETS, type Target } from '../src/targets.ts'

const sample = (figure: number, cpu: number | null = null): Sample => ({
  figure,
  cpuSPerThousand: cpu,
  loadShare: null,
})

function result(
  better: Cell['better'],
  figures: Readonly<Record<string, readonly (number | null)[]>>,
): CellResult {
  const subjects = Object.keys(figures)
  const cell: Cell = {
    name: 'c',
    about: 'a cell',
    unit: 'x/s',
    better,
    subjects,
    measure: async () => sample(0),
  }
  return {
    cell,
    subjects: subjects.map((subject) => ({
      subject,
      samples: (figures[subject] ?? []).map((figure) =>
        figure === null ? null : sample(figure, figure / 100),
      ),
      errors: [],
    })),
  }
}

const target = (change: Partial<Target>): Target => ({
  cell: 'c',
  what: 'figure',
  subject: 'restante',
  against: ['a'],
  bound: 'at-least',
  target: 2,
  stretch: 3,
  ...change,
})

describe('a target is judged by the median ratio of the same pass', () => {
  test.each<[string, Partial<Target>, CellResult, string, number | null]>([
    ['met', {}, result('higher', { restante: [20, 20, 90], a: [10, 8, 10] }), 'met', 2.5],
    ['with its stretch', {}, result('higher', { restante: [30], a: [10] }), 'stretch', 3],
    ['missed', {}, result('higher', { restante: [19], a: [10] }), 'missed', 1.9],
    [
      'by the best of several',
      { against: ['a', 'b'] },
      result('higher', { restante: [30], a: [10], b: [20] }),
      'missed',
      1.5,
    ],
    [
      'not by some of several',
      { against: ['a', 'b'] },
      result('higher', { restante: [30], a: [10], b: [null] }),
      'unknown',
      null,
    ],
    [
      'where less is better, by the least',
      { against: ['a', 'b'], bound: 'at-most', target: 0.5, stretch: null },
      result('lower', { restante: [10], a: [20], b: [100] }),
      'met',
      0.5,
    ],
    [
      'CPU is always better less',
      { what: 'cpu', against: ['a', 'b'], bound: 'at-most', target: 0.5, stretch: null },
      result('higher', { restante: [10], a: [15], b: [100] }),
      'missed',
      10 / 15,
    ],
    [
      'a figure by itself',
      { against: [], bound: 'at-most', target: 40, stretch: 20 },
      result('lower', { restante: [30] }),
      'met',
      30,
    ],
    [
      'a pass that failed is left out',
      {},
      result('higher', { restante: [null, 30], a: [10, 10] }),
      'stretch',
      3,
    ],
    ['without a peer', {}, result('higher', { restante: [30] }), 'unknown', null],
  ])('%s', (_, change, cell, outcome, ratio) => {
    const judged = judgeTarget(target(change), [cell])
    expect(judged.outcome).toBe(outcome)
    if (ratio === null) expect(judged.ratio).toBeNull()
    else expect(judged.ratio?.median).toBeCloseTo(ratio)
  })

  test('every target speaks of a cell there is', () => {
    for (const { cell } of TARGETS) expect([...POP3_CELLS, ...SMTP_CELLS]).toContain(cell)
  })
})

test('passes take turns, and a failure spoils one of them only', async () => {
  const turns: string[] = []
  const cell: Cell = {
    name: 'c',
    about: '',
    unit: '',
    better: 'higher',
    subjects: ['a', 'b'],
    async measure(subject) {
      turns.push(subject)
      if (turns.length === 2) throw new Error('broken')
      return sample(turns.length)
    },
  }
  const [measured] = await measureCells([cell], {
    passes: 2,
    signal: new AbortController().signal,
    onSample: () => {},
  })
  expect(turns).toEqual(['a', 'b', 'b', 'a'])
  expect(measured?.subjects.map(({ samples }) => samples.map((each) => each?.figure ?? null))).toEqual([
    [1, 4],
    [null, 3],
  ])
  expect(measured?.subjects[1]?.errors).toEqual(['broken'])
})

test('an interrupted run measures nothing more', async () => {
  const cell: Cell = { ...result('higher', { a: [] }).cell, measure: async () => sample(1) }
  await expect(
    measureCells([cell], { passes: 1, signal: AbortSignal.abort(), onSample: () => {} }),
  ).rejects.toThrow()
})

test('the report has every figure, every target and every failure', () => {
  const cell = result('higher', { restante: [20, 30, 40], a: [10, 10, 10] })
  const text = formatReport({
    startedAt: '2026-11-22T00:00:00.000Z',
    surroundings: {
      cores: 2,
      cpu: 'some CPU',
      memoryGb: 4,
      kernel: '6.0',
      node: 'v26.0.0',
      fileSystem: 'ext4',
      loadBefore: 0,
      warnings: [],
    },
    versions: ['a 1.0'],
    cpuCounted: 'somehow',
    passes: 3,
    scale: 1,
    skipped: ['b: not here'],
    results: [cell],
    judgements: [judgeTarget(target({}), [cell])],
    checks: [],
    failures: ['c, a: broken'],
  })
  expect(text).toContain('| restante | 30.0 [20.0..40.0] | 0.300 [0.200..0.400] |')
  expect(text).toContain('| a | 10.0 [10.0..10.0] | 0.100 [0.100..0.100] | 3.00x | 3.00x |')
  expect(text).toContain('| c: x/s vs a | >= 2x (3x) | 3.00 [2.00..4.00]x | yes, and the stretch |')
  expect(text).toContain('- skipped: b: not here')
  expect(text).toContain('- c, a: broken')
})

describe('a line of /proc/PID/stat', () => {
  const numbers = Array.from({ length: 50 }, (_, index) => index + 3)
  const fields = ['S', 41, ...numbers.slice(2)].join(' ')

  test.each([
    ['node', 42],
    ['a) b (c', 42],
    ['', 42],
  ])('of a program called %j', (name, pid) => {
    // utime, stime, cutime, cstime are fields 14 to 17 (proc(5)).
    expect(parseProcessStat(`${pid} (${name}) ${fields}`)).toEqual({
      pid,
      parent: 41,
      cpuMs: (14 + 15 + 16 + 17) * 10,
    })
  })

  test('is told from anything else', () => {
    expect(parseProcessStat('')).toBeNull()
    expect(parseProcessStat('nothing of the kind')).toBeNull()
  })
})

describe('the command line', () => {
  const cells = { store: STORE_CELLS, pop3: POP3_CELLS, smtp: SMTP_CELLS }
  const read = (...line: string[]) => readOptions(line, (kind) => cells[kind])

  test('means everything when empty', () => {
    expect(read()).toMatchObject({
      kinds: ['store', 'pop3', 'smtp'],
      only: [],
      passes: 5,
      scale: 1,
      json: false,
    })
    expect([...read().peers]).toEqual(['dovecot', 'postfix'])
    expect([...read('--peers', 'none').peers]).toEqual([])
  })

  test('a cell chooses its kind', () => {
    expect(read('--only', 'idle').kinds).toEqual(['pop3'])
    expect(read('all', '--only', 'smtp-1k', '--only', 'disk').kinds).toEqual(['store', 'smtp'])
  })

  test('a name means that cell, or all that start with it', () => {
    expect(cellsNamed('idle', POP3_CELLS)).toEqual(['idle'])
    expect(cellsNamed('big', POP3_CELLS)).toEqual(['big-warm', 'big-cold'])
    expect(cellsNamed('bi', POP3_CELLS)).toEqual([])
  })

  test.each([
    [['imap']],
    [['pop3', 'smtp']],
    [['pop3', '--only', 'smtp-1k']],
    [['--passes', '0']],
    [['--passes', '1.5']],
    [['--scale', '100']],
    [['--scale', 'much']],
    [['--peers', 'exim']],
    [['--frobnicate']],
  ])('%j is refused', (line) => {
    expect(() => read(...line)).toThrow(OptionError)
  })
})
