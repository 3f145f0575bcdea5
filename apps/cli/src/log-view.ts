import { dim, hasColour, printable, red, yellow } from './terminal.ts'

/** Shows JSON log lines to a person: time, role, event, fields. */
export class LogView {
  readonly #out: NodeJS.WriteStream
  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  show(line: string): void {
    this.#out.write(`${formatLogLine(line, hasColour(this.#out))}\n`)
  }
}

/** One log line for reading; a line that is not JSON comes back as it is. */
export function formatLogLine(line: string, colour: boolean): string {
  const entry = readEntry(line)
  if (entry === null) return printable(line, 1000)
  const { level, at, event, role, pid: _pid, ...fields } = entry
  const shown = Object.entries(fields)
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => `${dim(`${name}=`, colour)}${printable(String(value))}`)
    .join(' ')
  const mark =
    level === 'error' ? red('✗', colour) : level === 'warn' ? yellow('!', colour) : dim('·', colour)
  return `${dim(String(at ?? '').slice(11, 23), colour)} ${mark} ${String(role ?? '').padEnd(8)} ${printable(String(event ?? ''))}  ${shown}`.trimEnd()
}

function readEntry(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}
