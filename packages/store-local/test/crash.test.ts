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

/** Reads every listed message of an account; the hashes by id. */
async function readEveryListed(store: LocalStore, account: string): Promise<Map<string, string>> {
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

test(
  `nothing acknowledged is lost and nothing half-done is seen, killed ${ROUNDS} times`,
  async () => {
    const stored = new Map<string, string>()
    const deleting = new Set<string>()
    const deleted = new Set<string>()
    for (let round = 0; round < ROUNDS; round++) {
      // Every second round two processes deliver to the same store, every third compacts it meanwhile.
      const children = ['anna@acme.example', 'bert@acme.example']
        .slice(0, 1 + (round % 2))
        .map((address, i) =>
          startChild(
            './delivering-process.ts',
            directory,
            address,
            round % 3 === 2 && i === 0 ? 'compact' : '',
          ),
        )
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
      const [own, shared] = [new Map<string, string>(), new Map<string, string>()]
      for (const [address, into] of [
        ['anna', own],
        ['bert', own],
        ['shared', shared],
      ] as const) {
        const account = await accountId(store, `${address}@acme.example`)
        for (const [id, hash] of await readEveryListed(store, account)) into.set(id, hash)
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
      expect((await store.verify()).problems).toEqual([])
      await store.close()
    }
    expect(stored.size).toBeGreaterThan(ROUNDS)
  },
  60_000 + ROUNDS * 10_000,
)
