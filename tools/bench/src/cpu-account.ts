import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { processTree } from './process-tree.ts'

/** Counts the CPU of a server: its process and everything it starts. */
export interface CpuAccount {
  /** How it counts, in words. */
  readonly how: string
  /** The command that runs `command` under this account; its process id is that of `command` itself. */
  wrap(command: string, args: readonly string[]): readonly [string, readonly string[]]
  /** CPU so far; only differences say something, and only while `root` is the same process. */
  readMs(root: number): number
  /** After the last of its processes has ended. */
  close(): Promise<void>
}

/**
 * Opens an account. A control group of its own counts exactly, processes that ended included; where none can be made, what
 * `/proc` says of the tree is summed up, in steps of 10 ms, with children that ended once their parent waited for them.
 */
export function openCpuAccount(name: string): CpuAccount {
  for (const group of groupsToTry()) {
    const folder = join(group.under, `restante-bench-${process.pid}-${name}`)
    try {
      mkdirSync(folder)
      // Joining must work too: mounts may be read-only for processes.
      if (spawnSync('/bin/sh', ['-c', `echo $$ > "$0"/cgroup.procs`, folder]).status === 0)
        return controlGroup(folder, group)
      rmdirSync(folder)
    } catch {
      // The next one may be writable.
    }
  }
  return {
    how: 'utime+stime+cutime+cstime of the process tree in /proc (10 ms steps)',
    wrap: (command, args) => [command, args],
    readMs: (root) => processTree(root).reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    close: async () => {},
  }
}

interface Group {
  readonly under: string
  readonly version: 1 | 2
}

/** Where control groups can be made: below our own in version 2, in `cpuacct` of version 1. */
function groupsToTry(): Group[] {
  const groups: Group[] = []
  try {
    const own = readFileSync('/proc/self/cgroup', 'utf8').split('\n')
    for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
      const [, mount = '', type, options = ''] = line.split(' ')
      if (type === 'cgroup2') {
        const path = own.find((each) => each.startsWith('0::'))?.slice(3) ?? '/'
        groups.unshift({ under: join(mount, path), version: 2 })
      } else if (type === 'cgroup' && options.split(',').includes('cpuacct')) {
        const path = own.find((each) => /^\d+:([^:]*,)?cpuacct(,[^:]*)?:/.test(each))?.split(':')[2] ?? '/'
        groups.push({ under: join(mount, path), version: 1 })
      }
    }
  } catch {
    // No /proc: not Linux.
  }
  return groups
}

function controlGroup(folder: string, { version }: Group): CpuAccount {
  return {
    how: `control group of its own (version ${version}), ended processes included`,
    wrap: (command, args) => [
      '/bin/sh',
      ['-c', `echo $$ > "$0"/cgroup.procs && exec "$@"`, folder, command, ...args],
    ],
    readMs() {
      if (version === 1) return Number(readFileSync(join(folder, 'cpuacct.usage'), 'utf8')) / 1e6
      return Number(/^usage_usec (\d+)/m.exec(readFileSync(join(folder, 'cpu.stat'), 'utf8'))?.[1]) / 1000
    },
    async close() {
      for (let tries = 0; tries < 50; tries++) {
        try {
          rmdirSync(folder)
          return
        } catch {
          // Its last process is not reaped yet.
          await wait(100)
        }
      }
    },
  }
}
