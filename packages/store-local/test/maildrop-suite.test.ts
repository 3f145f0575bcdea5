import { maildropSuite } from '@restante/maildrop/testkit'
import { openLocalStore } from '../src/index.ts'
import { memoryFolder, removeFolder } from './places.ts'

maildropSuite(
  'local store',
  async ({ now }) => {
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
  },
  { durable: true },
)
