import { copyOctetsAt } from './copy-octets.ts'
import type { MemoryCopy, MemoryState } from './memory-state.ts'
import type { OpenFailure, OpenMaildrop, Reading, StoredCopy } from './reading.ts'
import { StoreError } from './store-error.ts'
import { deviceOf, INBOX, isFolder, type MaildropKey, QUARANTINE } from './words.ts'

/** The reading side of a memory store; `open` takes the plain name of an account too: its inbox, classic view. */
export interface MemoryReading extends Reading {
  open(
    key: MaildropKey | string,
    options?: { readonly sessionId?: string },
  ): Promise<{ readonly maildrop: OpenMaildrop } | { readonly failed: OpenFailure }>
}

/** Reading from a memory store, its locks included. */
export function memoryReading(state: MemoryState): MemoryReading {
  const locks = new Map<string, symbol>()
  let token = 0
  return {
    async open(given) {
      state.mustBeOpen()
      const key = typeof given === 'string' ? keyOf(state, given) : given
      const account = key && state.account(key.account)
      if (!key || !account || !isFolder(key.folder)) return { failed: 'no-such-maildrop' }
      const lockName = JSON.stringify([key.account, key.folder, key.view])
      if (locks.has(lockName)) return { failed: 'in-use' }
      if (key.view !== 'recent') account.pickUps.set(deviceOf(key.view), state.now())
      const lock = Symbol(lockName)
      locks.set(lockName, lock)
      const { listing, copies } = state.snapshot(account, key.folder, key.view)
      const isOurs = () => !state.closed && locks.get(lockName) === lock
      return {
        maildrop: {
          key,
          listing,
          readOnly: key.view === 'recent',
          token: ++token,
          readAt(index, position, maxOctets) {
            if (!isOurs()) throw new StoreError('closed', 'the maildrop was given back')
            const copy = copies[index]
            if (copy === undefined) throw new RangeError(`no message with index ${index}`)
            return copyOctetsAt(copy.prefix, copy.body.octets, copy.splice, position, maxOctets)
          },
          async commit(deletedIndexes) {
            if (!isOurs()) return { failed: 'lost-lock' }
            const deleted = [...new Set(deletedIndexes)].map((index) => {
              const copy = copies[index]
              if (copy === undefined) throw new RangeError(`no message with index ${index}`)
              return copy
            })
            if (deleted.length === 0) return { ok: true }
            if (key.view === 'recent') return { failed: 'read-only' }
            if (key.view === 'classic' || key.folder === QUARANTINE) state.remove(deleted)
            else state.hide(deleted, key.view)
            return { ok: true }
          },
          async [Symbol.asyncDispose]() {
            if (locks.get(lockName) === lock) locks.delete(lockName)
          },
        },
      }
    },
    async *copies(account, folder) {
      state.mustBeOpen()
      for (const copy of [...state.copiesOf(account, folder)]) yield describeCopy(copy)
    },
    async find(idPrefix) {
      state.mustBeOpen()
      const found = state.copiesStarting(idPrefix)
      if (found.length > 1) return 'ambiguous'
      return found[0] === undefined ? null : describeCopy(found[0])
    },
    async read(name) {
      state.mustBeOpen()
      const copy = state.copyNamed(name)
      return copy && octetsOf(copy)
    },
  }
}

function keyOf(state: MemoryState, name: string): MaildropKey | null {
  const account = state.account(name) ?? state.accountByAddress(name.normalize('NFC').toLowerCase())
  return account && { account: account.row.id, folder: INBOX, view: 'classic' }
}

/** A copy as lists show it. */
export function describeCopy(copy: MemoryCopy): StoredCopy {
  const { id, account, folder, arrivedAtMs, sizeOctets, bodyOffset, needsStuffing, hold } = copy
  return { id, account, folder, arrivedAtMs, sizeOctets, bodyOffset, needsStuffing, hold }
}

async function* octetsOf(copy: MemoryCopy): AsyncIterable<Uint8Array> {
  for (let position = 0; position < copy.sizeOctets; ) {
    const run = copyOctetsAt(copy.prefix, copy.body.octets, copy.splice, position, copy.sizeOctets)
    position += run.length
    yield run
  }
}
