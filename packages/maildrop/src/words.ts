/** Stable, opaque id of an account; survives renames. */
export type AccountId = string

/** `inbox`, `quarantine` or a named folder: 1-64 letters, digits, `-`, `_`, `.` in lower case, not starting with `.`. */
export type Folder = string

/** The folder new mail goes to, and the one that holds what is kept from it. */
export const INBOX = 'inbox'
export const QUARANTINE = 'quarantine'

/** Where mail comes back that was found without its index: by a rebuild, never in the inbox. */
export const RECOVERED = 'recovered'

/** Whether a text may name a folder. */
export function isFolder(text: string): boolean {
  return /^(?!\.)[\p{Ll}\p{Lo}\p{Lm}\p{N}\p{M}_.-]{1,64}$/u.test(text)
}

/**
 * Through which eyes a folder is seen.
 * `classic`: the account password's view; its deletions remove for all.
 * `device:NAME`: a device password's view; its deletions hide from that device only.
 * `recent`: what exists of the last 30 days, read-only.
 */
export type View = 'classic' | 'recent' | `device:${string}`

/** What one POP3 session opens: a folder of an account through a view. */
export interface MaildropKey {
  readonly account: AccountId
  readonly folder: Folder
  readonly view: View
}

/** The view of a device by its name. */
export function deviceView(name: string): View {
  return `device:${name}`
}

/** The device a view belongs to; empty for the account password's views. */
export function deviceOf(view: View): string {
  return view.startsWith('device:') ? view.slice('device:'.length) : ''
}
