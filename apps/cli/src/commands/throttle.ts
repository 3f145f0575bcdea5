import { isIP } from 'node:net'
import { canonicalAddress, parsePath } from '@restante/mail'
import { askRoles, type ControlAnswer } from '@restante/runtime'
import { readArguments } from '../arguments.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { commandConfig } from '../settings.ts'
import { printable, say, sayJson, table } from '../terminal.ts'
import { moment } from '../time-text.ts'

/** Somebody who must wait, as a role tells it. */
interface Waiting {
  readonly remote: string
  readonly address: string | null
  readonly failures: number
  readonly untilMs: number
}

/** `restante throttle list|clear`: who must wait after wrong passwords, in all running roles. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, { config: 'text', data: 'text', json: 'flag' })
  const [what, whom, ...more] = given.rest
  if (more.length > 0 || (what !== 'list' && what !== 'clear') || (what === 'list' && whom !== undefined))
    throw usage('throttle takes list, or clear [ADDRESS]: an account’s or a client’s.')
  const account = whom === undefined ? null : parsePath(whom)
  if (whom !== undefined && account === null && isIP(whom) === 0)
    throw usage(`“${whom}” is neither an account’s address nor a client’s.`)
  const { directory } = commandConfig(given).store
  const filter =
    account !== null ? { address: canonicalAddress(account) } : whom === undefined ? {} : { remote: whom }
  const answers = await askRoles(directory, `throttle-${what}`, filter)
  if (answers.length === 0) throw new CommandError(EXIT.unreachable, `Nothing is running on ${directory}.`)
  const failed = answers.filter((each): each is ControlAnswer & { failed: string } => 'failed' in each)
  const found = answers.flatMap((each) => ('answer' in each ? [each] : []))
  if (what === 'clear') {
    const cleared = found.reduce((sum, { answer }) => sum + Number(answer), 0)
    if (given.flag('json')) sayJson({ cleared })
    else say(cleared === 1 ? 'Forgot 1 entry.' : `Forgot ${cleared} entries.`)
  } else {
    const waiting = found.flatMap(({ role, answer }) =>
      (answer as unknown as readonly Waiting[]).map((each) => ({ role, ...each })),
    )
    if (given.flag('json')) sayJson({ waiting })
    else if (waiting.length === 0) say('Nobody has to wait.')
    else
      say(
        table([
          ['Client', 'Account', 'Wrong', 'Until', 'At'],
          ...waiting.map(({ role, remote, address, failures, untilMs }) => [
            printable(remote),
            address === null ? '(all)' : printable(address),
            String(failures),
            moment(untilMs),
            role,
          ]),
        ]),
      )
  }
  for (const { role, failed: why } of failed) say(`${role}: ${printable(why)}`)
  return failed.length === 0 ? EXIT.ok : EXIT.finding
}
