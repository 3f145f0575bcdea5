import { readFileSync, statfsSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'

/** File systems that keep everything in memory: there nothing is durable, and nothing costs what it costs on a disk. */
const IN_MEMORY: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
])

/** What a table of figures is worth nothing without. */
export interface Surroundings {
  readonly cores: number
  readonly cpu: string
  readonly memoryGb: number
  readonly kernel: string
  readonly node: string
  readonly fileSystem: string
  /** Processes that wanted to run in the last minute, before the bench began. */
  readonly loadBefore: number
  readonly warnings: readonly string[]
}

/** Looks at the machine, and at the disk under a folder. */
export function lookAround(folder: string): Surroundings {
  const memory = IN_MEMORY.get(statfsSync(folder).type)
  const [load = 0] = loadavg()
  const warnings: string[] = []
  if (memory) warnings.push(`${memory} is no disk: choose another --directory`)
  if (load > 0.5)
    warnings.push(`the machine was busy (load ${load.toFixed(1)}): ratios may still hold, figures do not`)
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    fileSystem: memory ?? fileSystemOf(folder),
    loadBefore: load,
    warnings,
  }
}

/** The type of the mount a folder is on; the longest mount point wins. */
function fileSystemOf(folder: string): string {
  try {
    let best = ['', 'unknown']
    for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
      const [, point = '', type = ''] = line.split(' ')
      const under = point === '/' || folder === point || folder.startsWith(`${point}/`)
      if (under && point.length >= (best[0] as string).length) best = [point, type]
    }
    return best[1] as string
  } catch {
    return 'unknown'
  }
}
