import { uniqueIdTimeMs } from '@restante/mail'
import { describe, expect } from 'vitest'
import type { OpenMaildrop } from '../reading.ts'
import { deviceView, INBOX, QUARANTINE } from '../words.ts'
import {
  ADMIN,
  DAY_MS,
  keyOf,
  type MakeStore,
  message,
  orderFor,
  readText,
  storedId,
  testsOn,
} from './fixture.ts'

/** Sessions: open, lock, snapshot, read, commit; and reading without a lock. */
export function readingTests(makeStore: MakeStore): void {
  const test = testsOn(makeStore)

  describe('opening', () => {
    test('an empty maildrop', async (fixture) => {
      const anna = await fixture.account()
      await using maildrop = await fixture.open(anna)
      expect(maildrop.key).toEqual(keyOf(anna))
      expect(maildrop.listing.count).toBe(0)
      expect(maildrop.listing.totalOctets).toBe(0)
      expect(await maildrop.commit([])).toEqual({ ok: true })
    })

    test('a folder of that name nobody used', async (fixture) => {
      const anna = await fixture.account()
      for (const folder of ['lists', QUARANTINE, 'büro', 'a'.repeat(64)]) {
        expect(await fixture.ids(anna, { folder }), folder).toEqual([])
      }
    })

    test('an unknown account or no folder name answers no-such-maildrop', async (fixture) => {
      const anna = await fixture.account()
      const failed = { failed: 'no-such-maildrop' }
      expect(await fixture.store.open(keyOf({ id: 'nobody' }))).toEqual(failed)
      for (const folder of ['', '../inbox', '.hidden', 'Lists', 'a b', 'a'.repeat(65)]) {
        expect(await fixture.store.open(keyOf(anna, { folder })), JSON.stringify(folder)).toEqual(failed)
      }
    })

    test('a second open answers in-use, at once, until the first is given back', async (fixture) => {
      const anna = await fixture.account()
      const first = await fixture.open(anna)
      expect(await fixture.store.open(keyOf(anna), { sessionId: 'second' })).toEqual({ failed: 'in-use' })
      await first[Symbol.asyncDispose]()
      const second = await fixture.open(anna)
      await first[Symbol.asyncDispose]()
      expect(await fixture.store.open(keyOf(anna)), 'disposing twice frees nothing of others').toEqual({
        failed: 'in-use',
      })
      await second[Symbol.asyncDispose]()
    })

    test('of many that open at once exactly one gets it', async (fixture) => {
      const anna = await fixture.account()
      const opened = await Promise.all(Array.from({ length: 20 }, () => fixture.store.open(keyOf(anna))))
      expect(opened.filter((each) => 'maildrop' in each)).toHaveLength(1)
    })

    test('the lock does not expire with time', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna)
      const maildrop = await fixture.open(anna)
      fixture.nowMs += 2 * DAY_MS
      expect(await fixture.store.open(keyOf(anna))).toEqual({ failed: 'in-use' })
      await fixture.quit(maildrop, [0])
      expect(await fixture.store.find(id)).toBeNull()
    })

    test('another view, folder or account is another maildrop', async (fixture) => {
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      const keys = [
        keyOf(anna),
        keyOf(anna, { view: deviceView('phone') }),
        keyOf(anna, { view: deviceView('Phone') }),
        keyOf(anna, { view: 'recent' }),
        keyOf(anna, { folder: 'lists' }),
        keyOf(anna, { folder: QUARANTINE }),
        keyOf(bert),
      ]
      const opened = await Promise.all(keys.map((key) => fixture.store.open(key)))
      expect(opened.map((each) => 'maildrop' in each && each.maildrop.key)).toEqual(keys)
      for (const key of keys) expect(await fixture.store.open(key)).toEqual({ failed: 'in-use' })
    })

    test('the fencing token grows with every lock', async (fixture) => {
      const anna = await fixture.account()
      let last = Number.NEGATIVE_INFINITY
      for (let i = 0; i < 5; i++) {
        await using maildrop = await fixture.open(anna)
        expect(maildrop.token).toBeGreaterThan(last)
        last = maildrop.token
      }
    })
  })

  describe('the listing', () => {
    test('is in order of arrival, with sizes and their sum', async (fixture) => {
      const anna = await fixture.account()
      const ids = []
      for (let i = 0; i < 30; i++) ids.push(await fixture.deliver(anna, message(`${i}`, 'x'.repeat(i))))
      await using maildrop = await fixture.open(anna)
      const { listing } = maildrop
      expect(listing.ids).toEqual(ids)
      expect(listing.count).toBe(30)
      const sizes = Array.from({ length: 30 }, (_, i) => message(`${i}`, 'x'.repeat(i)).length)
      expect(Array.from(listing.sizes)).toEqual(sizes)
      expect(listing.totalOctets).toBe(sizes.reduce((sum, size) => sum + size, 0))
      for (let i = 0; i < 30; i++) expect(await readText(maildrop, i)).toBe(message(`${i}`, 'x'.repeat(i)))
    })

    test('ids are of our own form, carry the time and grow, within a millisecond too', async (fixture) => {
      const anna = await fixture.account()
      const seen: string[] = []
      for (let round = 0; round < 4; round++) {
        for (let i = 0; i < 25; i++) {
          const id = await fixture.deliver(anna)
          expect(uniqueIdTimeMs(id), `the time in ${id}`).toBe(fixture.nowMs)
          seen.push(id)
        }
        fixture.nowMs += 1 + round * 1000
      }
      expect(await fixture.ids(anna)).toEqual(seen)
      for (let i = 1; i < seen.length; i++) {
        expect(seen[i]! > seen[i - 1]!, `${seen[i]} comes after ${seen[i - 1]}`).toBe(true)
      }
    })

    test('ids are never given twice, even when the clock steps back', async (fixture) => {
      const anna = await fixture.account()
      const seen = new Set<string>()
      for (let i = 0; i < 40; i++) {
        fixture.nowMs += i % 10 === 9 ? -5000 : 1
        const id = await fixture.deliver(anna)
        expect(seen.has(id), `${id} is new`).toBe(false)
        seen.add(id)
        if (i % 3 === 0) await fixture.dele(anna, [id])
      }
    })

    test('copies of one commit are listed in their order, as are commits at once', async (fixture) => {
      const anna = await fixture.account()
      const staged = await Promise.all(Array.from({ length: 10 }, (_, i) => fixture.stage(message(`${i}`))))
      await Promise.all(
        staged.map((each) =>
          each.commit(fixture.envelope(), [orderFor(anna), orderFor(anna), orderFor(anna)]),
        ),
      )
      const ids = await fixture.ids(anna)
      expect(ids).toHaveLength(30)
      expect(ids).toEqual([...ids].sort())
      expect((await fixture.copies(anna)).map((copy) => copy.id)).toEqual(ids)
    })

    test('is the same object while nothing changed, over sessions', async (fixture) => {
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      const ids = [await fixture.deliver(anna), await fixture.deliver(anna)]
      const listings = async () => {
        const found = []
        for (const view of ['classic', deviceView('phone')] as const) {
          await using maildrop = await fixture.open(anna, { view })
          found.push(maildrop.listing)
        }
        return found
      }
      const before = await listings()
      {
        await using maildrop = await fixture.open(anna)
        await readText(maildrop, 0)
        await maildrop.commit([])
      }
      await fixture.deliver(bert)
      const after = await listings()
      expect(after[0] === before[0], 'classic view').toBe(true)
      expect(after[1] === before[1], 'device view').toBe(true)
      await fixture.dele(anna, [ids[0]!])
      expect(before[0]!.count, 'the old one is not written to').toBe(2)
      expect((await listings()).map((listing) => listing.ids)).toEqual([[ids[1]], [ids[1]]])
    })

    test('of 50,000 messages', async (fixture) => {
      const anna = await fixture.account()
      const orders = Array.from({ length: 1000 }, () => orderFor(anna))
      const ids: string[] = []
      for (let i = 0; i < 50; i++) {
        ids.push(...(await fixture.commit(message(`batch ${i}`), orders)).map(storedId))
      }
      const maildrop = await fixture.open(anna)
      expect(maildrop.listing.count).toBe(50_000)
      expect(maildrop.listing.ids.every((id, i) => id === ids[i])).toBe(true)
      expect(await readText(maildrop, 49_999)).toBe(message('batch 49'))
      const even = ids.flatMap((_, i) => (i % 2 === 0 ? [i] : []))
      await fixture.quit(maildrop, even)
      const left = await fixture.ids(anna)
      expect(left).toHaveLength(25_000)
      expect(left.every((id, i) => id === ids[2 * i + 1])).toBe(true)
      expect((await fixture.store.directory.usage(anna.id)).messages).toBe(25_000)
    }, 120_000)
  })

  describe('an open maildrop', () => {
    /** Opens a maildrop of two messages, lets something happen, and expects it to look as before. */
    const frozen = (title: string, happen: Parameters<typeof test>[1]) =>
      test(`stays as it was: ${title}`, async (fixture) => {
        const anna = await fixture.account()
        const ids = [await fixture.deliver(anna, message('1')), await fixture.deliver(anna, message('2'))]
        await using maildrop = await fixture.open(anna)
        await happen(fixture)
        expect(maildrop.listing.ids).toEqual(ids)
        expect(maildrop.listing.count).toBe(2)
        expect(await readText(maildrop, 0)).toBe(message('1'))
        expect(await readText(maildrop, 1)).toBe(message('2'))
      })
    const ours = async (fixture: Parameters<Parameters<typeof test>[1]>[0]) =>
      (await fixture.store.directory.accountByAddress('anna@acme.example'))!

    frozen('mail arrives', async (fixture) => {
      await fixture.deliver(await ours(fixture))
    })
    frozen('a device hides', async (fixture) => {
      const anna = await ours(fixture)
      await fixture.dele(anna, await fixture.ids(anna, { view: deviceView('pc') }), {
        view: deviceView('pc'),
      })
    })
    frozen('copies are discarded', async (fixture) => {
      for (const { id } of await fixture.copies(await ours(fixture))) await fixture.store.discard(id, ADMIN)
    })
    frozen('copies are moved', async (fixture) => {
      for (const { id } of await fixture.copies(await ours(fixture))) {
        await fixture.store.move(id, 'lists', ADMIN)
      }
    })
    frozen('copies are discarded and expire for good', async (fixture) => {
      for (const { id } of await fixture.copies(await ours(fixture))) await fixture.store.discard(id, ADMIN)
      fixture.nowMs += 8 * DAY_MS
      expect(await fixture.store.expire(fixture.nowMs)).toMatchObject({ removed: 2 })
    })

    test('stays as it was while another view deletes, and commits all the same', async (fixture) => {
      const anna = await fixture.account()
      const ids = [await fixture.deliver(anna, message('1')), await fixture.deliver(anna, message('2'))]
      const phone = await fixture.open(anna, { view: deviceView('phone') })
      await fixture.dele(anna, ids)
      expect(phone.listing.ids).toEqual(ids)
      expect(await readText(phone, 1)).toBe(message('2'))
      expect(await phone.commit([0, 1]), 'what is gone counts as deleted').toEqual({ ok: true })
    })

    test('reads many messages at once', async (fixture) => {
      const anna = await fixture.account()
      const texts = Array.from({ length: 20 }, (_, i) => message(`${i}`, 'z'.repeat(i * 10_000)))
      for (const text of texts) await fixture.deliver(anna, text)
      await using maildrop = await fixture.open(anna)
      const read = await Promise.all(texts.map((_, i) => readText(maildrop, texts.length - 1 - i)))
      expect(read.reverse()).toEqual(texts)
    })

    test('gives arrays that stay as they are', async (fixture) => {
      const anna = await fixture.account()
      for (let i = 0; i < 5; i++) await fixture.deliver(anna, message(`${i}`))
      await using maildrop = await fixture.open(anna)
      const kept = []
      for (let i = 0; i < 5; i++) kept.push(await maildrop.readAt(i, 0, 10_000))
      const copies = kept.map((octets) => octets.slice())
      for (let i = 0; i < 5; i++) await readText(maildrop, 4 - i)
      expect(kept).toEqual(copies)
    })
  })

  describe('committing deletions', () => {
    const filled = async (fixture: Parameters<Parameters<typeof test>[1]>[0]) => {
      const anna = await fixture.account()
      const ids = []
      for (let i = 0; i < 4; i++) ids.push(await fixture.deliver(anna, message(`${i}`)))
      return { anna, ids, maildrop: (await fixture.open(anna)) as OpenMaildrop }
    }

    test('deletes what was named and nothing else', async (fixture) => {
      const { anna, ids, maildrop } = await filled(fixture)
      await fixture.quit(maildrop, [2, 0])
      expect(await fixture.ids(anna)).toEqual([ids[1], ids[3]])
      for (const gone of [ids[0]!, ids[2]!]) {
        expect(await fixture.store.find(gone)).toBeNull()
        expect(await fixture.store.read(gone)).toBeNull()
      }
      expect(await fixture.store.directory.usage(anna.id)).toEqual({
        octets: message('1').length * 2,
        messages: 2,
      })
    })

    test('without a commit nothing is deleted', async (fixture) => {
      const { anna, ids, maildrop } = await filled(fixture)
      await maildrop[Symbol.asyncDispose]()
      expect(await fixture.ids(anna)).toEqual(ids)
    })

    test('is idempotent', async (fixture) => {
      const { anna, ids, maildrop } = await filled(fixture)
      expect(await maildrop.commit([1])).toEqual({ ok: true })
      expect(await maildrop.commit([1])).toEqual({ ok: true })
      expect(await maildrop.commit([1, 2])).toEqual({ ok: true })
      await maildrop[Symbol.asyncDispose]()
      expect(await fixture.ids(anna)).toEqual([ids[0], ids[3]])
      expect((await fixture.store.directory.usage(anna.id)).messages).toBe(2)
    })

    test('what someone else removed counts as deleted', async (fixture) => {
      const { anna, ids, maildrop } = await filled(fixture)
      await fixture.store.discard(ids[1]!, ADMIN)
      expect(await maildrop.commit([0, 1])).toEqual({ ok: true })
      await maildrop[Symbol.asyncDispose]()
      expect(await fixture.ids(anna)).toEqual([ids[2], ids[3]])
    })

    test('leaves alone what was moved, or restored, since it was opened', async (fixture) => {
      const { anna, ids, maildrop } = await filled(fixture)
      await fixture.store.move(ids[0]!, 'lists', ADMIN)
      await fixture.store.discard(ids[1]!, ADMIN)
      const restored = await fixture.store.undelete(ids[1]!, ADMIN)
      await fixture.quit(maildrop, [0, 1])
      expect(await fixture.texts(anna, { folder: 'lists' })).toEqual([message('0')])
      expect(restored).toHaveProperty('restored')
      expect(await fixture.texts(anna)).toEqual([message('2'), message('3'), message('1')])
    })

    test('after the lock was given back answers lost-lock', async (fixture) => {
      const { anna, ids, maildrop } = await filled(fixture)
      await maildrop[Symbol.asyncDispose]()
      expect(await maildrop.commit([0])).toMatchObject({ failed: 'lost-lock' })
      await using again = await fixture.open(anna)
      expect(await maildrop.commit([0]), 'also while another session has it').toMatchObject({
        failed: 'lost-lock',
      })
      expect(again.listing.ids).toEqual(ids)
      expect((await fixture.copies(anna)).map((copy) => copy.id)).toEqual(ids)
    })
  })

  describe('reading without a lock', () => {
    test('copies of a folder, or of all, in order of arrival', async (fixture) => {
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      const a = await fixture.deliver(anna)
      const b = await fixture.deliver(anna, message('b'), { folder: 'lists' })
      await fixture.deliver(bert)
      const c = await fixture.hold(anna)
      const d = await fixture.deliver(anna, message('d', '.dot'), { prefix: 'X: y\r\n' })
      const ids = async (folder?: string) => (await fixture.copies(anna, folder)).map((copy) => copy.id)
      expect(await ids()).toEqual([a, b, c, d])
      expect(await ids(INBOX)).toEqual([a, d])
      expect(await ids('lists')).toEqual([b])
      expect(await ids(QUARANTINE)).toEqual([c])
      expect(await ids('nothing')).toEqual([])
      expect(await fixture.copies({ id: 'nobody' })).toEqual([])
      expect((await fixture.copies(anna))[3]).toEqual({
        id: d,
        account: anna.id,
        folder: INBOX,
        arrivedAtMs: fixture.nowMs,
        sizeOctets: message('d', '.dot').length + 6,
        bodyOffset: message('d').indexOf('\r\n\r\n') + 4 + 6,
        needsStuffing: true,
        hold: null,
      })
    })

    test('copies may be listed while a session has them, and while they change', async (fixture) => {
      const anna = await fixture.account()
      for (let i = 0; i < 10; i++) await fixture.deliver(anna)
      await using _maildrop = await fixture.open(anna)
      for await (const { id } of fixture.store.copies(anna.id)) await fixture.store.discard(id, ADMIN)
      expect(await fixture.copies(anna)).toEqual([])
    })

    test('find by a whole id and by any unambiguous beginning', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna)
      for (let length = 6; length <= id.length; length++) {
        expect(await fixture.store.find(id.slice(0, length)), id.slice(0, length)).toMatchObject({
          id,
          account: anna.id,
        })
      }
      expect(await fixture.store.find(id.slice(0, 5)), 'too short').toBeNull()
      expect(await fixture.store.find(''), 'empty').toBeNull()
      expect(await fixture.store.find(`${id}0`)).toBeNull()
      const other = await fixture.deliver(anna)
      expect(await fixture.store.find(id.slice(0, 6)), `${id} and ${other}`).toBe('ambiguous')
      expect(await fixture.store.find(id)).toMatchObject({ id })
    })

    test('find takes its prefix to the letter', async (fixture) => {
      const anna = await fixture.account()
      for (const id of ['mail-1', 'mail-10', 'mail-11', 'MAIL-2x']) await fixture.deliver(anna, 'x', { id })
      expect(await fixture.store.find('mail-1'), 'a whole id comes first').toMatchObject({ id: 'mail-1' })
      expect(await fixture.store.find('MAIL-2')).toMatchObject({ id: 'MAIL-2x' })
      for (const pattern of ['%%%%%%', '______', 'mail-_', 'mail-*', '******', "mail-'", 'mail-2']) {
        expect(await fixture.store.find(pattern), pattern).toBeNull()
      }
    })

    test('find tells one id in two places apart by the key', async (fixture) => {
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      const id = 'imported-1'
      await fixture.deliver(anna, message('anna'), { id })
      await fixture.deliver(bert, message('bert'), { id })
      await fixture.deliver(bert, message('list'), { id, folder: 'lists' })
      expect(await fixture.store.find(id)).toBe('ambiguous')
      expect(await fixture.readCopy(id), 'an id several copies have names none').toBeNull()
      expect(await fixture.store.discard(id, ADMIN)).toBe(false)
      expect(await fixture.store.move(id, 'b', ADMIN)).toEqual({ failed: 'no-such-message' })
      expect(await fixture.readCopy({ account: bert.id, folder: INBOX, id })).toBe(message('bert'))
      expect(await fixture.readCopy({ account: bert.id, folder: 'lists', id })).toBe(message('list'))
      expect(await fixture.store.discard({ account: bert.id, folder: INBOX, id }, ADMIN)).toBe(true)
      expect(await fixture.store.discard({ account: anna.id, folder: INBOX, id }, ADMIN)).toBe(true)
      const key = { account: anna.id, folder: INBOX, id }
      expect(await fixture.store.undelete(key, ADMIN)).toHaveProperty('restored')
      expect(await fixture.texts(anna)).toEqual([message('anna')])
      expect(await fixture.texts(bert)).toEqual([])
      expect(await fixture.readCopy(id), 'one is left').toBe(message('list'))
    })

    test('read gives prefix and body, and null for what is gone', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna, message('x'), { prefix: 'X: y\r\n' })
      expect(await fixture.readCopy(id)).toBe(`X: y\r\n${message('x')}`)
      expect(await fixture.store.read(id.slice(0, 10)), 'a beginning is not an id').toBeNull()
      expect(await fixture.store.read('nothing')).toBeNull()
      await fixture.store.discard(id, ADMIN)
      expect(await fixture.store.read(id)).toBeNull()
    })
  })
}
