import { chownSync } from 'node:fs'
import { userInfo } from 'node:os'

/** Who owns mail where tests run as root: Dovecot gives root none. */
const NOBODY = 65_534
const self = userInfo()
const isRoot = self.uid === 0

/** Whose the mail of a test is: this user's, or nobody's where this user is root. */
export const mailOwner: { readonly uid: number; readonly gid: number } = isRoot
  ? { uid: NOBODY, gid: NOBODY }
  : { uid: self.uid, gid: self.gid }

/** Does what follows as the owner of the mail, in a folder that is given to him. */
export function actAsMailOwner(folder: string): void {
  if (!isRoot) return
  chownSync(folder, NOBODY, NOBODY)
  process.setegid?.(NOBODY)
  process.seteuid?.(NOBODY)
}

/** Does what follows as the user who runs the tests. */
export function actAsTester(): void {
  if (!isRoot) return
  process.seteuid?.(0)
  process.setegid?.(self.gid)
}
