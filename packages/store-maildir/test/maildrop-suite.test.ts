import { maildropSuite } from '@restante/maildrop/testkit'
import { openMaildirStore } from '../src/index.ts'
import { memoryFolder, removeFolder } from './places.ts'

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
  { durable: true },
)
