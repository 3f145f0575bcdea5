import { canonicalAddress, parsePath } from '@restante/mail'
import { type Folder, INBOX, isFolder } from '@restante/maildrop'

/** The longest login name that is read at all, in UTF-16 units. */
export const LOGIN_NAME_MAX_LENGTH = 512

/** What a login name asks for. */
export interface LoginName {
  /** Canonical `local@domain`. */
  readonly address: string
  readonly folder: Folder
  /** `recent` for `recent:ADDRESS`; null leaves the view to the credential that fits. */
  readonly view: 'recent' | null
  /** The device a SCRAM name speaks for (`ADDRESS+device=NAME`), or null. */
  readonly device: string | null
}

/** Where a login name is incomplete. */
export interface LoginNameDefaults {
  /** Stands in where the name has no `@`; null refuses such names. */
  readonly defaultDomain: string | null
}

const RECENT = 'recent:'
const DEVICE = '+device='
const CONTROLS = /[\u0000-\u001f\u007f]/

/** Whether a text may name a device: 1-64 letters, digits, spaces and `. _ - ' ( )`, not starting with a space. */
export function isDeviceName(text: string): boolean {
  return /^[\p{L}\p{N}][\p{L}\p{N}\p{M} ._'()-]{0,63}$/u.test(text) && !text.endsWith(' ')
}

/**
 * Reads `anna`, `anna@acme.example`, `anna@acme.example/quarantine`, `recent:anna@acme.example` and
 * `anna@acme.example+device=NAME` (folder and device in either order, each at most once). Case does not count
 * but in a device's name. Null for anything else.
 */
export function parseLoginName(name: string, defaults: LoginNameDefaults): LoginName | null {
  if (name.length > LOGIN_NAME_MAX_LENGTH || CONTROLS.test(name)) return null
  let rest = name.normalize('NFC')
  const recent = rest.slice(0, RECENT.length).toLowerCase() === RECENT
  if (recent) rest = rest.slice(RECENT.length)

  // A local part may hold slashes and pluses, a domain neither: what follows the address starts there.
  const at = rest.lastIndexOf('@')
  const head = rest.slice(0, at + 1)
  let base = rest.slice(at + 1)
  let folder: string | null = null
  let device: string | null = null
  for (;;) {
    const slash = base.lastIndexOf('/')
    const plus = base.toLowerCase().lastIndexOf(DEVICE)
    if (slash < 0 && plus < 0) break
    if (slash > plus) {
      if (folder !== null) return null
      folder = base.slice(slash + 1).toLowerCase()
      base = base.slice(0, slash)
    } else {
      if (device !== null) return null
      device = base.slice(plus + DEVICE.length)
      base = base.slice(0, plus)
    }
  }
  if (folder !== null && !isFolder(folder)) return null
  if (device !== null && !isDeviceName(device)) return null
  if (at < 0 && defaults.defaultDomain === null) return null
  const path = parsePath(at < 0 ? `${base}@${defaults.defaultDomain}` : head + base)
  if (path === null) return null
  return { address: canonicalAddress(path), folder: folder ?? INBOX, view: recent ? 'recent' : null, device }
}
