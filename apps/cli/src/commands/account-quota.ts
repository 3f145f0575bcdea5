import { formatSize, parseSize } from '@restante/runtime'
import type { Arguments } from '../arguments.ts'
import { EXIT, usage } from '../exit.ts'
import { requireAccount } from '../people.ts'
import { commandConfig, openStore } from '../settings.ts'
import { say, sayJson } from '../terminal.ts'

/** `restante account quota ADDRESS [SIZE|none] [--messages N|none]`: how much an account may keep. */
export async function quota(given: Arguments, address: string, size: string | undefined): Promise<number> {
  const quotaOctets = size === undefined ? undefined : size === 'none' ? null : parseSize(size)
  if (size !== undefined && size !== 'none' && quotaOctets === null)
    throw usage(`“${size}” is not a size; it looks like 2GB. none takes the limit away.`)
  const quotaMessages = readCount(given.text('messages'))
  await using store = await openStore(commandConfig(given))
  const found = await requireAccount(store.directory, address)
  const account =
    (await store.directory.changeAccount(found.id, {
      ...(quotaOctets === undefined ? {} : { quotaOctets }),
      ...(quotaMessages === undefined ? {} : { quotaMessages }),
    })) ?? found
  const { octets, messages } = await store.directory.usage(account.id)
  if (given.flag('json')) {
    const { quotaOctets: ofOctets, quotaMessages: ofMessages } = account
    sayJson({ address: account.address, octets, messages, quotaOctets: ofOctets, quotaMessages: ofMessages })
    return EXIT.ok
  }
  const limitOctets = account.quotaOctets === null ? 'no limit' : formatSize(account.quotaOctets)
  const limitMessages = account.quotaMessages === null ? 'no limit' : String(account.quotaMessages)
  say(
    `${account.address} keeps ${formatSize(octets)} (${limitOctets}) in ${messages} messages (${limitMessages}).`,
  )
  return EXIT.ok
}

function readCount(text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined
  if (text === 'none') return null
  if (!/^\d{1,12}$/.test(text)) throw usage(`--messages takes a number or none, not “${text}”.`)
  return Number(text)
}
