import { readFileSync } from 'node:fs'

/** Who holds something: a process id together with when that process started, so that a reused id is told apart. */
export interface ProcessIdentity {
  readonly pid: number
  /** Start time in the system's own units; empty where the system does not tell. */
  readonly started: string
}

/** Start time of a process, empty where the system has no /proc, null where there is no such process. */
function startTime(pid: number): string | null {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && process.platform === 'linux') return null
    return ''
  }
  // The command in parentheses may hold anything, spaces and parentheses too; field 22 counts from behind it.
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, started: startTime(process.pid) ?? '' }
}

/** Whether the process of that identity still lives. In doubt it does. */
export function isAlive(identity: ProcessIdentity): boolean {
  const started = startTime(identity.pid)
  if (started === null) return false
  if (started !== '' && identity.started !== '') return started === identity.started
  try {
    process.kill(identity.pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/**
 * A name for one opened store, that tells which process has it: `ID.PID.STARTED`. Its segments' names start with it, so
 * that nothing but the name is needed to know whether they are still written.
 */
export function instanceName(id: string): string {
  const { pid, started } = ownIdentity()
  return `${id}.${pid}.${started}`
}

/** The instance a segment's name starts with. */
export function instanceOf(segment: string): string {
  return segment.slice(0, segment.indexOf('-'))
}

/** Whether the process of an instance still lives. A name of another form belongs to nobody. */
export function isInstanceAlive(instance: string): boolean {
  const match = /^[^.]+\.(\d+)\.(\d*)$/.exec(instance)
  return match !== null && isAlive({ pid: Number(match[1]), started: match[2] as string })
}

/** A name for the time since the machine started, or empty where the system does not tell. */
export function bootName(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().slice(0, 13)
  } catch {
    return ''
  }
}
