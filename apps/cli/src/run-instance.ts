import type { Config, Ports } from '@restante/runtime'
import { CommandError, EXIT } from './exit.ts'
import { announceInstance, readInstance, withdrawInstance } from './instance.ts'
import { chooseLanguage, type Words } from './language.ts'
import { LogView } from './log-view.ts'
import { ROLES, type Role, StartFailure, type Supervisor, startRoles } from './supervisor.ts'
import { bold, dim, green, hasColour, say, sayJson, table } from './terminal.ts'

/** What {@link runInstance} runs. */
export interface InstancePlan {
  readonly config: Config
  readonly roles: readonly Role[]
  /** One line of JSON instead of the table. */
  readonly json: boolean
  /** The settings read anew, for SIGHUP; throws where they are bad, and the old ones stay. */
  reload(): Config
  /** More to say once everything listens. */
  onReady(ports: Ports, words: Words): void
  /** After everything has stopped. */
  onStopped?(): void
}

/** Starts the roles, says where they listen, runs until SIGTERM or SIGINT, stops them; answers the exit code. */
export async function runInstance(plan: InstancePlan): Promise<number> {
  const words = chooseLanguage(process.env)
  const { config } = plan
  const { directory } = config.store
  const whole = plan.roles.length === ROLES.length
  const other = whole ? readInstance(directory) : null
  if (other) throw new CommandError(EXIT.refused, words.alreadyRunning(other.pid, directory))

  const stopped = Promise.withResolvers<void>()
  const end = (): void => stopped.resolve()
  // Listening from before the start: a signal during it is not lost.
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  const view = process.stderr.isTTY && config.log.file === null ? new LogView(process.stderr) : null

  let supervisor: Supervisor
  try {
    supervisor = await startRoles(plan.roles, config, {
      ...(view ? { onLogLine: (line: string) => view.show(line) } : {}),
      onEvent: (event) =>
        process.stderr.write(
          `${JSON.stringify({ level: 'warn', at: new Date().toISOString(), event: `role-${event.event}`, role: event.role, detail: event.detail })}\n`,
        ),
    })
  } catch (error) {
    plan.onStopped?.()
    if (error instanceof StartFailure)
      throw new CommandError(EXIT.finding, explainFailure(error, words), { cause: error })
    throw error
  }
  process.on('SIGHUP', () => {
    try {
      supervisor.reload(plan.reload())
    } catch (error) {
      process.stderr.write(`restante: ${(error as Error).message}\nrestante: the settings in force stay\n`)
    }
  })
  if (whole)
    announceInstance(directory, {
      pid: process.pid,
      host: '127.0.0.1',
      ports: supervisor.ports,
      startedAtMs: Date.now(),
    })
  announce(plan, supervisor.ports, words)

  await stopped.promise
  if (!plan.json && process.stdout.isTTY) say(dim(`\n${words.stopping}`, hasColour()))
  const clean = await supervisor.stop()
  if (whole) withdrawInstance(directory)
  plan.onStopped?.()
  return clean ? EXIT.ok : EXIT.finding
}

function announce(plan: InstancePlan, ports: Ports, words: Words): void {
  const { listen, store } = plan.config
  if (plan.json) {
    const port = (name: string): number | 'off' => ports[name] ?? 'off'
    // Listeners that do not exist yet say so.
    sayJson({
      event: 'ready',
      pid: process.pid,
      smtp: port('smtp'),
      submission: port('submission'),
      lmtp: port('lmtp'),
      pop3: port('pop3'),
      pop3s: port('pop3s'),
      http: port('http'),
      adminLink: null,
      data: store.directory,
    })
  } else {
    const colour = hasColour()
    say(`${green('●', colour)} ${bold(words.ready, colour)}  ${dim(`(${words.stopHint})`, colour)}\n`)
    const rows: string[][] = []
    const row = (name: string, label: string, host: string | undefined, about: string): void => {
      if (ports[name] !== undefined) rows.push([label, `${host ?? ''}:${ports[name]}`, about])
    }
    row('smtp', 'SMTP', listen.smtp?.host, `${words.mailIn}, STARTTLS`)
    row('pop3', 'POP3', listen.pop3?.host, `${words.mailOut}, STLS`)
    row('pop3s', 'POP3S', listen.pop3s?.host, `${words.mailOut}, ${words.inTls}`)
    rows.push([words.data, store.directory, ''])
    say(table(rows))
  }
  plan.onReady(ports, words)
}

function explainFailure(failure: StartFailure, words: Words): string {
  const place = /^(\S+) (\S+)$/.exec(failure.message)
  if (failure.code === 'EADDRINUSE' && place) {
    const [, address = '', key = ''] = place
    return words.portInUse(address, key, `--${key.split('.')[1] ?? ''}`)
  }
  if (failure.code === 'EACCES' && place) return words.portForbidden(place[1] as string, place[2] as string)
  return `${failure.role}: ${failure.message}`
}
