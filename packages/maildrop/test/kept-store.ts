import type { MaildropStore, MemoryStore } from '../src/index.ts'
import { StoreError } from '../src/index.ts'

/**
 * A memory store seen through a door that can be closed: what it keeps outlives the door, what was taken through it
 * (maildrops, claims, staged bodies) does not. The simplest store that can be opened again.
 */
export function openDoor(kept: MemoryStore): MaildropStore {
  const taken = new Set<AsyncDisposable>()
  let closed = false
  const mustBeOpen = () => {
    if (closed) throw new StoreError('closed', 'the door is closed')
  }
  const take = <T extends AsyncDisposable>(thing: T): T => {
    taken.add(thing)
    return thing
  }
  /** The same object with every method guarded. */
  const guard = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value === 'function') {
          return async (...given: unknown[]) => {
            mustBeOpen()
            return Reflect.apply(value, target, given)
          }
        }
        return value
      },
    })
  const { feedback, lessons } = kept.learning
  return {
    ...withGuard(kept, guard),
    hasRoomFor: (sizeOctets) => kept.hasRoomFor(sizeOctets),
    async stage(octets) {
      mustBeOpen()
      const staged = take(await kept.stage(octets))
      return {
        ...staged,
        async commit(envelope, copies) {
          mustBeOpen()
          return staged.commit(envelope, copies)
        },
      }
    },
    async open(key) {
      mustBeOpen()
      const opened = await kept.open(key)
      if ('maildrop' in opened) take(opened.maildrop)
      return opened
    },
    async *copies(account, folder) {
      mustBeOpen()
      yield* kept.copies(account, folder)
    },
    async claim(name) {
      mustBeOpen()
      const claim = await kept.claim(name)
      return claim && take(claim)
    },
    directory: guard(kept.directory),
    records: guard(kept.records),
    learning: { ...withGuard(kept.learning, guard), feedback: guard(feedback), lessons: guard(lessons) },
    async [Symbol.asyncDispose]() {
      closed = true
      for (const thing of taken) await thing[Symbol.asyncDispose]()
      taken.clear()
    },
  }
}

/** All properties of an object, its methods guarded. */
function withGuard<T extends object>(target: T, guard: <U extends object>(target: U) => U): T {
  const guarded = guard(target)
  return Object.fromEntries(Object.keys(target).map((name) => [name, Reflect.get(guarded, name)])) as T
}
