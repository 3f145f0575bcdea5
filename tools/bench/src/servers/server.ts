import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, type WriteStream } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { CpuAccount } from '../cpu-account.ts'

/** A mail server that is being measured. */
export interface MailServer {
  /** Its name in cells and tables: `restante`, `dovecot`, `postfix`… */
  readonly name: string
  readonly ports: { readonly smtp?: number; readonly pop3?: number; readonly pop3s?: number }
  /** The process everything of it descends from. */
  readonly pid: number
  readonly cpu: CpuAccount
  /** Ends it and starts it anew on the same data. */
  restart(): Promise<void>
  /** Waits until everything accepted has been delivered. @throws {ServerError} where something stays undelivered */
  settle(): Promise<void>
  /** Messages it keeps, for comparison with those acknowledged; the server must be stopped. */
  countStored(): Promise<number>
  stop(): Promise<void>
}

/** A server that did not start, or did not behave. */
export class ServerError extends Error {
  readonly code = 'server'
}

const STOP_MS = 20_000
const LISTEN_MS = 30_000

/** A program in the foreground, its output in a file. */
export interface Running {
  readonly pid: number
  readonly child: ChildProcess
  /** SIGTERM, then after 20 s SIGKILL to its process group; resolves when it has ended. */
  stop(): Promise<void>
}

/** Starts a program under a CPU account, in a process group of its own so that ^C reaches the bench alone. */
export async function startProgram(
  command: string,
  args: readonly string[],
  options: {
    readonly cpu: CpuAccount
    readonly log: string
    readonly cwd: string
    readonly env?: NodeJS.ProcessEnv
    readonly onOutput?: (text: string) => void
  },
): Promise<Running> {
  const [program, wrapped] = options.cpu.wrap(command, args)
  const log: WriteStream = createWriteStream(options.log, { flags: 'a', mode: 0o600 })
  const child = spawn(program, wrapped, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (error) => reject(new ServerError(`${command}: ${error.message}`, { cause: error })))
  })
  const pid = child.pid as number
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    log.write(text)
    options.onOutput?.(text)
  })
  child.stderr?.on('data', (octets: Buffer) => log.write(octets))
  const killGroup = (): void => {
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // Already gone.
    }
  }
  // Should the bench itself die of an error, nothing stays behind.
  process.once('exit', killGroup)
  return {
    pid,
    child,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      const timer = setTimeout(killGroup, STOP_MS)
      await ended
      clearTimeout(timer)
      process.off('exit', killGroup)
      log.end()
    },
  }
}

/** Waits until something listens on a port of this machine. @throws {ServerError} after 30 s, or when `running` ended */
export async function waitForPort(port: number, running: Running): Promise<void> {
  const lateMs = performance.now() + LISTEN_MS
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port }, () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (open) return
    if (running.child.exitCode !== null || performance.now() > lateMs)
      throw new ServerError(`nothing listens on port ${port}`)
    await wait(50)
  }
}
