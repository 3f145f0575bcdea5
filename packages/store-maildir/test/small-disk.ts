import { execFileSync } from 'node:child_process'
import { memoryFolder, removeFolder } from './places.ts'

/** Size of the disk. */
export const DISK_OCTETS = 12_000_000
/** What stays free: all but what the database takes, and about 1 MB of mail. */
export const FLOOR_OCTETS = 9_500_000

/** A file system of that size on a folder, or null where this user may not mount one. */
export function mountSmall(folder: string): (() => void) | null {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_OCTETS}`, 'restante-test', folder], {
      stdio: 'pipe',
    })
    return () => execFileSync('umount', ['-l', folder], { stdio: 'pipe' })
  } catch {
    return null
  }
}

/** Whether the tests of a full disk can run. */
export const mayMount = await (async (): Promise<boolean> => {
  const folder = await memoryFolder()
  const unmount = mountSmall(folder)
  unmount?.()
  await removeFolder(folder)
  return unmount !== null
})()
if (!mayMount && process.env['RESTANTE_PEERS'] === 'required') {
  throw new Error('the tests of a full disk need the right to mount a tmpfs')
}
