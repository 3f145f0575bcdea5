import { type Device, parseRemoveAfter, type RemoveAfter, removeAfterDays } from '@restante/maildrop'
import type { Arguments } from '../arguments.ts'
import { EXIT, usage } from '../exit.ts'
import { requireAccount } from '../people.ts'
import { commandConfig, openStore } from '../settings.ts'
import { printable, say, sayJson, table } from '../terminal.ts'
import { day, moment } from '../time-text.ts'

/** `restante account devices ADDRESS [--remove-after POLICY]`: who picks mail up, and when mail goes for all of them. */
export async function devices(given: Arguments, address: string): Promise<number> {
  const wanted = readPolicy(given.text('remove-after'))
  await using store = await openStore(commandConfig(given))
  const account = await requireAccount(store.directory, address)
  if (wanted !== undefined) await store.setRemoveAfter(account.id, wanted)
  const { own, applied } = await store.removeAfter(account.id)
  const all = await store.devices(account.id)
  if (given.flag('json')) {
    sayJson({
      address: account.address,
      removeAfter: applied,
      own: own !== null,
      devices: all.map(({ name, sinceMs, lastPickUpMs, hiddenMessages }) => ({
        name,
        sinceMs,
        lastPickUpMs,
        hiddenMessages,
      })),
    })
    return EXIT.ok
  }
  say(table([['DEVICE', 'SINCE', 'LAST PICK-UP', 'HIDDEN'], ...all.map(row)], ''))
  say(`\n${policySentence(applied)}${own === null ? '' : ' (This account’s own policy.)'}`)
  return EXIT.ok
}

/** Undefined where it was not given, null for `default`. */
function readPolicy(text: string | undefined): RemoveAfter | null | undefined {
  if (text === undefined) return undefined
  if (text === 'default') return null
  const policy = parseRemoveAfter(text)
  if (policy === null)
    throw usage(
      `--remove-after takes all_devices, any_device, a number of days such as 90d, or default, not “${text}”.`,
    )
  return policy
}

function row({ name, sinceMs, lastPickUpMs, hiddenMessages }: Device): readonly string[] {
  return [
    name === '' ? '(account password)' : printable(name, 40),
    sinceMs === null ? '–' : day(sinceMs),
    lastPickUpMs === null ? 'never' : moment(lastPickUpMs),
    String(hiddenMessages),
  ]
}

function policySentence(policy: RemoveAfter | null): string {
  if (policy === null) return 'Mail stays until it is deleted with the account password.'
  const days = removeAfterDays(policy)
  if (days !== null) return `Mail is removed ${days === 1 ? 'a day' : `${days} days`} after it came.`
  return policy === 'any_device'
    ? 'Mail is removed for all once one device has deleted it.'
    : 'Mail is removed once every device that was here in the last 60 days has deleted it. While the account password is used to pick mail up, only its own deletions remove.'
}
