import { readArguments } from '../arguments.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { readAddress } from '../people.ts'
import { commandConfig, openStore } from '../settings.ts'
import { say, sayJson, table } from '../terminal.ts'

const USAGE = `Usage: restante alias add ADDRESS TARGET…
                alias list
                alias remove ADDRESS`
/** As the directory says. */
const TARGETS_MAX = 100

/** `restante alias add|list|remove`: other names for one or more addresses. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, { data: 'text', config: 'text', json: 'flag' })
  const [action, text, ...more] = given.rest
  const json = given.flag('json')
  if (action === 'list' && text === undefined) {
    await using store = await openStore(commandConfig(given))
    const aliases = await store.directory.aliases()
    for (const alias of aliases) if (json) sayJson(alias)
    if (!json)
      say(
        aliases.length === 0
          ? 'No aliases yet. Add one: restante alias add office@acme.example anna@acme.example'
          : table(
              aliases.map(({ address, targets }) => [address, `→ ${targets.join(', ')}`]),
              '',
            ),
      )
    return EXIT.ok
  }
  if (text === undefined || (action === 'add') !== more.length > 0) throw usage(USAGE)
  const address = readAddress(text)
  if (action === 'add') {
    const targets = [...new Set(more.map(readAddress))]
    if (targets.length > TARGETS_MAX) throw usage(`An alias has at most ${TARGETS_MAX} targets.`)
    if (targets.includes(address)) throw usage(`${address} cannot stand for itself.`)
    await using store = await openStore(commandConfig(given))
    if (!(await store.directory.putAlias({ address, targets })))
      throw new CommandError(EXIT.finding, `${address} is an account; it needs no alias.`)
    if (json) sayJson({ address, targets })
    else say(`Mail for ${address} goes to ${targets.join(', ')}.`)
    return EXIT.ok
  }
  if (action !== 'remove') throw usage(USAGE)
  await using store = await openStore(commandConfig(given))
  if (!(await store.directory.removeAlias(address)))
    throw new CommandError(EXIT.finding, `There is no alias ${address}.`)
  if (json) sayJson({ address, removed: true })
  else say(`Removed ${address}.`)
  return EXIT.ok
}
