import { readFileSync } from 'node:fs'

/** Who holds something: a process id together with when that process started, so that a reused id is told apart. */
export interface ProcessIdentity {
  readonly pid: number
  /** The machine's start and, in ticks since, the process's; empty where the system does not tell. */
  readonly started: string
}

/** A name for the time since the machine started, or empty where the system does not tell. */
function bootName(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().slice(0, 13)
  } catch {
    return ''
  }
}

const BOOT = bootName()

/** When a process started, empty where the system has no /proc, null where there is no such process. */
function startOf(pid: number): string | null {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && process.platform === 'linux' ? null : ''
  }
  // The command in parentheses may hold anything, spaces and parentheses too; field 22 counts from behind it.
  const ticks = text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
  return ticks === undefined ? '' : `${BOOT}-${ticks}`
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, started: startOf(process.pid) ?? '' }
}

/** Whether the process of that identity still lives. In doubt it does. */
export function isAlive(identity: ProcessIdentity): boolean {
  const started = startOf(identity.pid)
  if (started === null) return false
  if (started !== '' && identity.started !== '') return started === identity.started
  try {
    process.kill(identity.pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** A name for one opened store that tells which process has it: `ID.PID.STARTED`. */
export function instanceName(id: string): string {
  const { pid, started } = ownIdentity()
  return `${id}.${pid}.${started}`
}

/** Whether the process of an instance still lives. A name of another form belongs to nobody. */
export function isInstanceAlive(instance: string): boolean {
  const match = /^[^.]+\.(\d+)\.([^.]*)$/.exec(instance)
  return match !== null && isAlive({ pid: Number(match[1]), started: match[2] as string })
}
