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

if (!mayMount) test.skip('below the free-space floor (skipped: mounting a tmpfs is not permitted)')
