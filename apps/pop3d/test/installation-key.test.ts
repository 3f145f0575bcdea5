import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { installationKey } from '../src/installation-key.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'restante-key-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

test('made once, for its owner only, then always the same', () => {
  const key = installationKey(directory)
  expect(key).toHaveLength(32)
  expect(installationKey(directory)).toEqual(key)
  expect(readdirSync(directory)).toEqual(['installation.key'])
  expect(statSync(join(directory, 'installation.key')).mode & 0o777).toBe(0o600)
})

test('another folder has another key', () => {
  const other = mkdtempSync(join(tmpdir(), 'restante-key-'))
  expect(installationKey(other)).not.toEqual(installationKey(directory))
  rmSync(other, { recursive: true, force: true })
})

test('processes that start together agree', async () => {
  const children = Array.from({ length: 4 }, () =>
    fork(new URL('./key-child.ts', import.meta.url), [directory], { execArgv: [] }),
  )
  const keys = await Promise.all(
    children.map(async (child) => {
      const [[key]] = await Promise.all([once(child, 'message'), once(child, 'exit')])
      return String(key)
    }),
  )
  expect(new Set(keys).size).toBe(1)
  expect(keys[0]).toBe(Buffer.from(installationKey(directory)).toString('hex'))
  expect(readdirSync(directory)).toEqual(['installation.key'])
})

test('a folder that is not there is an error, not a key', () => {
  expect(() => installationKey(join(directory, 'none'))).toThrow('ENOENT')
})
