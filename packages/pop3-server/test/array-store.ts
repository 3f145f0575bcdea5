import { type ListedMessage, latin1Octets, makeListing, toStoredForm, type UniqueId } from '@restante/mail'
import type { CommitFailure, MaildropStore, OpenMaildrop } from '../src/index.ts'

export interface StoredMessage {
  readonly id: UniqueId
  readonly octets: Uint8Array
  readonly listed: ListedMessage
}

export interface ArrayStore extends MaildropStore<string> {
  readonly drops: Map<string, StoredMessage[]>
  readonly locked: Set<string>
  add(name: string, ...messages: readonly (string | Uint8Array)[]): void
  /** Set to make the next calls misbehave. */
  trouble: {
    open?: 'throw' | 'in-use' | 'no-such-maildrop' | 'unavailable'
    read?: 'throw' | 'short' | 'async'
    commit?: CommitFailure | 'throw'
    release?: 'throw'
  }
  /** Octets given out by readAt. */
  readOctets: number
  readOnly: boolean
}

let ids = 0

/** Maildrops in arrays, with a lock each: what a store must do, without a disk. */
export function arrayStore(
  mail: Readonly<Record<string, readonly (string | Uint8Array)[]>> = {},
): ArrayStore {
  const drops = new Map<string, StoredMessage[]>()
  const locked = new Set<string>()
  const store: ArrayStore = {
    drops,
    locked,
    trouble: {},
    readOctets: 0,
    readOnly: false,
    add(name, ...messages) {
      const drop = drops.get(name) ?? []
      drops.set(name, drop)
      for (const message of messages) {
        const { octets, form } = toStoredForm(typeof message === 'string' ? latin1Octets(message) : message)
        const id = `id-${++ids}`
        drop.push({ id, octets, listed: { id, ...form } })
      }
    },
    async open(name) {
      const { trouble } = store
      if (trouble.open === 'throw') throw new Error('open: disk on fire')
      if (trouble.open !== undefined) return { failed: trouble.open }
      const drop = drops.get(name)
      if (drop === undefined) return { failed: 'no-such-maildrop' }
      if (locked.has(name)) return { failed: 'in-use' }
      locked.add(name)
      const snapshot = [...drop]
      const maildrop: OpenMaildrop = {
        listing: makeListing(snapshot.map((message) => message.listed)),
        readOnly: store.readOnly,
        readAt(index, position, maxOctets) {
          if (trouble.read === 'throw') throw new Error('read: disk on fire')
          const octets = (snapshot[index] as StoredMessage).octets.slice(position, position + maxOctets)
          if (trouble.read === 'short' && position > 0) return new Uint8Array(0)
          store.readOctets += octets.length
          return trouble.read === 'async' ? new Promise((done) => setImmediate(done, octets)) : octets
        },
        async commit(deleted) {
          if (trouble.commit === 'throw') throw new Error('commit: disk on fire')
          if (trouble.commit !== undefined) return { failed: trouble.commit }
          const gone = new Set(deleted.map((index) => snapshot[index]))
          drops.set(
            name,
            (drops.get(name) as StoredMessage[]).filter((message) => !gone.has(message)),
          )
          return { ok: true }
        },
        async [Symbol.asyncDispose]() {
          locked.delete(name)
          if (trouble.release === 'throw') throw new Error('release: disk on fire')
        },
      }
      return { maildrop }
    },
  }
  for (const [name, messages] of Object.entries(mail)) {
    drops.set(name, [])
    store.add(name, ...messages)
  }
  return store
}
