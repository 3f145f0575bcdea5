import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { type Account, INBOX, type StoredCopy } from '@restante/maildrop'
import type { Arguments } from '../arguments.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { requireAccount } from '../people.ts'
import { commandConfig, openStore } from '../settings.ts'
import { say, sayJson } from '../terminal.ts'

/** What is written of each message beside its octets. */
interface ExportedMessage {
  readonly file: string
  readonly id: string
  readonly folder: string
  readonly arrivedAtMs: number
  readonly sizeOctets: number
  readonly hold: StoredCopy['hold']
  readonly record: unknown
}

/**
 * `restante account export ADDRESS DIR`: all an account has, as a Maildir (folders as `.NAME` beneath it) that other
 * programs read, and `restante-export.json` with what a Maildir cannot hold.
 */
export async function exportAccount(
  given: Arguments,
  address: string,
  directory: string | undefined,
): Promise<number> {
  if (directory === undefined) throw usage('account export needs a folder: account export ADDRESS DIR')
  if (existsSync(directory) && readdirSync(directory).length > 0)
    throw new CommandError(EXIT.refused, `${directory} is not empty; nothing was written.`)
  await using store = await openStore(commandConfig(given))
  const account = await requireAccount(store.directory, address)
  const messages: ExportedMessage[] = []
  let octets = 0
  const folders = new Set<string>()
  for await (const copy of store.copies(account.id)) {
    const folder = copy.folder === INBOX ? directory : join(directory, `.${copy.folder}`)
    if (!folders.has(folder)) {
      for (const each of ['tmp', 'new', 'cur'])
        mkdirSync(join(folder, each), { recursive: true, mode: 0o700 })
      folders.add(folder)
    }
    const chunks = await store.read(copy)
    // Deleted since it was listed.
    if (chunks === null) continue
    const name = `${Math.floor(copy.arrivedAtMs / 1000)}.${maildirName(copy, messages.length)}.restante,S=${copy.sizeOctets}`
    const written = await writeMessage(join(folder, 'tmp', name), chunks, copy)
    renameSync(join(folder, 'tmp', name), join(folder, 'cur', `${name}:2,`))
    octets += written
    const record = await store.records.get(copy.id)
    messages.push({
      file: join(copy.folder === INBOX ? '' : `.${copy.folder}`, 'cur', `${name}:2,`),
      id: copy.id,
      folder: copy.folder,
      arrivedAtMs: copy.arrivedAtMs,
      sizeOctets: copy.sizeOctets,
      hold: copy.hold,
      record: record === null ? null : { ...record, features: undefined },
    })
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const about = await describeAccount(store, account)
  writeFileSync(
    join(directory, 'restante-export.json'),
    `${JSON.stringify({ format: 1, ...about, messages }, null, 1)}\n`,
    { mode: 0o600 },
  )
  if (given.flag('json')) sayJson({ address: account.address, directory, messages: messages.length, octets })
  else say(`Wrote ${messages.length} messages of ${account.address} to ${directory}.`)
  return EXIT.ok
}

/** Imported ids may hold what a file name cannot. */
function maildirName({ id }: StoredCopy, count: number): string {
  return /^[0-9A-Za-z_-]+$/.test(id) ? id : `n${count}`
}

async function writeMessage(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  copy: StoredCopy,
): Promise<number> {
  await using file = await open(path, 'wx', 0o600)
  let written = 0
  for await (const chunk of chunks) {
    await file.writeFile(chunk)
    written += chunk.length
  }
  if (written !== copy.sizeOctets)
    throw new CommandError(EXIT.finding, `${copy.id}: ${written} octets read of ${copy.sizeOctets}.`)
  const seconds = copy.arrivedAtMs / 1000
  await file.utimes(seconds, seconds)
  return written
}

/** The account without anything secret. */
async function describeAccount(
  store: Awaited<ReturnType<typeof openStore>>,
  account: Account,
): Promise<Readonly<Record<string, unknown>>> {
  const { address, createdAtMs, quotaOctets, quotaMessages, thresholds } = account
  const aliases = (await store.directory.aliases()).filter(({ targets }) => targets.includes(address))
  return {
    address,
    createdAtMs,
    quotaOctets,
    quotaMessages,
    thresholds,
    removeAfter: (await store.removeAfter(account.id)).own,
    aliases: aliases.map((alias) => alias.address),
    devices: (await store.devices(account.id)).filter(({ name }) => name !== ''),
  }
}
