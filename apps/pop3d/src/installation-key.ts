import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * 32 random octets that belong to a data folder, made once: what is invented for unknown names is the same in every
 * process and after a restart. Two processes that start together agree: the first link wins.
 */
export function installationKey(directory: string): Uint8Array {
  const file = join(directory, 'installation.key')
  try {
    return readFileSync(file)
  } catch {
    const made = `${file}.${process.pid}`
    writeFileSync(made, randomBytes(32), { mode: 0o600 })
    try {
      linkSync(made, file)
    } catch {
      // Another process was first.
    }
    rmSync(made)
    return readFileSync(file)
  }
}
