import { once } from 'node:events'
import { readArguments } from '../arguments.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { requireAccount } from '../people.ts'
import { commandConfig, openStore } from '../settings.ts'

/** `restante mail list|find|undelete`, and `mail dump --account ADDRESS [--folder F]`: every stored message, as `MSG <octets>\n` and its octets. */
export async function run(line: readonly string[]): Promise<number> {
  const [action, ...rest] = line
  if (action === 'list') return (await import('./mail-list.ts')).list(rest)
  if (action === 'find') return (await import('./mail-find.ts')).find(rest)
  if (action === 'undelete') return (await import('./mail-list.ts')).undelete(rest)
  const given = readArguments(line, { account: 'text', folder: 'text', data: 'text', config: 'text' })
  const address = given.text('account')
  if (given.rest[0] !== 'dump' || given.rest.length > 1 || address === undefined)
    throw usage(`Usage: restante mail dump --account ADDRESS [--folder F]
                mail list --account ADDRESS [--folder F] [--removed]
                mail find QUERY… [--account ADDRESS] [--limit N]
                mail undelete ID…`)
  await using store = await openStore(commandConfig(given))
  const account = await requireAccount(store.directory, address)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever reads us has seen enough.
    if (error.code === 'EPIPE') process.exit(EXIT.ok)
  })
  for await (const copy of store.copies(account.id, given.text('folder'))) {
    const octets = await store.read(copy.id)
    // Deleted since it was listed.
    if (octets === null) continue
    await write(Buffer.from(`MSG ${copy.sizeOctets}\n`))
    let written = 0
    for await (const chunk of octets) {
      written += chunk.length
      await write(chunk)
    }
    if (written !== copy.sizeOctets)
      throw new CommandError(EXIT.finding, `${copy.id}: ${written} octets read of ${copy.sizeOctets}.`)
  }
  return EXIT.ok
}

async function write(chunk: Uint8Array): Promise<void> {
  if (!process.stdout.write(chunk)) await once(process.stdout, 'drain')
}
