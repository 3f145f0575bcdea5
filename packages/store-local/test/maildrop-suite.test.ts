import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { maildropSuite } from '@restante/maildrop/testkit'
import { openLocalStore } from '../src/index.ts'

maildropSuite(
  'local store',
  async ({ now }) => {
    const directory = await mkdtemp(join(tmpdir(), 'restante-store-'))
    const open = () => openLocalStore({ directory, now, floorOctets: 0 })
    let store = await open()
    return {
      store,
      async reopen() {
        await store.close()
        store = await open()
        return store
      },
      remove: () => rm(directory, { recursive: true, force: true }),
    }
  },
  { durable: true },
)
