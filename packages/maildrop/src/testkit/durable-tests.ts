import { describe, expect } from 'vitest'
import { deviceView, QUARANTINE } from '../words.ts'
import {
  ADMIN,
  DAY_MS,
  entriesOf,
  HOUR_MS,
  holdFor,
  keyOf,
  type MakeStore,
  message,
  orderFor,
  recordOf,
  storedId,
  testsOn,
} from './fixture.ts'

const PHONE = { view: deviceView('phone') }
const ARGON = { scheme: 'argon2id', verifier: 'v' }

/** What was acknowledged survives closing and opening again; what was not is not there. */
export function durableTests(makeStore: MakeStore): void {
  const test = testsOn(makeStore)

  describe('after closing and opening again', () => {
    test('mail is there, octet for octet, in order, under the same ids', async (fixture) => {
      const anna = await fixture.account()
      const texts = [
        '',
        message('small'),
        message('.dot', '.'),
        message('large', 'x'.repeat(3_000_000)),
        'bare \xff\0\r\n',
      ]
      const ids = []
      for (const text of texts)
        ids.push(await fixture.deliver(anna, text, { prefix: 'A: b\r\n', record: recordOf() }))
      const splice = { offset: 0, length: 4, replacement: Uint8Array.of(0x58) }
      ids.push(await fixture.deliver(anna, message('spliced'), { splice }))
      const before = await fixture.copies(anna)
      await fixture.reopen()
      expect(await fixture.copies(anna)).toEqual(before)
      expect(await fixture.ids(anna)).toEqual(ids)
      expect(await fixture.texts(anna)).toEqual([
        ...texts.map((text) => `A: b\r\n${text}`),
        `X${message('spliced').slice(4)}`,
      ])
      expect(await fixture.store.records.get(ids[0]!)).toEqual({
        ...recordOf(),
        id: ids[0],
        currentId: ids[0],
      })
      expect((await fixture.store.directory.usage(anna.id)).messages).toBe(6)
    })

    test('new mail comes after the old, under greater ids', async (fixture) => {
      const anna = await fixture.account()
      const old = [await fixture.deliver(anna), await fixture.deliver(anna)]
      for (let i = 0; i < 3; i++) {
        await fixture.reopen()
        fixture.nowMs += 1
        old.push(await fixture.deliver(anna, message(`${i}`)))
      }
      expect(await fixture.ids(anna)).toEqual(old)
      expect(old).toEqual([...new Set(old)].sort())
    })

    test('what was only staged is nowhere', async (fixture) => {
      const anna = await fixture.account()
      const staged = [
        await fixture.stage(message('s')),
        await fixture.stage(message('l', 'x'.repeat(2_000_000))),
      ]
      await fixture.reopen()
      expect(await fixture.copies(anna)).toEqual([])
      await Promise.allSettled(staged.map((each) => each[Symbol.asyncDispose]()))
      await fixture.deliver(anna, message('next'))
      expect(await fixture.texts(anna)).toEqual([message('next')])
    })

    test('locks and claims are gone', async (fixture) => {
      const anna = await fixture.account()
      await fixture.open(anna)
      await fixture.open(anna, PHONE)
      expect(await fixture.store.claim('role:x')).not.toBeNull()
      await fixture.reopen()
      await using _a = await fixture.open(anna)
      await using _b = await fixture.open(anna, PHONE)
      expect(await fixture.store.claim('role:x')).not.toBeNull()
    })

    test('an unfinished session deleted nothing', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna)
      await fixture.open(anna)
      await fixture.reopen()
      expect(await fixture.ids(anna)).toEqual([id])
    })

    test('deletions, hidings and removed mail are as they were', async (fixture) => {
      const anna = await fixture.account()
      const ids = []
      for (let i = 0; i < 4; i++) ids.push(await fixture.deliver(anna, message(`${i}`)))
      await fixture.dele(anna, [ids[0]!], PHONE)
      await fixture.dele(anna, [ids[1]!])
      await fixture.store.discard(ids[2]!, ADMIN)
      fixture.nowMs += 6 * DAY_MS
      await fixture.reopen()
      expect(await fixture.ids(anna)).toEqual([ids[0], ids[3]])
      expect(await fixture.ids(anna, PHONE)).toEqual([ids[3]])
      expect(await fixture.store.undelete(ids[1]!, ADMIN)).toHaveProperty('restored')
      expect((await fixture.texts(anna)).at(-1)).toBe(message('1'))
      fixture.nowMs += 2 * DAY_MS
      expect(await fixture.store.undelete(ids[2]!, ADMIN)).toEqual({ failed: 'too-late' })
      await fixture.reopen()
      expect(await fixture.store.expire(fixture.nowMs)).toMatchObject({ removed: 1 })
      await fixture.reopen()
      expect(await fixture.store.undelete(ids[2]!, ADMIN)).toHaveProperty('failed')
      expect(await fixture.ids(anna)).toHaveLength(3)
    })

    test('holds, releases and moves are as they were, with their feedback and records', async (fixture) => {
      const anna = await fixture.account()
      const kept = await fixture.hold(anna, message('kept'), { hold: holdFor(9 * DAY_MS) })
      const held = await fixture.hold(anna, message('good'), { record: recordOf() })
      const plain = await fixture.deliver(anna, message('plain'))
      fixture.nowMs += HOUR_MS
      const release = await fixture.store.release(held, ADMIN)
      const move = await fixture.store.move(plain, 'lists', ADMIN)
      const released = 'released' in release ? release.released : ''
      const before = await fixture.copies(anna)
      await fixture.reopen()
      expect(await fixture.copies(anna)).toEqual(before)
      expect(await fixture.ids(anna)).toEqual([released])
      expect(await fixture.ids(anna, { folder: 'lists' })).toEqual(['moved' in move && move.moved])
      expect(await fixture.ids(anna, { folder: QUARANTINE })).toEqual([kept])
      expect(await fixture.feedback()).toMatchObject([
        { label: 'ham', source: 'release', about: { id: released } },
      ])
      expect(await fixture.store.records.get(held)).toMatchObject({ id: held, currentId: released })
      expect(await fixture.store.records.get(released)).toMatchObject({ id: held, currentId: released })
    })

    test('an imported id is still known', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna, message('1'), { id: 'imported', arrivedAtMs: 1e12 })
      await fixture.reopen()
      expect(await fixture.commit(message('2'), [orderFor(anna, { id })])).toEqual([
        { failed: 'duplicate-id' },
      ])
      expect(await fixture.copies(anna)).toMatchObject([{ id, arrivedAtMs: 1e12 }])
    })

    test('the directory is as it was', async (fixture) => {
      const { directory } = fixture.store
      const anna = await fixture.account()
      const gone = await fixture.account('gone@acme.example')
      await directory.changeAccount(anna.id, { quotaOctets: 1e10, thresholds: { tag: 4.5, reject: null } })
      await directory.setCredentials(anna.id, '', [ARGON])
      await directory.setCredentials(anna.id, 'phone', [ARGON])
      await directory.removeDevice(anna.id, 'phone')
      await directory.putAlias({ address: 'info@acme.example', targets: ['anna@acme.example'] })
      await directory.putDomain({ name: 'acme.example', catchAll: 'anna@acme.example' })
      await fixture.deliver(gone)
      await directory.eraseAccount(gone.id)
      const look = async () => {
        const now = fixture.store.directory
        return {
          accounts: await now.accounts(),
          credentials: await now.credentials(anna.id),
          aliases: await now.aliases(),
          domains: await now.domains(),
          gone: await fixture.copies(gone),
        }
      }
      const before = await look()
      expect(before.accounts).toHaveLength(1)
      await fixture.reopen()
      expect(await look()).toEqual(before)
    })

    test('logs and model are as they were; cursors go on', async (fixture) => {
      const lesson = (hash: string) =>
        ({
          owner: 'global',
          action: 'learn',
          label: 'spam',
          hash,
          features: Uint8Array.of(1, 0),
          atMs: 5,
        }) as const
      const model = { lessons: 2, feedback: 0, atMs: 6, octets: Uint8Array.of(9, 0, 255) }
      const head = await fixture.store.learning.lessons.append([lesson('a'), lesson('b')])
      await fixture.store.learning.saveModel(model)
      await fixture.reopen()
      const { learning } = fixture.store
      expect(await entriesOf(learning.lessons)).toEqual([lesson('a'), lesson('b')])
      expect(await learning.lessons.head()).toBe(head)
      expect(await learning.labelOf('global', 'b')).toBe('spam')
      expect(await learning.latestModel()).toEqual(model)
      expect(await learning.lessons.append([lesson('c')])).toBeGreaterThan(head)
      expect((await learning.lessons.since(head, 9)).map(({ entry }) => entry.hash)).toEqual(['c'])
    })

    test('what was begun before closing is finished', async (fixture) => {
      const anna = await fixture.account()
      const staged = await Promise.all(Array.from({ length: 20 }, (_, i) => fixture.stage(message(`${i}`))))
      const commits = staged.map((each) => each.commit(fixture.envelope(), [orderFor(anna)]))
      const closed = fixture.store[Symbol.asyncDispose]()
      const outcomes = (await Promise.all(commits)).flat()
      await closed
      await fixture.reopen()
      expect([...(await fixture.ids(anna))].sort()).toEqual(outcomes.map(storedId).sort())
    })

    test('a maildrop of 5,000 opens with all that was done to it', async (fixture) => {
      const anna = await fixture.account()
      const orders = Array.from({ length: 5000 }, () => orderFor(anna))
      const ids = (await fixture.commit(message('many'), orders)).map(storedId)
      await fixture.dele(anna, ids.slice(0, 1000))
      await fixture.dele(anna, ids.slice(1000, 3000), PHONE)
      await fixture.reopen()
      expect(await fixture.ids(anna)).toEqual(ids.slice(1000))
      expect(await fixture.ids(anna, PHONE)).toEqual(ids.slice(3000))
      expect(await fixture.store.open(keyOf(anna))).toHaveProperty('maildrop')
    })
  })
}
