import type { Actor, StoredCopy } from '@restante/maildrop'
import { QUARANTINE } from '@restante/maildrop'
import { formatSize } from '@restante/runtime'
import { type Arguments, readArguments } from '../arguments.ts'
import { accountsOf, addressBook, copyJson, copyRow, oneCopy } from '../copies.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { requireAccount } from '../people.ts'
import { commandConfig, openStore } from '../settings.ts'
import { printable, say, sayJson, table } from '../terminal.ts'
import { day, moment } from '../time-text.ts'

const USAGE = `Usage: restante quarantine list [--account ADDRESS]
                quarantine show ID
                quarantine release ID… [--yes]
                quarantine delete ID…`
const ADMIN: Actor = { account: null, by: 'command' }

type Store = Awaited<ReturnType<typeof openStore>>

/** `restante quarantine list|show|release|delete`: mail that is held back. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, {
    account: 'text',
    yes: 'flag',
    data: 'text',
    config: 'text',
    json: 'flag',
  })
  const [action, ...ids] = given.rest
  if (action === 'list' ? ids.length > 0 : ids.length === 0) throw usage(USAGE)
  if (action === 'show' && ids.length > 1) throw usage(USAGE)
  if (!['list', 'show', 'release', 'delete'].includes(action ?? '')) throw usage(USAGE)
  await using store = await openStore(commandConfig(given))
  if (action === 'list') return await list(store, given)
  const copies: StoredCopy[] = []
  for (const id of ids) copies.push(await heldCopy(store, given, id))
  if (action === 'show') return await show(store, given, copies[0] as StoredCopy)
  return action === 'release' ? await release(store, given, copies) : await discard(store, given, copies)
}

async function heldCopy(store: Store, given: Arguments, id: string): Promise<StoredCopy> {
  const address = given.text('account')
  const account = address === undefined ? null : await requireAccount(store.directory, address)
  const found = await store.find(id)
  if (found !== 'ambiguous' && found !== null) {
    if (found.folder !== QUARANTINE)
      throw new CommandError(EXIT.finding, `${found.id} is not held; it is in ${found.folder}.`)
    if (account !== null && found.account !== account.id)
      throw new CommandError(EXIT.finding, `${found.id} is not held for ${account.address}.`)
    return found
  }
  if (account === null) return oneCopy<StoredCopy>(found, id, 'held message')
  // Several have that start or that imported id: perhaps only one of them in this account.
  const own: StoredCopy[] = []
  for await (const copy of store.copies(account.id, QUARANTINE)) if (copy.id.startsWith(id)) own.push(copy)
  const exact = own.find((copy) => copy.id === id)
  const named: StoredCopy | 'ambiguous' | null = exact ?? (own.length > 1 ? 'ambiguous' : (own[0] ?? null))
  return oneCopy<StoredCopy>(named, id, 'held message')
}

async function list(store: Store, given: Arguments): Promise<number> {
  const asked = given.text('account')
  const only = asked === undefined ? null : await requireAccount(store.directory, asked)
  let count = 0
  for (const account of await accountsOf(store, only)) {
    const rows: (readonly string[])[] = []
    for await (const copy of store.copies(account.id, QUARANTINE)) {
      const record = await store.records.get(copy.id)
      count++
      if (given.flag('json')) sayJson(copyJson(copy, record, account.address))
      else rows.push(copyRow(copy, record, copy.hold?.class ?? ''))
    }
    if (rows.length > 0) say(`${account.address}\n${table(rows)}`)
  }
  if (count === 0 && !given.flag('json')) say('Nothing is held.')
  return EXIT.ok
}

async function show(store: Store, given: Arguments, copy: StoredCopy): Promise<number> {
  const record = await store.records.get(copy.id)
  const address = await addressBook(store)(copy.account)
  if (given.flag('json')) {
    sayJson({ ...copyJson(copy, record, address), symbols: record?.verdict.symbols ?? [] })
    return EXIT.ok
  }
  const expiresAtMs = copy.hold?.expiresAtMs ?? null
  const rows = [
    ['Held for', address],
    ['Since', `${moment(copy.arrivedAtMs)} UTC`],
    ['Until', expiresAtMs === null ? 'someone decides' : `${day(expiresAtMs)}, then it is removed for good`],
    ['Class', copy.hold?.class ?? ''],
    ['Reason', printable(copy.hold?.reason ?? '')],
    ['Size', formatSize(copy.sizeOctets)],
    ...(record === null
      ? []
      : [
          ['From', printable(record.from)],
          ['Subject', printable(record.subject)],
          ['Score', `${record.verdict.score} of ${record.verdict.threshold ?? 'no'} needed`],
          ...record.verdict.symbols.map(({ symbol, score, why }) => [
            `  ${score > 0 ? '+' : ''}${score}`,
            `${symbol}  ${printable(why)}`,
          ]),
        ]),
  ]
  say(`${copy.id}\n${table(rows)}`)
  say(`\nAct: restante quarantine release ${copy.id} · restante quarantine delete ${copy.id}`)
  return EXIT.ok
}

async function release(store: Store, given: Arguments, copies: readonly StoredCopy[]): Promise<number> {
  const dangerous = copies.filter(({ hold }) => hold?.class === 'malware' || hold?.class === 'phishing')
  if (dangerous.length > 0 && !given.flag('yes')) {
    throw new CommandError(
      EXIT.refused,
      `${dangerous.map(({ id, hold }) => `${id} is held as ${hold?.class}`).join(', ')}. Nothing was released. Say it again with --yes.`,
    )
  }
  const addressOf = addressBook(store)
  let failed = 0
  for (const copy of copies) {
    const outcome = await store.release(copy, ADMIN)
    const address = await addressOf(copy.account)
    if ('failed' in outcome) failed++
    if (given.flag('json')) sayJson({ id: copy.id, account: address, ...outcome })
    else if ('failed' in outcome) say(`${copy.id} is no longer held.`)
    else say(`Released to ${address} as ${outcome.released}. The filter learns that it was wanted.`)
  }
  return failed === 0 ? EXIT.ok : EXIT.finding
}

async function discard(store: Store, given: Arguments, copies: readonly StoredCopy[]): Promise<number> {
  let failed = 0
  for (const copy of copies) {
    const removed = await store.discard(copy, ADMIN)
    if (!removed) failed++
    if (given.flag('json')) sayJson({ id: copy.id, removed })
    else
      say(
        removed
          ? `Deleted ${copy.id}. For 7 days: restante mail undelete ${copy.id}`
          : `${copy.id} is gone already.`,
      )
  }
  return failed === 0 ? EXIT.ok : EXIT.finding
}
