import { readArguments } from '../arguments.ts'
import { CommandError, EXIT } from '../exit.ts'
import { readInstance } from '../instance.ts'
import { commandConfig } from '../settings.ts'
import { say, sayJson } from '../terminal.ts'

/** `restante reload`: has the running instance take changed settings and certificates over; no session is dropped. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, { config: 'text', data: 'text', json: 'flag' })
  const { directory } = commandConfig(given).store
  const instance = readInstance(directory)
  if (!instance) throw new CommandError(EXIT.unreachable, `Nothing is running on ${directory}.`)
  process.kill(instance.pid, 'SIGHUP')
  if (given.flag('json')) sayJson({ pid: instance.pid })
  else say(`Told process ${instance.pid} to reload. What it says about it is in its log.`)
  return EXIT.ok
}
