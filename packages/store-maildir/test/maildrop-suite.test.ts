import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type MakeStore, maildropSuite } from '@restante/maildrop/testkit'
import { test } from 'vitest'
import { openMaildirStore } from '../src/index.ts'
import { memoryFolder, removeFolder } from './places.ts'
import { FLOOR_OCTETS, mayMount, mountSmall } from './small-disk.ts'

/** A store on a disk of its own that has little room above the floor. */
const makeSmallStore: MakeStore = async ({ now }) => {
  const folder = await memoryFolder()
  const unmount = mountSmall(folder)
  const directory = join(folder, 'data')
  mkdirSync(directory)
  return {
    store: await openMaildirStore({ directory, now, floorOctets: FLOOR_OCTETS }),
    async remove() {
      unmount?.()
      await removeFolder(folder)
    },
  }
}

maildropSuite(
  'Maildir store',
  async ({ now }) => {
    const directory = await memoryFolder()
    const open = () => openMaildirStore({ directory, now, floorOctets: 0 })
    let store = await open()
    return {
      store,
      async reopen() {
        await store[Symbol.asyncDispose]()
        store = await open()
        return store
      },
      remove: () => removeFolder(directory),
    }
  },
  { durable: true, ...(mayMount && { makeSmallStore }) },
)

test(`the floor holds deliveries back${mayMount ? '' : ' (no test of a full disk: mounting a tmpfs is not permitted)'}`, async ({
  expect,
}) => {
  const directory = await memoryFolder()
  const store = await openMaildirStore({ directory, floorOctets: Number.MAX_SAFE_INTEGER })
  expect(store.hasRoomFor(1)).toBe(false)
  await expect(store.stage(new Uint8Array(1))).rejects.toMatchObject({ code: 'disk-full' })
  await store[Symbol.asyncDispose]()
  await removeFolder(directory)
})
