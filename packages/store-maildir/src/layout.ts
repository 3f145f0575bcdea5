import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Octets, UniqueId } from '@restante/mail'
import { type Folder, INBOX, isFolder, QUARANTINE } from '@restante/maildrop'

/** File systems take 255 octets; `,S=...` and `:2,FLAGS` come on top of a base name. */
const NAME_MAX_OCTETS = 200

/** The name of an account's folder in `mail/`: its address, with what a file name cannot hold as `%XX`. */
export function homeName(address: string): string {
  const escaped = address
    .replace(/[%/\\:\p{Cc}]/gu, (character) => encodeURIComponent(character))
    .replace(/^\./, '%2E')
  if (Buffer.byteLength(escaped) <= NAME_MAX_OCTETS) return escaped
  return `${shortHash(address)}@${address.slice(address.lastIndexOf('@') + 1).slice(0, 60)}`
}

/** The folder's directory in a Maildir, as Maildir++ has it; empty for the inbox, which is the Maildir itself. */
export function folderDirectory(folder: Folder): string {
  if (folder === INBOX) return ''
  if (folder === QUARANTINE) return '.Quarantine'
  const name = `.${modifiedUtf7(folder)}`
  return Buffer.byteLength(name) <= NAME_MAX_OCTETS ? name : `.~${shortHash(folder)}`
}

/** The folder a directory of a Maildir is for; null where it is none of ours, such as `.Sent`. */
export function folderOf(directory: string): Folder | null {
  if (directory === '.Quarantine') return QUARANTINE
  const name = fromModifiedUtf7(directory.slice(1))
  if (name === null || name === INBOX || name === QUARANTINE || !isFolder(name)) return null
  return folderDirectory(name) === directory ? name : null
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/** Mailbox names as IMAP spells them on the disk (RFC 3501 §5.1.3). */
function modifiedUtf7(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, (run) => {
    const octets = Buffer.from(run, 'utf16le').swap16()
    return `&${octets.toString('base64').replace(/=+$/, '').replaceAll('/', ',')}-`
  })
}

function fromModifiedUtf7(text: string): string | null {
  if (/[^\x20-\x7e]/.test(text)) return null
  return text.replace(/&([A-Za-z0-9+,]+)-/g, (_, run: string) => {
    const octets = Buffer.from(run.replaceAll(',', '/'), 'base64')
    return octets
      .subarray(0, octets.length & ~1)
      .swap16()
      .toString('utf16le')
  })
}

const HOST = hostname()
  .replace(/[/:,]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`)
  .slice(0, 64)

/**
 * A base name for a message of ours: its unique-id is in it, and its sizes as Dovecot writes them: `S` the file's
 * octets, `W` those with CRLF line ends (RFC822.SIZE). They are the same but for files of other programs.
 */
export function baseName(nowMs: number, id: UniqueId, sizeOctets: Octets, rawOctets: Octets): string {
  const seconds = Math.max(0, Math.floor(nowMs / 1000))
  return `${seconds}.${id}.${HOST},S=${rawOctets},W=${sizeOctets}`
}

/** The unique-id in a base name of ours, or null. */
export function idInBase(base: string): UniqueId | null {
  return /^\d+\.([0-7][0-9A-HJKMNP-TV-Z]{25})\./.exec(base)?.[1] ?? null
}

/** The name without flags. */
export function baseOf(fileName: string): string {
  const colon = fileName.indexOf(':')
  return colon < 0 ? fileName : fileName.slice(0, colon)
}

/** Where everything of a store is. */
export class Layout {
  readonly directory: string
  /** Large bodies while they are staged, and converted ones while they are read. */
  readonly staging: string

  constructor(directory: string) {
    this.directory = directory
    this.staging = join(directory, 'staging')
  }

  home(home: string): string {
    return join(this.directory, 'mail', home)
  }

  /** Where the home of an erased account waits until no session can show it. */
  erasedHome(account: number): string {
    return join(this.directory, 'erased', String(account))
  }
}

/** A folder's Maildir in an account's home. */
export function maildirIn(home: string, folder: Folder): string {
  return join(home, 'Maildir', folderDirectory(folder))
}

/** Where an account's removed mail is: beside its Maildir, so that other programs do not list it. */
export function trashIn(home: string): string {
  return join(home, '.restante-trash')
}
