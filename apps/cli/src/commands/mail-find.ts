import { type FoundRecord, parseRecordQuery, SEARCH_PAGE_MAX } from '@restante/maildrop'
import { readArguments } from '../arguments.ts'
import { addressBook } from '../copies.ts'
import { EXIT, usage } from '../exit.ts'
import { requireAccount } from '../people.ts'
import { commandConfig, openStore } from '../settings.ts'
import { printable, say, sayJson, table } from '../terminal.ts'
import { moment } from '../time-text.ts'

const USAGE = `Usage: restante mail find QUERY… [--account ADDRESS] [--limit N]
  restante mail find 'from:dhl verdict:quarantine after:7d subject:"your parcel" has:attachment size:>1MB'
  also: to: attachment: before: folder: id:, and words alone; invo* = the start of a word`
const LIMIT = 50

/** `restante mail find QUERY…`: which messages came, and what became of them; the last first. */
export async function find(line: readonly string[]): Promise<number> {
  const given = readArguments(line, {
    account: 'text',
    limit: 'text',
    data: 'text',
    config: 'text',
    json: 'flag',
  })
  if (given.rest.length === 0) throw usage(USAGE)
  const limit = readLimit(given.text('limit'))
  const parsed = parseRecordQuery(given.rest.join(' '), Date.now())
  if ('wrong' in parsed) throw usage(parsed.wrong)
  await using store = await openStore(commandConfig(given))
  const address = given.text('account')
  const account = address === undefined ? 'all' : (await requireAccount(store.directory, address)).id
  const addressOf = addressBook(store)
  const rows: (readonly string[])[] = []
  let count = 0
  let after: string | null | undefined
  while (count < limit && after !== null) {
    const page = await store.search(account, parsed.query, {
      limit: Math.min(limit - count, SEARCH_PAGE_MAX),
      ...(after === undefined ? {} : { after }),
    })
    for (const found of page.found) {
      if (given.flag('json')) sayJson(recordJson(found, await addressOf(found.account)))
      else rows.push(recordRow(found, await addressOf(found.account)))
    }
    count += page.found.length
    after = page.next
  }
  if (given.flag('json')) return count > 0 ? EXIT.ok : EXIT.finding
  if (count === 0) {
    say('Nothing found.')
    return EXIT.finding
  }
  say(table(rows, ''))
  if (after != null) say(`The last ${count}; there are more: --limit ${count * 10}`)
  return EXIT.ok
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return LIMIT
  if (!/^[1-9]\d{0,6}$/.test(text)) throw usage(`--limit takes a number, not “${text}”.`)
  return Number(text)
}

function recordJson(found: FoundRecord, address: string): Readonly<Record<string, unknown>> {
  return {
    id: found.currentId,
    account: address,
    folder: found.folder,
    receivedAtMs: found.receivedAtMs,
    from: found.from,
    reversePath: found.reversePath,
    recipient: found.recipient,
    subject: found.subject,
    sizeOctets: found.sizeOctets,
    attachments: found.attachments,
    disposition: found.verdict.disposition,
    score: found.verdict.score,
  }
}

function recordRow(found: FoundRecord, address: string): readonly string[] {
  return [
    printable(found.currentId, 26),
    moment(found.receivedAtMs).slice(5),
    found.verdict.disposition === 'accept' ? (found.folder ?? 'removed') : found.verdict.disposition,
    printable(address, 14),
    printable(found.from.replace(/ *<[^>]*>$/, '') || found.from, 12),
    printable(found.subject, 18),
  ]
}
