import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const CHILD = fileURLToPath(new URL('./lazy-child.ts', import.meta.url))
const loadedWith = async (dns: string): Promise<unknown> =>
  JSON.parse((await promisify(execFile)(process.execPath, [CHILD, dns])).stdout)

test('with DNS off nothing that asks DNS is loaded; with DNS on signatures are judged elsewhere', async () => {
  expect(await loadedWith('off')).toEqual([])
  expect(await loadedWith('on')).toEqual(['trust/src/resolver.ts'])
}, 60_000)
