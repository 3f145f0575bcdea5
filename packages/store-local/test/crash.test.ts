import { createHash, randomInt } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LocalStore, openLocalStore } from '../src/index.ts'
import { startChild } from './child.ts'
import { accountId, inbox, octetsOf, openMaildrop } from './deliveries.ts'
import { diskFolder, removeFolder } from './places.ts'

/** More for a long run: `RESTANTE_CRASH_ROUNDS=500`. */
const ROUNDS = Number(process.env['RESTANTE_CRASH_ROUNDS'] ?? 20)

let directory: string

beforeEach(async () => {
  directory = await diskFolder()
})

afterEach(() => removeFolder(directory))

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

async function checkEveryListed(store: LocalStore, account: string): Promise<Set<string>> {
  await using maildrop = await openMaildrop(store, inbox(account))
  const { listing } = maildrop
  for (let i = 0; i < listing.count; i++) {
    const octets = await maildrop.readAt(i, 0, Number.MAX_SAFE_INTEGER)
    expect(octets.length).toBe(listing.sizes[i])
    checkHash(octets)
  }
  return new Set(listing.ids)
}

test(
  `nothing acknowledged is lost and nothing half-done is seen, killed ${ROUNDS} times`,
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

      const store = await openLocalStore({ directory, floorOctets: 0 })
      const listed = new Set<string>()
      for (const address of ['anna', 'bert', 'shared']) {
        const account = await accountId(store, `${address}@acme.example`)
        for (const id of await checkEveryListed(store, account)) listed.add(id)
      }
      for (const [id, hash] of stored) {
        if (deleted.has(id)) expect(listed.has(id), `${id} was deleted`).toBe(false)
        else if (!deleting.has(id)) {
          expect(listed.has(id), `${id} was acknowledged`).toBe(true)
          if (round === ROUNDS - 1) expect(checkHash((await octetsOf(store, id)) as Uint8Array)).toBe(hash)
        }
      }
      // Each mail went to two accounts, in one step.
      const messages = async (address: string): Promise<number> =>
        (await store.directory.usage(await accountId(store, `${address}@acme.example`))).messages
      expect(await messages('shared')).toBe(
        (await messages('anna')) + (await messages('bert')) + (await store.stats()).removedMessages,
      )
      expect((await store.verify()).problems).toEqual([])
      await store.close()
    }
    expect(stored.size).toBeGreaterThan(ROUNDS)
  },
  60_000 + ROUNDS * 10_000,
)
