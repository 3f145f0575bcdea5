import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Config, FromRole, Listen, Ports, ToRole } from '@restante/runtime'

/** Roles in the order they start; each is a process of its own. */
export const ROLES = ['receiver', 'pop3d', 'learner'] as const
export type Role = (typeof ROLES)[number]

/** A role that could not start; nothing is left running. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure'
  readonly role: Role
  readonly code: string
  constructor(role: Role, code: string, message: string) {
    super(message)
    this.role = role
    this.code = code
  }
}

/** Something that happened to a role after the start. */
export interface RoleEvent {
  readonly role: Role
  readonly event: 'exited' | 'restarting' | 'silent' | 'reloaded'
  readonly detail: string
}

/** The running roles. */
export interface Supervisor {
  readonly ports: Ports
  /** Hands changed settings to every role; no session is dropped. */
  reload(config: Config): void
  /** Stops all roles: they finish what they began. True if every one ended cleanly. */
  stop(): Promise<boolean>
}

/** What {@link startRoles} may be told. */
export interface SuperviseOptions {
  /** Lines of the roles' log, where they should not go to standard error as they are. */
  readonly onLogLine?: (line: string) => void
  readonly onEvent?: (event: RoleEvent) => void
  /** A role that has not shown life for this long is killed and started again. */
  readonly silentMs?: number
  /** The program of a role; `@restante/ROLE/main` otherwise. */
  readonly programOf?: (role: Role) => URL
}

const START_DEADLINE_MS = 30_000
const STOP_DEADLINE_MS = 25_000
const BACKOFF_MS = [200, 500, 1000, 2000, 5000, 10_000] as const

interface Worker {
  readonly role: Role
  child: ChildProcess
  lastAliveMs: number
  crashes: number
  startedMs: number
}

/**
 * Starts roles as child processes and keeps them running: a crash of one never takes another down; it is started
 * again with growing pauses, on the ports it had.
 * @throws {StartFailure} if one cannot start at all; the others have been stopped again
 */
export async function startRoles(
  roles: readonly Role[],
  config: Config,
  options: SuperviseOptions = {},
): Promise<Supervisor> {
  const ports: Record<string, number> = {}
  const workers = new Map<Role, Worker>()
  let current = config
  let stopping = false

  const launch = (role: Role): Promise<Ports> => {
    const program = options.programOf?.(role) ?? import.meta.resolve(`@restante/${role}/main`)
    const child = fork(fileURLToPath(program), [], {
      stdio: ['ignore', 2, options.onLogLine ? 'pipe' : 'inherit', 'ipc'],
      execArgv: process.execArgv,
    })
    const worker: Worker = {
      role,
      child,
      lastAliveMs: Date.now(),
      crashes: workers.get(role)?.crashes ?? 0,
      startedMs: Date.now(),
    }
    workers.set(role, worker)
    if (options.onLogLine) forwardLines(child, options.onLogLine)
    const { promise, resolve, reject } = Promise.withResolvers<Ports>()
    const late = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new StartFailure(role, 'timeout', `${role} did not start within ${START_DEADLINE_MS / 1000} s.`))
    }, START_DEADLINE_MS)
    let ready = false
    child.on('message', (message: FromRole) => {
      worker.lastAliveMs = Date.now()
      if (message.type === 'ready') {
        ready = true
        Object.assign(ports, message.ports)
        resolve(message.ports)
      } else if (message.type === 'failed') {
        reject(new StartFailure(role, message.code, message.message))
      } else if (message.type === 'reloaded' && message.restartFor.length > 0) {
        options.onEvent?.({
          role,
          event: 'reloaded',
          detail: `needs a restart: ${message.restartFor.join(', ')}`,
        })
      }
    })
    child.on('error', (error) => reject(new StartFailure(role, 'spawn', error.message)))
    child.on('exit', (code, signal) => {
      clearTimeout(late)
      reject(new StartFailure(role, 'exit', `${role} ended at once (${signal ?? code}).`))
      if (ready && !stopping) {
        options.onEvent?.({ role, event: 'exited', detail: String(signal ?? code) })
        restart(worker)
      }
    })
    promise.then(
      () => clearTimeout(late),
      () => clearTimeout(late),
    )
    tell(child, { type: 'start', role, config: withPorts(current, ports) })
    return promise
  }

  const restart = (worker: Worker): void => {
    // A minute without a crash forgives the earlier ones.
    if (Date.now() - worker.startedMs > 60_000) worker.crashes = 0
    const pauseMs = BACKOFF_MS[Math.min(worker.crashes, BACKOFF_MS.length - 1)] as number
    worker.crashes++
    setTimeout(() => {
      if (stopping) return
      options.onEvent?.({ role: worker.role, event: 'restarting', detail: `after ${pauseMs} ms` })
      launch(worker.role).catch((error: unknown) => {
        options.onEvent?.({ role: worker.role, event: 'exited', detail: (error as Error).message })
        const again = workers.get(worker.role)
        if (again && !stopping) restart(again)
      })
    }, pauseMs)
  }

  const stop = async (): Promise<boolean> => {
    stopping = true
    clearInterval(watch)
    const codes = await Promise.all([...workers.values()].map((worker) => stopChild(worker.child)))
    return codes.every((code) => code === 0)
  }

  const silentMs = options.silentMs ?? 60_000
  const watch = setInterval(
    () => {
      for (const worker of workers.values()) {
        const { exitCode, signalCode } = worker.child
        if (exitCode !== null || signalCode !== null || Date.now() - worker.lastAliveMs < silentMs) continue
        options.onEvent?.({
          role: worker.role,
          event: 'silent',
          detail: `no sign of life for ${silentMs / 1000} s`,
        })
        worker.child.kill('SIGKILL')
      }
    },
    Math.min(5000, silentMs),
  )
  watch.unref()

  const started = await Promise.allSettled(roles.map(launch))
  const failed = started.find((result) => result.status === 'rejected')
  if (failed) {
    await stop()
    throw failed.reason
  }
  return {
    ports,
    reload(changed) {
      current = changed
      for (const worker of workers.values())
        tell(worker.child, { type: 'reload', config: withPorts(changed, ports) })
    },
    stop,
  }
}

function tell(child: ChildProcess, message: ToRole): void {
  if (child.connected) child.send(message, () => {})
}

async function stopChild(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? 1
  const { promise, resolve } = Promise.withResolvers<number>()
  child.on('exit', (code) => resolve(code ?? 1))
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS)
  tell(child, { type: 'stop' })
  const code = await promise
  clearTimeout(late)
  return code
}

/** A role that is started again must come back on the port it had, also where the config said "a free one". */
function withPorts(config: Config, ports: Ports): Config {
  const kept = Object.entries(config.listen).map(([name, listen]): [string, Listen | null] => {
    const port = ports[name]
    return [name, listen !== null && listen.port === 0 && port !== undefined ? { ...listen, port } : listen]
  })
  return { ...config, listen: Object.fromEntries(kept) as unknown as Config['listen'] }
}

function forwardLines(child: ChildProcess, onLine: (line: string) => void): void {
  let held = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (held + chunk).split('\n')
    held = lines.pop() as string
    for (const line of lines) if (line !== '') onLine(line)
  })
}
