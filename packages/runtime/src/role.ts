import { setTimeout as wait } from 'node:timers/promises'
import type { Config } from './config.ts'
import { type Controls, openControls } from './control.ts'
import { createLog, errorFields, type Log } from './log.ts'

/** Listener names with the ports they listen on. */
export type Ports = Readonly<Record<string, number>>

/** What a role's process is given to work with. */
export interface RoleContext {
  readonly log: Log
  now(): number
  /** Aborted when the role should end. */
  readonly signal: AbortSignal
}

/** A role at work. */
export interface RunningRole {
  readonly ports: Ports
  /** What the command line may ask it while it runs. */
  readonly controls?: Controls
  /** Takes changed settings over without dropping a session; what needs a restart is named in the result. */
  reload?(config: Config): Promise<readonly string[]>
  /** Stops accepting, finishes what was begun, gives everything back. */
  stop(): Promise<void>
}

/** Starts a role; throws where it cannot (a port in use, a store that does not open). */
export type StartRole = (config: Config, context: RoleContext) => Promise<RunningRole>

/** From the supervisor to a role's process. */
export type ToRole =
  | { readonly type: 'start'; readonly role: string; readonly config: Config }
  | { readonly type: 'reload'; readonly config: Config }
  | { readonly type: 'stop' }

/** From a role's process to the supervisor. */
export type FromRole =
  | { readonly type: 'ready'; readonly ports: Ports }
  | { readonly type: 'failed'; readonly message: string; readonly code: string }
  | { readonly type: 'reloaded'; readonly restartFor: readonly string[] }
  | { readonly type: 'alive' }

const HEARTBEAT_MS = 1000
const STOP_DEADLINE_MS = 20_000

/**
 * Runs a role in this process under a supervisor: waits for `start`, answers `ready` or `failed`, beats `alive` every
 * second, and stops on `stop`, SIGTERM, or when the supervisor is gone. Exit code 0 after a clean stop.
 */
export function runRole(start: StartRole): void {
  if (!process.send) {
    process.stderr.write('This is a part of restante; start it with: restante serve\n')
    process.exit(2)
  }
  const ending = new AbortController()
  let running: RunningRole | null = null
  let controls: AsyncDisposable | null = null
  let log = createLog({ level: 'info', fields: { pid: process.pid } })
  let stopping = false

  const say = (message: FromRole): void => {
    if (process.connected) process.send?.(message, undefined, undefined, () => {})
  }

  const stop = async (why: string): Promise<void> => {
    if (stopping) return
    stopping = true
    log.debug('stopping', { why })
    const deadline = wait(STOP_DEADLINE_MS, 'late', { ref: false })
    ending.abort()
    let code = 0
    try {
      await controls?.[Symbol.asyncDispose]()
      if ((await Promise.race([running?.stop(), deadline])) === 'late') {
        log.error('stop-deadline', { afterMs: STOP_DEADLINE_MS })
        code = 1
      }
    } catch (error) {
      log.error('stop-failed', errorFields(error))
      code = 1
    }
    process.exit(code)
  }

  const controlsOf = async (config: Config, role: string, own: Controls): Promise<AsyncDisposable | null> => {
    try {
      return await openControls(config.store.directory, role, own)
    } catch (error) {
      log.warn('no-control-socket', errorFields(error))
      return null
    }
  }

  const begin = async (role: string, config: Config): Promise<void> => {
    log = createLog({ level: config.log.level, file: config.log.file, fields: { role, pid: process.pid } })
    try {
      running = await start(config, { log, now: Date.now, signal: ending.signal })
      if (stopping) return
      if (running.controls) controls = await controlsOf(config, role, running.controls)
      say({ type: 'ready', ports: running.ports })
      setInterval(() => say({ type: 'alive' }), HEARTBEAT_MS).unref()
    } catch (error) {
      const code = (error as { code?: unknown }).code
      say({
        type: 'failed',
        message: error instanceof Error ? error.message : String(error),
        code: String(code ?? 'error'),
      })
      log.debug('start-failed', {
        ...errorFields(error),
        stack: error instanceof Error ? (error.stack ?? '') : '',
      })
      setTimeout(() => process.exit(1), 50)
    }
  }

  process.on('message', (message: ToRole) => {
    if (message.type === 'start') void begin(message.role, message.config)
    else if (message.type === 'stop') void stop('asked')
    else
      void Promise.resolve(running?.reload?.(message.config) ?? [])
        .then((restartFor) => say({ type: 'reloaded', restartFor }))
        .catch((error: unknown) => log.error('reload-failed', errorFields(error)))
  })
  process.on('disconnect', () => void stop('supervisor gone'))
  process.on('SIGTERM', () => void stop('SIGTERM'))
  // A terminal's ^C reaches every process of the group; the supervisor decides when roles stop.
  process.on('SIGINT', () => {})
  process.on('SIGHUP', () => {})
  process.on('uncaughtException', (error) => {
    log.error('crash', { ...errorFields(error), stack: error.stack ?? '' })
    process.exit(70)
  })
  process.on('unhandledRejection', (error) => {
    log.error('unhandled-rejection', {
      ...errorFields(error),
      stack: error instanceof Error ? (error.stack ?? '') : '',
    })
  })
}
