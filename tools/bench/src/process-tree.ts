import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts CPU in hundredths of a second here, whatever its own tick is (`USER_HZ`). */
const TICK_MS = 10

/** One row of `/proc/PID/stat`, as far as it is used. */
export interface ProcessStat {
  readonly pid: number
  readonly parent: number
  /** CPU of itself and of its children that ended and were waited for. */
  readonly cpuMs: number
}

/** Reads a line of `/proc/PID/stat`; the program's name in it may hold anything. Null where it is none. */
export function parseProcessStat(text: string): ProcessStat | null {
  const end = text.lastIndexOf(')')
  const pid = Number.parseInt(text, 10)
  if (end < 0 || !Number.isInteger(pid)) return null
  // After the name: state, parent, … ; 11 to 14 of them are utime, stime, cutime, cstime.
  const fields = text.slice(end + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { pid, parent: Number(fields[1]), cpuMs: ticks * TICK_MS }
}

/** The process and all that descend from it, as they are now; empty where it is gone. */
export function processTree(root: number): readonly ProcessStat[] {
  const children = new Map<number, ProcessStat[]>()
  let top: ProcessStat | null = null
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    let stat: ProcessStat | null
    try {
      stat = parseProcessStat(readFileSync(`/proc/${name}/stat`, 'utf8'))
    } catch {
      continue
    }
    if (!stat) continue
    if (stat.pid === root) top = stat
    const siblings = children.get(stat.parent)
    if (siblings) siblings.push(stat)
    else children.set(stat.parent, [stat])
  }
  if (!top) return []
  const tree = [top]
  for (let at = 0; at < tree.length; at++) tree.push(...(children.get((tree[at] as ProcessStat).pid) ?? []))
  return tree
}

/** Memory of a process and its descendants in KB, shared pages counted by their share (PSS). */
export function treePssKb(root: number): number {
  let sum = 0
  for (const { pid } of processTree(root)) {
    try {
      const line = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))
      sum += Number(line?.[1] ?? 0)
    } catch {
      // Gone meanwhile, or not ours to look at.
    }
  }
  return sum
}
