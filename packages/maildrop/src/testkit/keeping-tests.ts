import type { UniqueId } from '@restante/mail'
import { describe, expect } from 'vitest'
import { deviceView, INBOX, QUARANTINE } from '../words.ts'
import {
  ADMIN,
  DAY_MS,
  type Fixture,
  HOUR_MS,
  holdFor,
  type MakeStore,
  message,
  orderFor,
  readText,
  recordOf,
  storedId,
  testsOn,
} from './fixture.ts'

const IN_QUARANTINE = { folder: QUARANTINE }

async function release(fixture: Fixture, id: UniqueId): Promise<UniqueId> {
  const outcome = await fixture.store.release(id, ADMIN)
  if ('failed' in outcome) throw new Error(`releasing ${id} answered ${outcome.failed}`)
  return outcome.released
}

async function undelete(fixture: Fixture, id: UniqueId): Promise<UniqueId> {
  const outcome = await fixture.store.undelete(id, ADMIN)
  if ('failed' in outcome) throw new Error(`undeleting ${id} answered ${outcome.failed}`)
  return outcome.restored
}

/** Release, move, discard, undelete, expire. */
export function keepingTests(makeStore: MakeStore): void {
  const test = testsOn(makeStore)

  describe('release', () => {
    test('leaves exactly one copy: in the inbox, the same octets and arrival, a new id', async (fixture) => {
      const anna = await fixture.account()
      const splice = { offset: 6, length: 3, replacement: Uint8Array.of(0x41, 0x42) }
      const held = await fixture.hold(anna, message('good'), { prefix: 'X-Spam-Flag: YES\r\n', splice })
      const octets = await fixture.readCopy(held)
      const before = await fixture.store.find(held)
      const arrivedAtMs = fixture.nowMs
      fixture.nowMs += 3 * DAY_MS
      const released = await release(fixture, held)
      expect(released).not.toBe(held)
      expect(await fixture.readCopy(released)).toBe(octets)
      expect(await fixture.copies(anna)).toEqual([
        { ...(before as object), id: released, folder: INBOX, hold: null, arrivedAtMs },
      ])
      expect(await fixture.store.find(held)).toBeNull()
      expect(await fixture.store.read(held)).toBeNull()
      expect(await fixture.store.undelete(held, ADMIN)).toEqual({ failed: 'no-such-message' })
      expect(await fixture.texts(anna)).toEqual([octets])
      expect(await fixture.texts(anna, IN_QUARANTINE)).toEqual([])
      expect((await fixture.store.directory.usage(anna.id)).messages).toBe(1)
    })

    test('comes last in the inbox, and new to every device', async (fixture) => {
      const anna = await fixture.account()
      const held = await fixture.hold(anna)
      fixture.nowMs += HOUR_MS
      const newer = await fixture.deliver(anna)
      const released = await release(fixture, held)
      for (const view of ['classic', deviceView('phone'), 'recent'] as const) {
        expect(await fixture.ids(anna, { view }), view).toEqual([newer, released])
      }
    })

    test('is recorded as feedback', async (fixture) => {
      const anna = await fixture.account()
      const ids = [await fixture.hold(anna), await fixture.hold(anna)]
      const before = await fixture.store.learning.feedback.head()
      fixture.nowMs += HOUR_MS
      const first = await fixture.store.release(ids[0]!, { account: anna.id, by: 'web' })
      const second = await fixture.store.release(ids[1]!, ADMIN)
      const owner = `account:${anna.id}`
      const common = { owner, label: 'ham', source: 'release', atMs: fixture.nowMs }
      expect((await fixture.feedback()).slice(-2)).toEqual([
        { ...common, by: anna.id, about: { id: 'released' in first && first.released } },
        { ...common, by: null, about: { id: 'released' in second && second.released } },
      ])
      expect(await fixture.store.learning.feedback.head()).toBeGreaterThan(before)
    })

    test('keeps the record under both ids', async (fixture) => {
      const anna = await fixture.account()
      const held = await fixture.hold(anna, message('x'), { record: recordOf() })
      const released = await release(fixture, held)
      const expected = { ...recordOf(), id: held, currentId: released }
      expect(await fixture.store.records.get(held)).toEqual(expected)
      expect(await fixture.store.records.get(released)).toEqual(expected)
    })

    test('is for held copies only, and happens once', async (fixture) => {
      const anna = await fixture.account()
      const plain = await fixture.deliver(anna)
      const held = await fixture.hold(anna)
      expect(await fixture.store.release(plain, ADMIN)).toEqual({ failed: 'not-held' })
      expect(await fixture.store.release('nothing', ADMIN)).toEqual({ failed: 'no-such-message' })
      const tries = await Promise.all(Array.from({ length: 5 }, () => fixture.store.release(held, ADMIN)))
      expect(tries.filter((each) => 'released' in each)).toHaveLength(1)
      expect(tries.filter((each) => 'failed' in each && each.failed === 'no-such-message')).toHaveLength(4)
      expect(await fixture.copies(anna)).toHaveLength(2)
      expect(await fixture.feedback()).toHaveLength(1)
    })

    test('is of that copy only, not of the others of the same mail', async (fixture) => {
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      const change = { folder: QUARANTINE, hold: holdFor() }
      const outcomes = await fixture.commit(message('x'), [orderFor(anna, change), orderFor(bert, change)])
      await release(fixture, storedId(outcomes[0]))
      expect(await fixture.texts(anna)).toEqual([message('x')])
      expect(await fixture.texts(bert)).toEqual([])
      expect(await fixture.texts(bert, IN_QUARANTINE)).toEqual([message('x')])
    })

    test('happens while a session reads the quarantine, whose commit then leaves it alone', async (fixture) => {
      const anna = await fixture.account()
      const held = await fixture.hold(anna, message('x'))
      const session = await fixture.open(anna, IN_QUARANTINE)
      await release(fixture, held)
      expect(await readText(session, 0)).toBe(message('x'))
      await fixture.quit(session, [0])
      expect(await fixture.texts(anna)).toEqual([message('x')])
    })

    test('of a copy under an id of another server', async (fixture) => {
      const anna = await fixture.account()
      const id = 'imported-1'
      await fixture.deliver(anna, message('inbox'), { id })
      await fixture.hold(anna, message('held'), { id })
      const key = { account: anna.id, folder: QUARANTINE, id }
      expect(await fixture.store.release(id, ADMIN)).toEqual({ failed: 'no-such-message' })
      expect(await fixture.store.release(key, ADMIN)).toHaveProperty('released')
      expect(await fixture.texts(anna)).toEqual([message('inbox'), message('held')])
    })
  })

  describe('move', () => {
    test('puts the copy into another folder under a new id', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna, message('x'), { prefix: 'A: b\r\n', record: recordOf() })
      const arrivedAtMs = fixture.nowMs
      fixture.nowMs += HOUR_MS
      const outcome = await fixture.store.move(id, 'lists', ADMIN)
      const moved = 'moved' in outcome ? outcome.moved : ''
      expect(moved).not.toBe(id)
      expect(await fixture.copies(anna)).toMatchObject([
        { id: moved, folder: 'lists', arrivedAtMs, hold: null },
      ])
      expect(await fixture.texts(anna, { folder: 'lists' })).toEqual([`A: b\r\n${message('x')}`])
      expect(await fixture.texts(anna)).toEqual([])
      expect(await fixture.store.find(id)).toBeNull()
      expect(await fixture.store.records.get(moved)).toMatchObject({ id, currentId: moved })
      expect(await fixture.store.records.get(id)).toMatchObject({ id, currentId: moved })
      expect(await fixture.feedback(), 'is no feedback').toEqual([])
    })

    test('and back again', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna, message('x'), { record: recordOf() })
      const there = await fixture.store.move(id, 'lists', ADMIN)
      const back = await fixture.store.move('moved' in there ? there.moved : '', INBOX, ADMIN)
      expect(await fixture.texts(anna)).toEqual([message('x')])
      const currentId = 'moved' in back && back.moved
      expect(await fixture.store.records.get(id)).toMatchObject({ id, currentId })
      expect((await fixture.store.directory.usage(anna.id)).messages).toBe(1)
    })

    test('not into the quarantine and not out of it', async (fixture) => {
      const anna = await fixture.account()
      const plain = await fixture.deliver(anna)
      const held = await fixture.hold(anna)
      expect(await fixture.store.move(held, INBOX, ADMIN)).toEqual({ failed: 'held' })
      expect(await fixture.store.move(plain, QUARANTINE, ADMIN)).toEqual({ failed: 'held' })
      expect(await fixture.store.move('nothing', INBOX, ADMIN)).toEqual({ failed: 'no-such-message' })
      expect((await fixture.copies(anna)).map((copy) => copy.id)).toEqual([plain, held])
    })
  })

  describe('discard and undelete', () => {
    test('removes for every view and brings back under a new id, with its arrival', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna, message('x'), { prefix: 'A: b\r\n', record: recordOf() })
      const arrivedAtMs = fixture.nowMs
      fixture.nowMs += HOUR_MS
      expect(await fixture.store.discard(id, ADMIN)).toBe(true)
      for (const view of ['classic', deviceView('phone'), 'recent'] as const) {
        expect(await fixture.ids(anna, { view }), view).toEqual([])
      }
      expect(await fixture.store.find(id)).toBeNull()
      expect(await fixture.copies(anna)).toEqual([])
      expect(await fixture.store.directory.usage(anna.id)).toEqual({ octets: 0, messages: 0 })
      expect(await fixture.store.records.get(id), 'the record stays').toMatchObject({ id, currentId: id })
      const restored = await undelete(fixture, id)
      expect(restored).not.toBe(id)
      expect(await fixture.copies(anna)).toMatchObject([{ id: restored, folder: INBOX, arrivedAtMs }])
      expect(await fixture.readCopy(restored)).toBe(`A: b\r\n${message('x')}`)
      expect(await fixture.store.records.get(restored)).toMatchObject({ id, currentId: restored })
      expect((await fixture.store.directory.usage(anna.id)).messages).toBe(1)
    })

    test('discards once, and nothing unknown', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna)
      expect(await fixture.store.discard('nothing', ADMIN)).toBe(false)
      expect(await fixture.store.discard(id, ADMIN)).toBe(true)
      expect(await fixture.store.discard(id, ADMIN)).toBe(false)
    })

    test('undeletes once, and nothing that was not removed', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna)
      const failed = { failed: 'no-such-message' }
      expect(await fixture.store.undelete(id, ADMIN)).toEqual(failed)
      expect(await fixture.store.undelete('nothing', ADMIN)).toEqual(failed)
      await fixture.dele(anna, [id])
      const restored = await undelete(fixture, id)
      expect(await fixture.store.undelete(id, ADMIN)).toEqual(failed)
      expect(await fixture.ids(anna)).toEqual([restored])
      await fixture.dele(anna, [restored])
      expect(await fixture.ids(anna)).toEqual([])
      await undelete(fixture, restored)
      expect(await fixture.ids(anna)).toHaveLength(1)
    })

    test('comes back to the folder it was in, last', async (fixture) => {
      const anna = await fixture.account()
      const a = await fixture.deliver(anna, message('a'), { folder: 'lists' })
      await fixture.deliver(anna, message('b'), { folder: 'lists' })
      await fixture.store.discard(a, ADMIN)
      await undelete(fixture, a)
      expect(await fixture.texts(anna, { folder: 'lists' })).toEqual([message('b'), message('a')])
      expect(await fixture.texts(anna)).toEqual([])
    })

    test('a held copy comes back held', async (fixture) => {
      const anna = await fixture.account()
      const held = await fixture.hold(anna)
      await fixture.store.discard(held, ADMIN)
      expect(await fixture.store.release(held, ADMIN)).toEqual({ failed: 'no-such-message' })
      const restored = await undelete(fixture, held)
      expect(await fixture.copies(anna)).toMatchObject([
        { id: restored, folder: QUARANTINE, hold: holdFor() },
      ])
      await release(fixture, restored)
      expect(await fixture.texts(anna)).toEqual([message('held')])
    })

    test('not after 7 days', async (fixture) => {
      const anna = await fixture.account()
      const early = await fixture.deliver(anna, message('early'))
      const late = await fixture.deliver(anna, message('late'))
      fixture.nowMs += 20 * DAY_MS
      await fixture.dele(anna, [early, late])
      fixture.nowMs += 7 * DAY_MS - HOUR_MS
      await undelete(fixture, early)
      fixture.nowMs += 2 * HOUR_MS
      expect(await fixture.store.undelete(late, ADMIN)).toEqual({ failed: 'too-late' })
      expect(await fixture.texts(anna)).toEqual([message('early')])
    })

    test('one copy of a mail comes back when the others are gone for good', async (fixture) => {
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      const [a, b] = (await fixture.commit(message('both'), [orderFor(anna), orderFor(bert)])).map(storedId)
      await fixture.store.discard(a!, ADMIN)
      fixture.nowMs += 5 * DAY_MS
      await fixture.store.discard(b!, ADMIN)
      fixture.nowMs += 3 * DAY_MS
      expect(await fixture.store.expire(fixture.nowMs)).toMatchObject({ removed: 1 })
      await undelete(fixture, b!)
      expect(await fixture.texts(bert)).toEqual([message('both')])
      expect(await fixture.texts(anna)).toEqual([])
    })
  })

  describe('expire', () => {
    test('removes what is due, for good, and says how much', async (fixture) => {
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      const short = await fixture.hold(anna, message('short'), { hold: holdFor(5 * DAY_MS) })
      const long = await fixture.hold(bert, message('long'), { hold: holdFor(60 * DAY_MS) })
      const ever = await fixture.hold(anna, message('ever'), { hold: holdFor(null) })
      const [x, y, kept] = [
        await fixture.deliver(anna),
        await fixture.deliver(bert),
        await fixture.deliver(anna),
      ]
      expect(await fixture.store.expire(fixture.nowMs), 'nothing is due').toMatchObject({
        holds: 0,
        removed: 0,
        records: 0,
      })
      await fixture.dele(anna, [x])
      fixture.nowMs += 2 * DAY_MS
      await fixture.dele(bert, [y])
      fixture.nowMs += 6 * DAY_MS
      expect(await fixture.store.expire(fixture.nowMs)).toMatchObject({ holds: 1, removed: 1, records: 0 })
      expect(await fixture.store.expire(fixture.nowMs), 'once').toMatchObject({
        holds: 0,
        removed: 0,
        records: 0,
      })
      expect((await fixture.copies(anna)).map((copy) => copy.id)).toEqual([ever, kept])
      expect((await fixture.copies(bert)).map((copy) => copy.id)).toEqual([long])
      for (const gone of [short, x]) {
        expect(await fixture.store.find(gone)).toBeNull()
        expect(await fixture.store.undelete(gone, ADMIN), 'for good').toHaveProperty('failed')
      }
      await undelete(fixture, y)
      expect((await fixture.store.directory.usage(anna.id)).messages).toBe(2)
    })

    test('goes by the time it is given', async (fixture) => {
      const anna = await fixture.account()
      await fixture.hold(anna, message('x'), { hold: holdFor(5 * DAY_MS) })
      expect(await fixture.store.expire(fixture.nowMs + 5 * DAY_MS - 1)).toMatchObject({ holds: 0 })
      expect(await fixture.store.expire(fixture.nowMs + 5 * DAY_MS)).toMatchObject({ holds: 1 })
      expect(await fixture.copies(anna)).toEqual([])
    })

    test('takes records after 30 days, whatever became of the mail', async (fixture) => {
      const anna = await fixture.account()
      const kept = await fixture.deliver(anna, message('1'), { record: recordOf() })
      const gone = await fixture.deliver(anna, message('2'), { record: recordOf() })
      const held = await fixture.hold(anna, message('3'), { record: recordOf(), hold: holdFor(null) })
      const released = await release(fixture, held)
      await fixture.dele(anna, [gone])
      fixture.nowMs += 30 * DAY_MS - HOUR_MS
      expect(await fixture.store.expire(fixture.nowMs)).toMatchObject({ holds: 0, removed: 1, records: 0 })
      expect(await fixture.store.records.get(gone)).not.toBeNull()
      fixture.nowMs += 2 * HOUR_MS
      expect(await fixture.store.expire(fixture.nowMs)).toMatchObject({ holds: 0, removed: 0, records: 3 })
      for (const id of [kept, gone, held, released])
        expect(await fixture.store.records.get(id), id).toBeNull()
      expect(await fixture.texts(anna), 'the mail stays').toEqual([message('1'), message('3')])
    })

    test('takes many at once', async (fixture) => {
      const anna = await fixture.account()
      const change = { folder: QUARANTINE, hold: holdFor(DAY_MS) }
      const held = Array.from({ length: 1500 }, () => orderFor(anna, change))
      await fixture.commit(message('bulk'), [...held, orderFor(anna)])
      expect(await fixture.store.expire(fixture.nowMs + DAY_MS)).toMatchObject({ holds: 1500 })
      expect(await fixture.texts(anna), 'the same body stays for the one that is left').toEqual([
        message('bulk'),
      ])
    })
  })

  describe('records', () => {
    test('come back as they were given, features included', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna, message('x'), { record: recordOf() })
      expect(await fixture.store.records.get(id)).toEqual({ ...recordOf(), id, currentId: id })
    })

    test('without features, without a score, with nothing in them', async (fixture) => {
      const anna = await fixture.account()
      const { features: _, ...bare } = recordOf({
        reversePath: '',
        attachments: [],
        spamProbability: null,
        verdict: { disposition: 'accept', score: -0.1, threshold: null, symbols: [], skipped: [] },
      })
      const id = await fixture.deliver(anna, message('x'), { record: bare })
      expect(await fixture.store.records.get(id)).toEqual({ ...bare, id, currentId: id })
    })

    test('are not there for copies that came without, or that nobody has', async (fixture) => {
      const anna = await fixture.account()
      expect(await fixture.store.records.get(await fixture.deliver(anna))).toBeNull()
      expect(await fixture.store.records.get('nothing')).toBeNull()
    })

    test('one for each copy of a mail', async (fixture) => {
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      const outcomes = await fixture.commit(message('x'), [
        orderFor(anna, { record: recordOf({ recipient: 'anna@acme.example' }) }),
        orderFor(bert, { record: recordOf({ recipient: 'bert@acme.example' }) }),
      ])
      const recipients = []
      for (const outcome of outcomes) {
        recipients.push((await fixture.store.records.get(storedId(outcome)))?.recipient)
      }
      expect(recipients).toEqual(['anna@acme.example', 'bert@acme.example'])
    })
  })
}
