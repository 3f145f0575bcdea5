import { deviceCredentials, generateDevicePassword, isDeviceName } from '@restante/accounts'
import { formatSize } from '@restante/runtime'
import { type Arguments, readArguments } from '../arguments.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { createAccount, passwordCredentials, readAddress, requireAccount } from '../people.ts'
import { readSecretLine } from '../secret-line.ts'
import { commandConfig, openStore } from '../settings.ts'
import { say, sayJson, table } from '../terminal.ts'
import { devices } from './account-devices.ts'
import { exportAccount } from './account-export.ts'
import { quota } from './account-quota.ts'

const USAGE = `Usage: restante account add ADDRESS [--password TEXT]
                account list
                account erase ADDRESS --yes            (also: remove)
                account export ADDRESS DIR
                account quota ADDRESS [SIZE|none] [--messages N|none]
                account password ADDRESS [--password TEXT]
                account devices ADDRESS [--remove-after all_devices|any_device|90d|default]
                account device ADDRESS NAME [--remove]
--password - reads the password from standard input; without it one is made.`
const ACTIONS = [
  'add',
  'list',
  'remove',
  'erase',
  'export',
  'quota',
  'password',
  'devices',
  'device',
] as const

/** `restante account add|list|remove|password|devices|device`: who gets mail here. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, {
    data: 'text',
    config: 'text',
    json: 'flag',
    yes: 'flag',
    password: 'text',
    remove: 'flag',
    'remove-after': 'text',
    messages: 'text',
  })
  const [action, address, extra, ...more] = given.rest
  if (action === undefined || !ACTIONS.includes(action as (typeof ACTIONS)[number]) || more.length > 0) {
    throw usage(USAGE)
  }
  if (address !== undefined && action === 'devices') return devices(given, address)
  if (address !== undefined && action === 'quota') return quota(given, address, extra)
  if (address !== undefined && action === 'export') return exportAccount(given, address, extra)
  await using store = await openStore(commandConfig(given), { create: action === 'add' })
  const { directory } = store
  const json = given.flag('json')
  if (action === 'list') return await list(store, json)
  if (address === undefined) throw usage(`account ${action} needs an ADDRESS.`)

  switch (action) {
    case 'add': {
      const { password, made } = await passwordFrom(given)
      const account = await createAccount(directory, readAddress(address), password)
      if (json) sayJson({ address: account.address, id: account.id, ...(made ? { password } : {}) })
      else say(`Added ${account.address}.${made ? ` Password: ${password} (shown only now)` : ''}`)
      return EXIT.ok
    }
    case 'password': {
      const account = await requireAccount(directory, address)
      const { password, made } = await passwordFrom(given)
      await directory.setCredentials(account.id, '', await passwordCredentials(password))
      if (json) sayJson({ address: account.address, ...(made ? { password } : {}) })
      else
        say(
          `Changed the password of ${account.address}.${made ? ` New password: ${password} (shown only now)` : ''}`,
        )
      return EXIT.ok
    }
    case 'erase':
    case 'remove': {
      const account = await requireAccount(directory, address)
      const { messages, octets } = await directory.usage(account.id)
      if (!given.flag('yes')) {
        throw new CommandError(
          EXIT.refused,
          `This removes ${account.address} with ${countOf(messages)} (${formatSize(octets)}) for good. Say it again with --yes.`,
        )
      }
      await directory.eraseAccount(account.id)
      if (json) sayJson({ address: account.address, removed: true })
      else say(`Removed ${account.address} and ${countOf(messages)}.`)
      return EXIT.ok
    }
    default: {
      const account = await requireAccount(directory, address)
      if (extra === undefined || !isDeviceName(extra))
        throw usage('account device ADDRESS NAME: the name has 1 to 64 characters.')
      if (given.flag('remove')) {
        if (!(await directory.removeDevice(account.id, extra)))
          throw new CommandError(EXIT.finding, `There is no device “${extra}”.`)
        if (json) sayJson({ address: account.address, device: extra, removed: true })
        else say(`“${extra}” can no longer log in.`)
        return EXIT.ok
      }
      const password = generateDevicePassword()
      await directory.setCredentials(account.id, extra, await deviceCredentials(password))
      if (json) sayJson({ address: account.address, device: extra, password })
      else
        say(
          `Password for “${extra}”: ${password} (shown only now)\nWhat this device deletes, it deletes for itself only.`,
        )
      return EXIT.ok
    }
  }
}

/** `--password TEXT`, `--password -` for a line from standard input, or a made one. */
async function passwordFrom(
  given: Arguments,
): Promise<{ readonly password: string; readonly made: boolean }> {
  const written = given.text('password')
  if (written === undefined) return { password: generateDevicePassword(), made: true }
  return { password: written === '-' ? await readSecretLine() : written, made: false }
}

function countOf(messages: number): string {
  return messages === 1 ? '1 message' : `${messages} messages`
}

async function list(store: Awaited<ReturnType<typeof openStore>>, json: boolean): Promise<number> {
  const rows: string[][] = []
  for (const account of await store.directory.accounts()) {
    const { messages, octets } = await store.directory.usage(account.id)
    if (json)
      sayJson({
        address: account.address,
        id: account.id,
        messages,
        octets,
        quotaOctets: account.quotaOctets,
      })
    else rows.push([account.address, countOf(messages), formatSize(octets)])
  }
  if (!json)
    say(
      rows.length === 0
        ? 'No accounts yet. Add one: restante account add anna@acme.example'
        : table(rows, ''),
    )
  return EXIT.ok
}
