import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder in memory where the system has one: for tests that are about order and meaning, not about the disk. */
export function memoryFolder(): Promise<string> {
  try {
    accessSync('/dev/shm', constants.W_OK)
    return mkdtemp('/dev/shm/restante-store-')
  } catch {
    return diskFolder()
  }
}

/** A folder on the disk temporary files go to. */
export function diskFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'restante-store-'))
}

export function removeFolder(directory: string): Promise<void> {
  return rm(directory, { recursive: true, force: true })
}
