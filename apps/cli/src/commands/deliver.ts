import { createReadStream, statSync } from 'node:fs'
import {
  canonicalAddress,
  cleanMessage,
  type Envelope,
  parsePath,
  traceFields,
  type UniqueId,
  utf8Octets,
} from '@restante/mail'
import { type CopyOrder, INBOX, isFolder, QUARANTINE, StoreError } from '@restante/maildrop'
import { readArguments } from '../arguments.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { requireAccount } from '../people.ts'
import { commandConfig, openStore } from '../settings.ts'
import { say, sayJson } from '../terminal.ts'

/** Commits that may be under way at once; they are made durable together, in the order of the files. */
const WINDOW = 64

/** `restante deliver --to ADDRESS [--folder F] [--verbatim] FILE…`: puts messages into a store, running or not. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, {
    to: 'text',
    folder: 'text',
    verbatim: 'flag',
    data: 'text',
    config: 'text',
    json: 'flag',
  })
  const to = given.text('to')
  const folder = (given.text('folder') ?? INBOX).normalize('NFC').toLowerCase()
  if (to === undefined || given.rest.length === 0)
    throw usage('Usage: restante deliver --to ADDRESS [--folder F] [--verbatim] FILE… (- = standard input)')
  if (!isFolder(folder)) throw usage(`“${folder}” cannot name a folder.`)
  const config = commandConfig(given)
  await using store = await openStore(config)
  const account = await requireAccount(store.directory, to)
  const recipient = parsePath(account.address)
  if (recipient === null) throw usage(`“${to}” is not an address.`)
  const verbatim = given.flag('verbatim')

  /** Resolves once the octets are taken; `stored` once they are durable. */
  const deliver = async (file: string): Promise<{ readonly stored: Promise<UniqueId> }> => {
    const octets: AsyncIterable<Uint8Array> = file === '-' ? process.stdin : createReadStream(file)
    const staged = await store.stage(verbatim ? octets : (await cleanMessage(octets, config.hostname)).octets)
    const receivedAtMs = Date.now()
    const envelope: Envelope = {
      reversePath: null,
      recipients: [recipient],
      clientIp: '',
      helo: '',
      receivedAtMs,
      protocol: 'local',
      tls: null,
      authenticatedAs: null,
      sessionId: 'deliver',
    }
    const order: CopyOrder = {
      account: account.id,
      folder,
      prefix: verbatim ? new Uint8Array(0) : utf8Octets(traceFields(envelope, recipient, config.hostname)),
      ...(folder === QUARANTINE
        ? {
            hold: {
              class: 'policy',
              reason: 'Put here by hand.',
              expiresAtMs: receivedAtMs + config.quarantine.keepMs,
            } as const,
          }
        : {}),
    }
    const stored = staged.commit(envelope, [order]).then(([outcome]) => {
      if (outcome === undefined || 'failed' in outcome) {
        throw new CommandError(
          EXIT.finding,
          `${file}: ${outcome?.failed === 'over-quota' ? `the mailbox of ${account.address} is full` : outcome?.failed}`,
        )
      }
      return outcome.stored.id
    })
    return { stored }
  }

  const pending: Promise<readonly [string, UniqueId]>[] = []
  const report = async (): Promise<void> => {
    const [file, id] = (await pending.shift()) as readonly [string, UniqueId]
    if (given.flag('json')) sayJson({ file, id, account: canonicalAddress(recipient), folder })
    else say(`${id}  ${file}`)
  }
  try {
    // A name that is wrong is told before anything is stored.
    for (const file of given.rest) {
      if (file !== '-' && statSync(file).isDirectory())
        throw new CommandError(EXIT.finding, `${file} is a folder; name the files in it.`)
    }
    for (const file of given.rest) {
      const { stored } = await deliver(file)
      const entry = stored.then((id) => [file, id] as const)
      // Reported below, in order; until then a failure must not count as unhandled.
      entry.catch(() => {})
      pending.push(entry)
      if (pending.length >= WINDOW) await report()
    }
    while (pending.length > 0) await report()
  } catch (error) {
    if (error instanceof StoreError)
      throw new CommandError(EXIT.finding, `Could not be stored: ${error.message}`, { cause: error })
    throw error
  }
  return EXIT.ok
}
