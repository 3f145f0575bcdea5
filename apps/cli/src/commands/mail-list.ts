import type { Actor, StoredCopy } from '@restante/maildrop'
import { readArguments } from '../arguments.ts'
import { addressBook, copyJson, copyRow, oneCopy, readFolder } from '../copies.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { requireAccount } from '../people.ts'
import { commandConfig, openStore } from '../settings.ts'
import { say, sayJson, table } from '../terminal.ts'

const ADMIN: Actor = { account: null, by: 'command' }
/** Rows of a table held back until its columns are as wide as they must be. */
const TABLE_ROWS = 200

/** `restante mail list --account ADDRESS [--folder F | --removed]`: what is stored, oldest first. */
export async function list(line: readonly string[]): Promise<number> {
  const given = readArguments(line, {
    account: 'text',
    folder: 'text',
    removed: 'flag',
    data: 'text',
    config: 'text',
    json: 'flag',
  })
  const address = given.text('account')
  if (given.rest.length > 0 || address === undefined)
    throw usage('Usage: restante mail list --account ADDRESS [--folder F] [--removed]')
  const asked = given.text('folder')
  const folder = asked === undefined ? undefined : readFolder(asked)
  await using store = await openStore(commandConfig(given))
  const account = await requireAccount(store.directory, address)
  const removed = given.flag('removed')
  let count = 0
  let rows: (readonly string[])[] = []
  const flush = (): void => {
    if (rows.length > 0) say(table(rows, ''))
    rows = []
  }
  const copies: AsyncIterable<StoredCopy> = removed
    ? store.removed(account.id)
    : store.copies(account.id, folder)
  for await (const copy of copies) {
    if (folder !== undefined && copy.folder !== folder) continue
    count++
    const record = await store.records.get(copy.id)
    if (given.flag('json')) sayJson(copyJson(copy, record, account.address))
    else rows.push(copyRow(copy, record, copy.folder))
    if (rows.length >= TABLE_ROWS) flush()
  }
  flush()
  if (!given.flag('json') && count === 0) say(removed ? 'Nothing removed can come back.' : 'No messages.')
  return EXIT.ok
}

/** `restante mail undelete ID…`: brings removed messages back, for 7 days. */
export async function undelete(line: readonly string[]): Promise<number> {
  const given = readArguments(line, { data: 'text', config: 'text', json: 'flag' })
  if (given.rest.length === 0) throw usage('Usage: restante mail undelete ID…')
  await using store = await openStore(commandConfig(given))
  const addressOf = addressBook(store)
  const copies: StoredCopy[] = []
  for (const id of given.rest) {
    copies.push(oneCopy(await store.findRemoved(id), id, 'removed message that can come back:'))
  }
  for (const copy of copies) {
    const outcome = await store.undelete(copy, ADMIN)
    if ('failed' in outcome) throw new CommandError(EXIT.finding, `${copy.id} can no longer come back.`)
    const address = await addressOf(copy.account)
    if (given.flag('json'))
      sayJson({ id: copy.id, account: address, folder: copy.folder, restored: outcome.restored })
    else say(`Back in ${copy.folder} of ${address} as ${outcome.restored}.`)
  }
  return EXIT.ok
}
