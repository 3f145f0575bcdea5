import type { Account, MaildropStore, StoredCopy, StoredRecord } from '@restante/maildrop'
import { isFolder } from '@restante/maildrop'
import { formatSize } from '@restante/runtime'
import { CommandError, EXIT, usage } from './exit.ts'
import { printable } from './terminal.ts'
import { moment } from './time-text.ts'

/** The folder of `--folder` in canonical form. @throws {CommandError} exit 2 */
export function readFolder(text: string): string {
  const folder = text.normalize('NFC').toLowerCase()
  if (!isFolder(folder)) throw usage(`“${text}” cannot name a folder.`)
  return folder
}

/**
 * What a search for an id answered, if it named one copy.
 * @param what completes “There is no … ID”: `held message`
 * @throws {CommandError} exit 1
 */
export function oneCopy<T extends object>(found: T | 'ambiguous' | null, id: string, what: string): T {
  if (found === 'ambiguous')
    throw new CommandError(EXIT.finding, `“${id}” is the start of several ids. Give more of it.`)
  if (found === null) throw new CommandError(EXIT.finding, `There is no ${what} ${id}.`)
  return found
}

/** A copy with what is known of it, for a line of JSON. */
export function copyJson(
  copy: StoredCopy,
  record: StoredRecord | null,
  address: string,
): Readonly<Record<string, unknown>> {
  return {
    id: copy.id,
    account: address,
    folder: copy.folder,
    arrivedAtMs: copy.arrivedAtMs,
    sizeOctets: copy.sizeOctets,
    ...(copy.hold === null ? {} : { hold: copy.hold }),
    ...('removedAtMs' in copy ? { removedAtMs: copy.removedAtMs } : {}),
    ...(record === null
      ? {}
      : {
          from: record.from,
          subject: record.subject,
          disposition: record.verdict.disposition,
          score: record.verdict.score,
        }),
  }
}

/** A copy as the row of a table that fits 100 columns: id, arrival, `word`, size, sender, subject. */
export function copyRow(copy: StoredCopy, record: StoredRecord | null, word: string): readonly string[] {
  return [
    copy.id.length > 26 ? printable(copy.id, 26) : copy.id,
    moment(copy.arrivedAtMs),
    word,
    formatSize(copy.sizeOctets),
    record === null ? '' : printable(record.from.replace(/ *<[^>]*>$/, '') || record.from, 14),
    record === null ? '(no record)' : printable(record.subject, 18),
  ]
}

/** Addresses of accounts by their ids, looked up once each. */
export function addressBook(store: MaildropStore): (id: string) => Promise<string> {
  const known = new Map<string, string>()
  return async (id) => {
    const address = known.get(id) ?? (await store.directory.account(id))?.address ?? id
    known.set(id, address)
    return address
  }
}

/** The accounts a command is about: the one asked for, or all. */
export async function accountsOf(store: MaildropStore, asked: Account | null): Promise<readonly Account[]> {
  return asked === null ? store.directory.accounts() : [asked]
}
