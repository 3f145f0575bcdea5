/** One measurement of one subject (a server, a store, the disk). */
export interface Sample {
  /** In the cell's unit. */
  readonly figure: number
  /** CPU seconds of the server per 1,000 operations; null where nobody counted. */
  readonly cpuSPerThousand: number | null
  /** CPU the load's own process used, as a share of one core: near 1 it was the load that set the pace. */
  readonly loadShare: number | null
  /** Other figures worth telling, by name. */
  readonly more?: Readonly<Record<string, number>>
}

/** One thing that is measured, side by side. */
export interface Cell {
  readonly name: string
  /** What happens, in a line. */
  readonly about: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  /** Who is measured, in the order of turns. */
  readonly subjects: readonly string[]
  /** Measures one subject once. @throws {Error} where it did not do what it should */
  measure(subject: string): Promise<Sample>
}

/** What became of a cell and one subject. */
export interface SubjectResult {
  readonly subject: string
  /** One for each pass; null where that pass failed. */
  readonly samples: readonly (Sample | null)[]
  readonly errors: readonly string[]
}

/** What became of a cell. */
export interface CellResult {
  readonly cell: Cell
  readonly subjects: readonly SubjectResult[]
}

/**
 * Measures cells in passes: each pass of a cell takes every subject once, in turns that start with another one each pass, so
 * that a slow minute of the machine meets them all.
 */
export async function measureCells(
  cells: readonly Cell[],
  options: {
    readonly passes: number
    readonly signal: AbortSignal
    readonly onSample: (cell: Cell, subject: string, pass: number, outcome: Sample | Error) => void
  },
): Promise<readonly CellResult[]> {
  const results: CellResult[] = []
  for (const cell of cells) {
    const samples = new Map<string, (Sample | null)[]>(cell.subjects.map((subject) => [subject, []]))
    const errors = new Map<string, string[]>(cell.subjects.map((subject) => [subject, []]))
    for (let pass = 0; pass < options.passes; pass++) {
      for (const subject of rotate(cell.subjects, pass)) {
        options.signal.throwIfAborted()
        try {
          const sample = await cell.measure(subject)
          samples.get(subject)?.push(sample)
          options.onSample(cell, subject, pass, sample)
        } catch (error) {
          if (options.signal.aborted) throw error
          samples.get(subject)?.push(null)
          errors.get(subject)?.push((error as Error).message)
          options.onSample(cell, subject, pass, error as Error)
        }
      }
    }
    results.push({
      cell,
      subjects: cell.subjects.map((subject) => ({
        subject,
        samples: samples.get(subject) ?? [],
        errors: errors.get(subject) ?? [],
      })),
    })
  }
  return results
}

function rotate<T>(all: readonly T[], by: number): readonly T[] {
  const first = all.length === 0 ? 0 : by % all.length
  return [...all.slice(first), ...all.slice(0, first)]
}

/** The cell of that name; where there is none, all whose name starts with it and a hyphen. */
export function cellsNamed(wanted: string, names: readonly string[]): readonly string[] {
  return names.includes(wanted) ? [wanted] : names.filter((name) => name.startsWith(`${wanted}-`))
}
