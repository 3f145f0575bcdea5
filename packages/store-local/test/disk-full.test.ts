import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '@restante/maildrop'
import { expect, test } from 'vitest'
import { openLocalStore } from '../src/index.ts'
import { accountId, deliverOne, inbox, octetsOf, openMaildrop, randomMessage } from './deliveries.ts'
import { memoryFolder, removeFolder } from './places.ts'

/** A file system of that size on a folder, or null where this user may not mount one. */
function mountSmall(folder: string, sizeOctets: number): (() => void) | null {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeOctets}`, 'restante-test', folder], {
      stdio: 'pipe',
    })
    return () => execFileSync('umount', ['-l', folder], { stdio: 'pipe' })
  } catch {
    return null
  }
}

const mayMount = await (async (): Promise<boolean> => {
  const folder = await memoryFolder()
  const unmount = mountSmall(folder, 1_000_000)
  unmount?.()
  await removeFolder(folder)
  return unmount !== null
})()
if (!mayMount && process.env['RESTANTE_PEERS'] === 'required') {
  throw new Error('the tests of a full disk need the right to mount a tmpfs')
}
const reason = mayMount ? '' : ' (skipped: mounting a tmpfs is not permitted)'

/** Delivers until the store has no room; what was stored, by id. */
async function fill(
  store: Awaited<ReturnType<typeof openLocalStore>>,
  account: string,
  sizeOctets: number,
): Promise<Map<string, Uint8Array>> {
  const stored = new Map<string, Uint8Array>()
  for (let i = 0; i < 100_000; i++) {
    const octets = randomMessage(sizeOctets)
    try {
      stored.set(await deliverOne(store, account, octets), octets)
    } catch (error) {
      expect(error).toBeInstanceOf(StoreError)
      expect((error as StoreError).code).toBe('disk-full')
      return stored
    }
  }
  throw new Error('the disk never filled up')
}

test.runIf(mayMount)(
  `a disk that runs full refuses mail, keeps what it took, and takes deletions${reason}`,
  async () => {
    const folder = await memoryFolder()
    const unmount = mountSmall(folder, 24_000_000)
    try {
      const directory = join(folder, 'data')
      mkdirSync(directory)
      const floorOctets = 8_000_000
      let store = await openLocalStore({ directory, floorOctets })
      const account = await accountId(store)
      const stored = await fill(store, account, 100_000)
      expect(stored.size).toBeGreaterThan(20)
      expect(store.hasRoomFor(200_000)).toBe(false)
      for (const [id, octets] of stored) expect(await octetsOf(store, id)).toEqual(new Uint8Array(octets))
      const maildrop = await openMaildrop(store, inbox(account))
      expect(await maildrop.commit([...maildrop.listing.ids.keys()])).toEqual({ ok: true })
      await maildrop[Symbol.asyncDispose]()
      await store.close()

      // A week later the octets come back, and with them room.
      store = await openLocalStore({ directory, floorOctets: 0, now: () => Date.now() + 8 * 86_400_000 })
      expect(await store.expire(Date.now() + 8 * 86_400_000)).toMatchObject({ removed: stored.size })
      const { freedOctets } = await store.compact()
      expect(freedOctets).toBeGreaterThan(stored.size * 90_000)
      await store.close()
      store = await openLocalStore({ directory, floorOctets })
      expect((await fill(store, account, 100_000)).size).toBeGreaterThan(stored.size / 2)
      await store.close()
    } finally {
      unmount?.()
      await removeFolder(folder)
    }
  },
)

test.runIf(mayMount)(
  `without a floor the disk fills to the last octet and nothing is lost${reason}`,
  async () => {
    const folder = await memoryFolder()
    const unmount = mountSmall(folder, 16_000_000)
    try {
      const directory = join(folder, 'data')
      mkdirSync(directory)
      let store = await openLocalStore({ directory, floorOctets: 0 })
      const account = await accountId(store)
      const stored = await fill(store, account, 300_000)
      for (const [id, octets] of await fill(store, account, 20_000)) stored.set(id, octets)
      for (const [id, octets] of await fill(store, account, 100)) stored.set(id, octets)
      await store.close()
      // Nothing at all can be written now, so nobody can open it before room is made.
      execFileSync('mount', ['-o', 'remount,size=20000000', folder], { stdio: 'pipe' })
      store = await openLocalStore({ directory, floorOctets: 0 })
      for (const [id, octets] of stored) expect(await octetsOf(store, id)).toEqual(new Uint8Array(octets))
      expect((await store.directory.usage(account)).messages).toBe(stored.size)
      expect((await store.verify()).problems).toEqual([])
      await store.close()
    } finally {
      unmount?.()
      await removeFolder(folder)
    }
  },
)
