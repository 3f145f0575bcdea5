import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const ENVIRONMENT = { ...process.env, LC_ALL: 'C', LC_MESSAGES: '', LANG: 'C', NO_COLOR: '1' }

/** How a command ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function begin(line: readonly string[], cwd: string): ChildProcess {
  return spawn(process.execPath, [MAIN, ...line], { cwd, env: ENVIRONMENT })
}

/** Runs the real command in its own process. */
export async function run(cwd: string, line: readonly string[], input = ''): Promise<Ended> {
  const child = begin(line, cwd)
  const [stdout, stderr] = [[] as Buffer[], [] as Buffer[]]
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk))
  child.stdin?.end(input)
  const [code] = await once(child, 'close')
  return {
    code: code as number | null,
    stdout: Buffer.concat(stdout).toString('latin1'),
    stderr: Buffer.concat(stderr).toString(),
  }
}

/** A command that stays: `dev` or `serve`. */
export interface Standing {
  readonly pid: number
  /** The ready line, read. */
  readonly ready: Readonly<Record<string, unknown>>
  /** Sends SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
}

/** Starts `dev` or `serve` with --json and waits for its ready line. */
export async function stand(cwd: string, line: readonly string[]): Promise<Standing> {
  const child = begin([...line, '--json'], cwd)
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += String(chunk)
  })
  const ended = once(child, 'close')
  const first = await Promise.race([
    once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line'),
    ended.then(() => null),
  ])
  if (first === null) throw new Error(`ended before it was ready: ${errors}`)
  return {
    pid: child.pid as number,
    ready: JSON.parse(String(first[0])) as Record<string, unknown>,
    async stop() {
      if (child.exitCode === null) child.kill('SIGTERM')
      const [code] = await ended
      return code as number | null
    },
  }
}

/** Starts a command that stays, for a person: what it prints until a line that matches `last`. */
export async function show(
  cwd: string,
  line: readonly string[],
  last: RegExp,
): Promise<{ readonly text: string; stop(): Promise<number | null> }> {
  const child = begin(line, cwd)
  const ended = once(child, 'close')
  child.stderr?.resume()
  let text = ''
  for await (const each of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    text += `${each}\n`
    if (last.test(each)) break
  }
  child.stdout?.resume()
  return {
    text,
    async stop() {
      if (child.exitCode === null) child.kill('SIGTERM')
      return (await ended)[0] as number | null
    },
  }
}
