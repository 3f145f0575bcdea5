import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The line `restante dev --json` prints when everything listens. */
export interface ReadyLine {
  readonly event: 'ready'
  readonly pid: number
  readonly smtp: number
  readonly pop3: number
  readonly pop3s: number
}

/** A running `restante dev`, in a process group of its own. */
export interface Instance extends AsyncDisposable {
  readonly ready: ReadyLine
  readonly data: string
  /** Milliseconds from the start of the process to the ready line. */
  readonly startedInMs: number
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL of the whole process group, as a power cut would. */
  kill(): Promise<void>
}

const COMMAND = join(import.meta.dirname, '../../../restante')

/** Runs a `restante` command to its end. */
export async function runCommand(
  args: readonly string[],
  input?: Uint8Array,
): Promise<{ readonly code: number | null; readonly out: Buffer; readonly err: string }> {
  const child = spawn(COMMAND, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out: Buffer.concat(out), err: Buffer.concat(err).toString() }
}

/** A folder for one test, removed by {@link removeFolder}. */
export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'restante-acceptance-'))
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}

/** Starts `restante dev --json` with further options; rejects with what it said where it does not get ready. */
export async function startInstance(data: string, options: readonly string[]): Promise<Instance> {
  const begun = performance.now()
  const child = spawn(COMMAND, ['dev', '--json', '--data', data, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const ended = once(child, 'exit') as Promise<[number | null]>
  const ready = await Promise.race([
    firstLine(child),
    ended.then(([code]) => Promise.reject(new Error(`restante dev ended with ${code}: ${said}`))),
  ])
  const stop = async (): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    return (await ended)[0]
  }
  return {
    ready,
    data,
    startedInMs: performance.now() - begun,
    stop,
    async kill() {
      process.kill(-(child.pid as number), 'SIGKILL')
      await ended
    },
    async [Symbol.asyncDispose]() {
      await stop()
    },
  }
}

async function firstLine(child: ChildProcess): Promise<ReadyLine> {
  if (child.stdout === null) throw new Error('no standard output')
  const lines = createInterface({ input: child.stdout })
  const [line] = (await once(lines, 'line')) as [string]
  return JSON.parse(line) as ReadyLine
}
