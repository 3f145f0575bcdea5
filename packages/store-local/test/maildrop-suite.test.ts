import {
  deviceSuite,
  type MakeStore,
  maildropSuite,
  searchSuite,
  trashSuite,
} from '@restante/maildrop/testkit'
import { openLocalStore } from '../src/index.ts'
import { memoryFolder, removeFolder } from './places.ts'

const makeStore: MakeStore = async ({ now }) => {
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

maildropSuite('local store', makeStore, { durable: true })
deviceSuite('local store', makeStore, { durable: true })
trashSuite('local store', makeStore)
searchSuite('local store', makeStore)
