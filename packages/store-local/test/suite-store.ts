import type { MakeStore } from '@restante/maildrop/testkit'
import { openLocalStore } from '../src/index.ts'
import { memoryFolder, removeFolder } from './places.ts'

/** A store of its own for each test of the kit. */
export const makeStore: MakeStore = async ({ now }) => {
  const directory = await memoryFolder()
  const open = () => openLocalStore({ directory, now, floorOctets: 0 })
  let store = await open()
  return {
    store,
    async reopen() {
      await store.close()
      store = await open()
      return store
    },
    remove: () => removeFolder(directory),
  }
}
