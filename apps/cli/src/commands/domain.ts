import { canonicalAddress, parsePath } from '@restante/mail'
import { readArguments } from '../arguments.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { readAddress } from '../people.ts'
import { commandConfig, openStore } from '../settings.ts'
import { say, sayJson, table } from '../terminal.ts'

const USAGE = `Usage: restante domain add NAME [--catch-all ADDRESS|none]
                domain list
                domain remove NAME [--yes]
A domain that is there already gets the catch-all given.`

/** `restante domain add|list|remove`: whose mail is taken. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, {
    'catch-all': 'text',
    yes: 'flag',
    data: 'text',
    config: 'text',
    json: 'flag',
  })
  const [action, text, ...more] = given.rest
  if (more.length > 0 || (action === 'list') !== (text === undefined)) throw usage(USAGE)
  if (!['add', 'list', 'remove'].includes(action ?? '')) throw usage(USAGE)
  const name = text === undefined ? '' : readDomain(text)
  const asked = given.text('catch-all')
  await using store = await openStore(commandConfig(given), { create: action === 'add' })
  const { directory } = store
  const json = given.flag('json')

  if (action === 'add') {
    const known = await directory.domain(name)
    const catchAll =
      asked === undefined ? (known?.catchAll ?? null) : asked === 'none' ? null : readAddress(asked)
    await directory.putDomain({ name, catchAll })
    if (json) sayJson({ name, catchAll, added: known === null })
    else
      say(
        `${known === null ? 'Added' : 'Kept'} ${name}. Mail for unknown names ${catchAll === null ? 'is refused' : `goes to ${catchAll}`}.`,
      )
    return EXIT.ok
  }
  const accounts = await directory.accounts()
  const countIn = (domain: string): number =>
    accounts.filter(({ address }) => address.endsWith(`@${domain}`)).length
  if (action === 'list') {
    const domains = await directory.domains()
    for (const domain of domains) if (json) sayJson({ ...domain, accounts: countIn(domain.name) })
    if (!json) {
      const rows = domains.map((domain) => [
        domain.name,
        countIn(domain.name) === 1 ? '1 account' : `${countIn(domain.name)} accounts`,
        domain.catchAll === null ? '' : `unknown names to ${domain.catchAll}`,
      ])
      say(rows.length === 0 ? 'No domains yet. Add one: restante domain add acme.example' : table(rows, ''))
    }
    return EXIT.ok
  }
  const left = countIn(name)
  if (left > 0 && (await directory.domain(name)) !== null && !given.flag('yes')) {
    throw new CommandError(
      EXIT.refused,
      `${name} has ${left === 1 ? 'an account' : `${left} accounts`}, which would get no more mail from outside. Say it again with --yes.`,
    )
  }
  if (!(await directory.removeDomain(name)))
    throw new CommandError(EXIT.finding, `There is no domain ${name}.`)
  if (json) sayJson({ name, removed: true })
  else say(`Removed ${name}.`)
  return EXIT.ok
}

/** The canonical form of a domain. @throws {CommandError} exit 2 */
function readDomain(text: string): string {
  const path = parsePath(`postmaster@${text}`)
  if (path === null) throw usage(`“${text}” is not a domain; it looks like acme.example.`)
  return canonicalAddress(path).slice('postmaster@'.length)
}
