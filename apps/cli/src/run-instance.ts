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
  /** What chooses the port of a config key such as `listen.smtp.port`: an option, or a place in a file. */
  chooses(key: string): string
  /** More rows for the table: what, and its value. */
  rows?(words: Words): readonly (readonly [string, string])[]
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
  // After a crash in a container the next process may have the very same number.
  if (other && other.pid !== process.pid)
    throw new CommandError(EXIT.refused, words.alreadyRunning(other.pid, directory))

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
      onEvent: ({ event, role, detail }) => {
        const at = new Date().toISOString()
        const line = JSON.stringify({ level: 'warn', at, event: `role-${event}`, role, detail })
        if (view) view.show(line)
        else process.stderr.write(`${line}\n`)
      },
    })
  } catch (error) {
    plan.onStopped?.()
    if (error instanceof StartFailure)
      throw new CommandError(EXIT.finding, explainFailure(error, words, plan), { cause: error })
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
      host: reachableHost(config.listen.smtp?.host ?? '127.0.0.1'),
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

/** The address under which this machine reaches a listener bound to `host`. */
function reachableHost(host: string): string {
  return host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
}

function announce(plan: InstancePlan, ports: Ports, words: Words): void {
  const { listen, store } = plan.config
  if (plan.json) {
    const port = (name: string): number | 'off' => ports[name] ?? 'off'
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
    row('lmtp', 'LMTP', listen.lmtp?.host, words.mailIn)
    row('submission', 'Submission', listen.submission?.host, `${words.mailIn}, STARTTLS`)
    row('submissions', 'Submission', listen.submissions?.host, `${words.mailIn}, ${words.inTls}`)
    row('pop3', 'POP3', listen.pop3?.host, `${words.mailOut}, STLS`)
    row('pop3s', 'POP3S', listen.pop3s?.host, `${words.mailOut}, ${words.inTls}`)
    rows.push([words.data, store.directory], ...(plan.rows?.(words) ?? []).map((each) => [...each]))
    say(table(rows))
  }
  plan.onReady(ports, words)
}

function explainFailure(failure: StartFailure, words: Words, plan: InstancePlan): string {
  const place = /^(\S+) (\S+)$/.exec(failure.message)
  if (failure.code === 'EADDRINUSE' && place) {
    const [, address = '', key = ''] = place
    return words.portInUse(address, plan.chooses(key))
  }
  if (failure.code === 'EACCES' && place)
    return words.portForbidden(place[1] as string, plan.chooses(place[2] as string))
  return `${failure.role}: ${failure.message}`
}
