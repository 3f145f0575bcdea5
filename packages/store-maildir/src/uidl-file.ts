import { readFileSync, renameSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isUniqueId, type StoredForm, type UniqueId } from '@restante/mail'
import { isAbsent } from './failure.ts'
import { writeFlushed } from './mail-files.ts'

/** What the file says of a message. */
export interface UidlEntry {
  readonly id: UniqueId
  readonly form: StoredForm
  /** Octets of the file itself; fewer than in stored form where it has LF line ends. */
  readonly rawOctets: number
}

const NAME = 'restante-uidl'
/** First line: what it is, and the version of its form. Each other line is one message, in order of arrival. */
const HEAD = 'restante-uidl 1'

/** The lines of the file: `ID SIZE BODYOFFSET STUFFING RAWSIZE BASE`. */
export function formatUidl(entries: Iterable<readonly [base: string, entry: UidlEntry]>): string {
  let text = `${HEAD}\n`
  for (const [base, { id, form, rawOctets }] of entries) {
    text += `${id} ${form.sizeOctets} ${form.bodyOffset} ${form.needsStuffing ? 1 : 0} ${rawOctets} ${base}\n`
  }
  return text
}

/** Reads it back; lines of another form are left out, a file of another version is empty. */
export function parseUidl(text: string): Map<string, UidlEntry> {
  const entries = new Map<string, UidlEntry>()
  const [head, ...lines] = text.split('\n')
  if (head !== HEAD) return entries
  for (const line of lines) {
    const match = /^(\S+) (\d{1,15}) (\d{1,15}) ([01]) (\d{1,15}) (.+)$/.exec(line)
    if (match === null || !isUniqueId(match[1] as string)) continue
    entries.set(match[6] as string, {
      id: match[1] as string,
      form: {
        sizeOctets: Number(match[2]),
        bodyOffset: Number(match[3]),
        needsStuffing: match[4] === '1',
      },
      rawOctets: Number(match[5]),
    })
  }
  return entries
}

/** The file of a Maildir; empty where there is none. */
export function readUidl(maildir: string): Map<string, UidlEntry> {
  try {
    return parseUidl(readFileSync(join(maildir, NAME), 'utf8'))
  } catch (error) {
    if (isAbsent(error)) return new Map()
    throw error
  }
}

/** A new list, written and flushed beside the one in use. */
export interface FreshUidl {
  /** Puts it in place of the old one; a crash leaves one of them, whole. */
  use(): void
  /** Takes it away. */
  drop(): void
}

let written = 0

/** Writes a new list beside the one in use. */
export async function writeUidl(maildir: string, text: string): Promise<FreshUidl> {
  const path = join(maildir, `${NAME}.${process.pid}-${++written}.new`)
  await rm(path, { force: true })
  await writeFlushed(path, [Buffer.from(text)], Date.now())
  return {
    use: () => renameSync(path, join(maildir, NAME)),
    drop: () => rmSync(path, { force: true }),
  }
}
