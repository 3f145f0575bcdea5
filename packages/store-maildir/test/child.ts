import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** A process of a test, with the lines it has said so far. */
export interface Child {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>
  /** Whole lines only: what a killed process wrote halfway counts as not said. */
  readonly lines: string[]
  /** Resolves when it has said a line, rejects when it ended before. */
  said(line: string): Promise<void>
  /** Tells it a line and answers with the next one it says. */
  ask(line: string): Promise<string>
  /** Resolves when it has ended and all it said was read. */
  readonly ended: Promise<void>
  /** Kills it at once and waits until all it said was read. */
  kill(): Promise<void>
}

/** Runs a TypeScript file of this folder in a process of its own. */
export function startChild(file: string, ...args: readonly string[]): Child {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  const lines: string[] = []
  let rest = ''
  let errors = ''
  let closed = false
  const waiting = new Set<() => void>()
  const tell = (): void => {
    for (const look of [...waiting]) look()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    tell()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const ended = once(child, 'close').then(() => {
    closed = true
    tell()
  })
  return {
    process: child,
    lines,
    ended,
    said: (line) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (lines.includes(line)) resolve()
          else if (closed) reject(new Error(`the process ended before it said ${line}: ${errors}`))
          else return
          waiting.delete(look)
        }
        waiting.add(look)
        look()
      }),
    ask: (line) =>
      new Promise((resolve, reject) => {
        const from = lines.length
        const look = (): void => {
          if (lines.length > from) resolve(lines[from] as string)
          else if (closed) reject(new Error(`the process ended before it answered ${line}: ${errors}`))
          else return
          waiting.delete(look)
        }
        waiting.add(look)
        child.stdin.write(`${line}\n`)
      }),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
