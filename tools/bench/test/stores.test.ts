import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { countStored, fillStore } from '../src/filling.ts'
import { runStoreLoad } from '../src/load/store-load.ts'
import { fillMaildir } from '../src/plain-maildir.ts'
import { makeMail } from '../src/sample-mail.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'restante-bench-test-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const fresh = (): string => mkdtempSync(join(folder, 'd-'))

describe.each(['restante', 'maildir'] as const)('a load on %s', (store) => {
  test('delivers what it counts', async () => {
    const directory = fresh()
    const job = { kind: 'deliver', store, directory, writers: 4, sizeOctets: 1000, mails: 25 } as const
    const result = await runStoreLoad({ ...job, maxMs: 20_000 })
    expect(result).toMatchObject({ operations: 25, errorCount: 0, octets: 25_000 })
    const kept =
      store === 'maildir' ? readdirSync(join(directory, 'new')).length : await countStored(directory)
    // Those of the warm-up are there too.
    expect(kept).toBeGreaterThanOrEqual(25)
  })

  test('reads whole messages back', async () => {
    const job = { kind: 'retrieve', store, directory: fresh(), sizeOctets: 600_000, mails: 2 } as const
    const result = await runStoreLoad({ ...job, maxMs: 200 })
    expect(result.errorCount).toBe(0)
    expect(result.operations).toBeGreaterThanOrEqual(1)
    const each = result.octets / result.operations
    // The store's messages have a prefix in front.
    expect(each).toBeGreaterThanOrEqual(600_000)
    expect(each).toBeLessThan(601_000)
  })
})

test.each([
  ['fdatasync', 16 << 10],
  ['write', 4 << 20],
] as const)('the disk alone: %s', async (what, maxOctets) => {
  const result = await runStoreLoad({ kind: 'disk', what, directory: fresh(), maxMs: 20_000, maxOctets })
  expect(result).toMatchObject({ octets: maxOctets, errorCount: 0 })
})

test('both kinds of maildrops hold the same mail', async () => {
  const group = { name: 'x', accounts: 2, messages: 5, sizeOctets: 1000 }
  const mail = makeMail({ sizeOctets: 1000, seed: 1, dots: true })
  const data = fresh()
  await fillStore(data, [group], () => mail)
  expect(await countStored(data)).toBe(10)
  const maildir = fresh()
  fillMaildir(maildir, 5, () => mail)
  const names = readdirSync(join(maildir, 'cur'))
  expect(names).toHaveLength(5)
  for (const name of names) {
    const file = readFileSync(join(maildir, 'cur', name), 'latin1')
    expect(file.replaceAll('\n', '\r\n')).toBe(mail.toString('latin1'))
    expect(name).toContain(`,S=${file.length},W=${mail.length}:2,S`)
  }
})
