import { utf8Octets } from '@restante/mail'
import type { DeviceStore } from './devices.ts'
import { commitCopies, memoryDelivery, stageBody } from './memory-delivery.ts'
import { memoryDevices } from './memory-devices.ts'
import { memoryDirectory } from './memory-directory.ts'
import { memoryKeeping } from './memory-keeping.ts'
import { memoryLearning } from './memory-learning.ts'
import { type MemoryReading, memoryReading } from './memory-reading.ts'
import { memoryRemoved } from './memory-removed.ts'
import { memorySearch } from './memory-search.ts'
import { MemoryState, type MemoryStoreOptions } from './memory-state.ts'
import type { TrashStore } from './removed.ts'
import type { SearchableStore } from './search.ts'
import { INBOX } from './words.ts'

export type { MemoryStoreOptions } from './memory-state.ts'

/** Accounts by address (or plain name), each with the messages of its inbox, oldest first, in any line-end form. */
export type MemorySeed = Readonly<Record<string, readonly (string | Uint8Array)[]>>

/** A store that lives as long as its object does; `open` takes the plain name of an account too. */
export interface MemoryStore extends DeviceStore, TrashStore, SearchableStore {
  open: MemoryReading['open']
}

/**
 * The whole store contract in memory, for tests and first steps: nothing survives it, no other process sees it.
 * Locks and claims belong to the object.
 * @throws {StoreError} `disk-full` where the seed exceeds the capacity
 */
export function memoryStore(seed: MemorySeed = {}, options: MemoryStoreOptions = {}): MemoryStore {
  const state = new MemoryState(options)
  const learning = memoryLearning(state)
  const directory = memoryDirectory(state, learning)
  const claims = new Set<string>()

  for (const [name, messages] of Object.entries(seed)) {
    const address = name.normalize('NFC').toLowerCase()
    const account = directory.add(address, [])
    if (account === null) throw new RangeError(`the seed names ${JSON.stringify(address)} twice`)
    for (const message of messages) {
      const staging = stageBody(state)
      staging.push(typeof message === 'string' ? utf8Octets(message) : message)
      const order = { account: account.row.id, folder: INBOX, prefix: new Uint8Array(0) }
      commitCopies(state, staging.finish(), { receivedAtMs: state.now() }, [order])
    }
  }

  return {
    ...memoryDelivery(state),
    ...memoryReading(state),
    ...memoryKeeping(state, learning),
    ...memoryDevices(state),
    ...memoryRemoved(state),
    ...memorySearch(state),
    directory,
    learning,
    records: {
      async get(id) {
        state.mustBeOpen()
        return state.records.get(id)?.at(-1)?.stored ?? null
      },
    },
    async claim(name) {
      state.mustBeOpen()
      if (claims.has(name)) return null
      claims.add(name)
      let held = true
      return {
        name,
        async [Symbol.asyncDispose]() {
          if (held) claims.delete(name)
          held = false
        },
      }
    },
    async [Symbol.asyncDispose]() {
      state.closed = true
    },
  }
}
