import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Ports } from '@restante/runtime'

/** What a running instance says about itself, in its data folder. */
export interface Instance {
  readonly pid: number
  readonly host: string
  readonly ports: Ports
  readonly startedAtMs: number
}

const fileOf = (directory: string): string => join(directory, 'instance.json')

/** Leaves word that an instance is running on this data folder. */
export function announceInstance(directory: string, instance: Instance): void {
  const file = fileOf(directory)
  writeFileSync(`${file}.new`, `${JSON.stringify(instance)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** Takes the word back, if it is still ours. */
export function withdrawInstance(directory: string): void {
  if (readInstance(directory)?.pid === process.pid) rmSync(fileOf(directory), { force: true })
}

/** The instance running on a data folder, or null: none, or one that died without taking its word back. */
export function readInstance(directory: string): Instance | null {
  try {
    const instance = JSON.parse(readFileSync(fileOf(directory), 'utf8')) as Instance
    process.kill(instance.pid, 0)
    return instance
  } catch {
    return null
  }
}
