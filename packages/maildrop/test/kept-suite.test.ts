import { memoryStore } from '../src/index.ts'
import { maildropSuite } from '../src/testkit/index.ts'
import { openDoor } from './kept-store.ts'

maildropSuite(
  'a store that is opened again',
  ({ now }) => {
    const kept = memoryStore({}, { now })
    let store = openDoor(kept)
    return {
      store,
      async reopen() {
        await store[Symbol.asyncDispose]()
        store = openDoor(kept)
        return store
      },
      remove: async () => kept[Symbol.asyncDispose](),
    }
  },
  { durable: true },
)
