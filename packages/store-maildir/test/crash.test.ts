import { createHash, randomInt } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { MaildropStore } from '@restante/maildrop'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openMaildirStore } from '../src/index.ts'
import { startChild } from './child.ts'
import { accountId, inbox, octetsOf, openMaildrop } from './deliveries.ts'
import { diskFolder, memoryFolder, removeFolder } from './places.ts'

/** More for a long run: `RESTANTE_CRASH_ROUNDS=500`. */
const ROUNDS = Number(process.env['RESTANTE_CRASH_ROUNDS'] ?? 20)

let directory: string

/** The hash a message says it has, against the one it has. */
function checkHash(octets: Uint8Array): string {
  const end = octets.indexOf(10)
  const said = Buffer.from(octets.subarray('X-Hash: '.length, end - 1)).toString('latin1')
  const hash = createHash('sha256')
    .update(octets.subarray(end + 1))
    .digest('hex')
  expect(hash).toBe(said)
  return hash
}

/** Reads every listed message of an account; the hashes by id. */
async function readEveryListed(store: MaildropStore, account: string): Promise<Map<string, string>> {
  await using maildrop = await openMaildrop(store, inbox(account))
  const { listing } = maildrop
  const hashes = new Map<string, string>()
  for (let i = 0; i < listing.count; i++) {
    const octets = await maildrop.readAt(i, 0, Number.MAX_SAFE_INTEGER)
    expect(octets.length).toBe(listing.sizes[i])
    hashes.set(listing.ids[i] as string, checkHash(octets))
  }
  return hashes
}

/** The names of the messages in a Maildir, and of what waits in its `tmp`. */
function filesIn(address: string): { readonly messages: string[]; readonly waiting: string[] } {
  const maildir = join(directory, 'mail', address, 'Maildir')
  const names = (part: string) => readdirSync(join(maildir, part))
  return { messages: [...names('new'), ...names('cur')], waiting: names('tmp') }
}

describe('killed at any moment', () => {
  beforeEach(async () => {
    directory = await diskFolder()
  })
  afterEach(() => removeFolder(directory))

  test(
    `nothing acknowledged is lost and nothing half-done is seen, ${ROUNDS} times`,
    async () => {
      const stored = new Map<string, string>()
      const deleting = new Set<string>()
      const deleted = new Set<string>()
      for (let round = 0; round < ROUNDS; round++) {
        // Every second round two processes deliver to the same store.
        const children = ['anna@acme.example', 'bert@acme.example']
          .slice(0, 1 + (round % 2))
          .map((address) => startChild('./delivering-process.ts', directory, address))
        await Promise.all(children.map((child) => child.said('ready')))
        await new Promise((resolve) => setTimeout(resolve, randomInt(250)))
        for (const child of children) await child.kill()
        for (const line of children.flatMap((child) => child.lines)) {
          const [word, id, hash] = line.split(' ') as [string, string, string]
          if (word === 'stored') stored.set(id, hash)
          if (word === 'deleting') deleting.add(id)
          if (word === 'deleted') deleted.add(id)
        }

        await using store = await openMaildirStore({ directory, floorOctets: 0 })
        const [own, shared] = [new Map<string, string>(), new Map<string, string>()]
        for (const [name, into] of [
          ['anna', own],
          ['bert', own],
          ['shared', shared],
        ] as const) {
          const account = await accountId(store, `${name}@acme.example`)
          const found = await readEveryListed(store, account)
          for (const [id, hash] of found) into.set(id, hash)
          expect(filesIn(`${name}@acme.example`).messages, 'a file each').toHaveLength(found.size)
        }
        // Each mail went to two accounts in one step: what was not acknowledged is in both of them or in none.
        const acknowledged = new Set(stored.values())
        const unknown = (copies: ReadonlyMap<string, string>): Set<string> =>
          new Set([...copies.values()].filter((hash) => !acknowledged.has(hash)))
        expect(unknown(own)).toEqual(unknown(shared))
        const listed = new Map([...own, ...shared])
        for (const [id, hash] of listed) stored.set(id, hash)
        for (const [id, hash] of stored) {
          if (deleted.has(id)) expect(listed.has(id), `${id} was deleted`).toBe(false)
          else if (!deleting.has(id)) {
            expect(listed.has(id), `${id} was acknowledged`).toBe(true)
            if (round === ROUNDS - 1) expect(checkHash((await octetsOf(store, id)) as Uint8Array)).toBe(hash)
          }
        }
      }
      expect(stored.size).toBeGreaterThan(ROUNDS)
    },
    60_000 + ROUNDS * 10_000,
  )
})

describe('killed between two files', () => {
  const ADDRESSES = ['a@acme.example', 'b@acme.example', 'c@acme.example']
  beforeEach(async () => {
    directory = await memoryFolder()
  })
  afterEach(() => removeFolder(directory))

  /** Runs a process that dies just before a call of the file system. */
  async function die(call: string, count: number, deed: string): Promise<void> {
    const child = startChild('./dying-process.ts', directory, call, String(count), deed)
    await child.ended
    expect(child.process.signalCode, child.lines.join()).toBe('SIGKILL')
  }

  const counts = async (): Promise<readonly number[]> => {
    await using store = await openMaildirStore({ directory, floorOctets: 0 })
    const found = []
    for (const address of ADDRESSES) {
      const account = await accountId(store, address)
      found.push((await readEveryListed(store, account)).size)
      expect(filesIn(address).messages).toHaveLength(found.at(-1) as number)
    }
    return found
  }

  test.each([
    // The decision is the commit of the rows; before the first rename it has been made.
    ['link', 1, 0],
    ['rename', 1, 1],
    ['rename', 2, 1],
    ['rename', 3, 1],
    ['flush', 1, 1],
  ] as const)('a delivery to three, before %s %i: %i each', async (call, count, expected) => {
    await die(call, count, 'deliver')
    expect(await counts()).toEqual([expected, expected, expected])
    for (const address of ADDRESSES) expect(filesIn(address).waiting, 'left in tmp').toEqual([])
    expect(await counts(), 'and again').toEqual([expected, expected, expected])
  })

  test.each([1, 2, 3])(
    'a deletion of three, before rename %i: all are gone, and can come back',
    async (count) => {
      await die('rename', count, 'delete')
      expect(await counts()).toEqual([2, 0, 0])
      await using store = await openMaildirStore({ directory, floorOctets: 0 })
      expect(readdirSync(join(directory, 'mail', ADDRESSES[0] as string, '.restante-trash'))).toHaveLength(3)
      expect(await store.expire(Date.now() + 8 * 86_400_000)).toMatchObject({ removed: 3 })
      expect(readdirSync(join(directory, 'mail', ADDRESSES[0] as string, '.restante-trash'))).toEqual([])
    },
  )

  test('another process finishes it before its own next change', async () => {
    await using store = await openMaildirStore({ directory, floorOctets: 0 })
    await accountId(store, 'other@acme.example')
    await die('rename', 2, 'deliver')
    const account = await accountId(store, ADDRESSES[2])
    expect((await readEveryListed(store, account)).size, 'readable before').toBe(1)
    expect(filesIn(ADDRESSES[2] as string).messages).toEqual([])
    await store.directory.putDomain({ name: 'x.example', catchAll: null })
    expect(filesIn(ADDRESSES[2] as string).messages).toHaveLength(1)
    expect((await readEveryListed(store, account)).size).toBe(1)
  })
})
