import { describe, expect } from 'vitest'
import { deviceView, QUARANTINE } from '../words.ts'
import { ADMIN, DAY_MS, HOUR_MS, type MakeStore, message, readText, testsOn } from './fixture.ts'

const CLASSIC = { view: 'classic' } as const
const PHONE = { view: deviceView('phone') }
const LAPTOP = { view: deviceView('Lap top/ä') }
const RECENT = { view: 'recent' } as const

/** The classic view, device views, `recent`. */
export function viewTests(makeStore: MakeStore): void {
  const test = testsOn(makeStore)

  describe('the classic view', () => {
    test('deletes for every view', async (fixture) => {
      const anna = await fixture.account()
      const ids = [await fixture.deliver(anna), await fixture.deliver(anna)]
      await fixture.dele(anna, [ids[0]!])
      for (const where of [CLASSIC, PHONE, LAPTOP, RECENT]) {
        expect(await fixture.ids(anna, where), where.view).toEqual([ids[1]])
      }
    })

    test('shows what devices have hidden', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna, message('still here'))
      await fixture.dele(anna, [id], PHONE)
      expect(await fixture.ids(anna)).toEqual([id])
      expect(await fixture.texts(anna)).toEqual([message('still here')])
    })
  })

  describe('a device view', () => {
    test('hides from that device only; nothing is removed', async (fixture) => {
      const anna = await fixture.account()
      const ids = [await fixture.deliver(anna), await fixture.deliver(anna)]
      await fixture.dele(anna, [ids[0]!], PHONE)
      expect(await fixture.ids(anna, PHONE)).toEqual([ids[1]])
      expect(await fixture.ids(anna, LAPTOP)).toEqual(ids)
      expect(await fixture.ids(anna, RECENT)).toEqual(ids)
      expect((await fixture.copies(anna)).map((copy) => copy.id)).toEqual(ids)
      expect((await fixture.store.directory.usage(anna.id)).messages).toBe(2)
      expect(await fixture.store.undelete(ids[0]!, ADMIN), 'hidden is not removed').toEqual({
        failed: 'no-such-message',
      })
    })

    test('hides only on commit, never by reading', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna)
      {
        await using maildrop = await fixture.open(anna, PHONE)
        expect(maildrop.readOnly ?? false, 'readOnly').toBe(false)
        await readText(maildrop, 0)
      }
      expect(await fixture.ids(anna, PHONE)).toEqual([id])
    })

    test('new ones see what is still in the folder', async (fixture) => {
      const anna = await fixture.account()
      const ids = []
      for (let i = 0; i < 3; i++) ids.push(await fixture.deliver(anna))
      await fixture.dele(anna, [ids[0]!], PHONE)
      await fixture.dele(anna, [ids[1]!])
      expect(await fixture.ids(anna, LAPTOP)).toEqual([ids[0], ids[2]])
    })

    test('two poll at once and hide each their own', async (fixture) => {
      const anna = await fixture.account()
      const ids = []
      for (let i = 0; i < 3; i++) ids.push(await fixture.deliver(anna))
      const phone = await fixture.open(anna, PHONE)
      const laptop = await fixture.open(anna, LAPTOP)
      await fixture.quit(phone, [0, 1])
      await fixture.quit(laptop, [1, 2])
      expect(await fixture.ids(anna, PHONE)).toEqual([ids[2]])
      expect(await fixture.ids(anna, LAPTOP)).toEqual([ids[0]])
      expect(await fixture.ids(anna)).toEqual(ids)
    })

    test('commits are idempotent', async (fixture) => {
      const anna = await fixture.account()
      const ids = [await fixture.deliver(anna), await fixture.deliver(anna)]
      const phone = await fixture.open(anna, PHONE)
      expect(await phone.commit([0])).toEqual({ ok: true })
      await fixture.quit(phone, [0])
      expect(await fixture.ids(anna, PHONE)).toEqual([ids[1]])
    })

    test('is of one account', async (fixture) => {
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      const id = 'same-id-in-both'
      await fixture.deliver(anna, message('a'), { id })
      await fixture.deliver(bert, message('b'), { id })
      await fixture.dele(anna, [id], PHONE)
      expect(await fixture.ids(anna, PHONE)).toEqual([])
      expect(await fixture.ids(bert, PHONE)).toEqual([id])
    })

    test('is of one folder', async (fixture) => {
      const anna = await fixture.account()
      const id = 'same-id-in-both'
      await fixture.deliver(anna, message('a'), { id })
      await fixture.deliver(anna, message('b'), { id, folder: 'lists' })
      await fixture.dele(anna, [id], { ...PHONE, folder: 'lists' })
      expect(await fixture.ids(anna, PHONE)).toEqual([id])
      expect(await fixture.ids(anna, { ...PHONE, folder: 'lists' })).toEqual([])
    })

    test('shows again what comes back under a new id', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna, message('x'))
      await fixture.dele(anna, [id], PHONE)
      await fixture.store.discard(id, ADMIN)
      await fixture.store.undelete(id, ADMIN)
      expect(await fixture.texts(anna, PHONE)).toEqual([message('x')])
    })

    test('goes away with its device', async (fixture) => {
      const anna = await fixture.account()
      const { directory } = fixture.store
      for (const device of ['phone', 'pc']) {
        await directory.setCredentials(anna.id, device, [{ scheme: 'argon2id', verifier: `v-${device}` }])
      }
      const ids = [await fixture.deliver(anna), await fixture.deliver(anna)]
      await fixture.dele(anna, [ids[0]!], PHONE)
      await fixture.dele(anna, [ids[1]!], { view: deviceView('pc') })
      expect(await directory.removeDevice(anna.id, 'phone')).toBe(true)
      expect(await fixture.ids(anna, PHONE), 'a new device of that name starts anew').toEqual(ids)
      expect(await fixture.ids(anna, { view: deviceView('pc') })).toEqual([ids[0]])
    })

    test('keeps its view when its password changes', async (fixture) => {
      const anna = await fixture.account()
      const ids = [await fixture.deliver(anna), await fixture.deliver(anna)]
      await fixture.dele(anna, [ids[0]!], PHONE)
      await fixture.store.directory.setCredentials(anna.id, 'phone', [
        { scheme: 'argon2id', verifier: 'new' },
      ])
      expect(await fixture.ids(anna, PHONE)).toEqual([ids[1]])
    })

    test('in the quarantine discards, as every view does there', async (fixture) => {
      const anna = await fixture.account()
      const ids = [await fixture.hold(anna), await fixture.hold(anna)]
      await fixture.dele(anna, [ids[0]!], { ...PHONE, folder: QUARANTINE })
      await fixture.dele(anna, [ids[1]!], { folder: QUARANTINE })
      expect(await fixture.copies(anna)).toEqual([])
      for (const id of ids) {
        expect(await fixture.store.undelete(id, ADMIN), 'they can come back').toHaveProperty('restored')
      }
    })
  })

  describe('recent', () => {
    test('lists the last 30 days with the same ids, oldest first', async (fixture) => {
      const anna = await fixture.account()
      await fixture.deliver(anna, message('old'), { arrivedAtMs: fixture.nowMs - 30 * DAY_MS - HOUR_MS })
      const younger = await fixture.deliver(anna, message('young'), {
        arrivedAtMs: fixture.nowMs - 30 * DAY_MS + HOUR_MS,
      })
      const newest = await fixture.deliver(anna, message('new'))
      expect(await fixture.ids(anna, RECENT)).toEqual([younger, newest])
      expect(await fixture.texts(anna, RECENT)).toEqual([message('young'), message('new')])
      fixture.nowMs += 2 * HOUR_MS
      expect(await fixture.ids(anna, RECENT), 'time goes on').toEqual([newest])
      expect(await fixture.ids(anna)).toHaveLength(3)
    })

    test('shows what devices have hidden, not what was removed', async (fixture) => {
      const anna = await fixture.account()
      const ids = [await fixture.deliver(anna), await fixture.deliver(anna)]
      await fixture.dele(anna, ids, PHONE)
      await fixture.dele(anna, [ids[0]!])
      expect(await fixture.ids(anna, RECENT)).toEqual([ids[1]])
    })

    test('deletes nothing: a commit answers read-only', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna)
      await using recent = await fixture.open(anna, RECENT)
      expect(recent.readOnly, 'readOnly').toBe(true)
      expect(await recent.commit([0])).toMatchObject({ failed: 'read-only' })
      expect(await fixture.ids(anna)).toEqual([id])
    })

    test('deletes nothing in the quarantine either', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.hold(anna)
      await using recent = await fixture.open(anna, { ...RECENT, folder: QUARANTINE })
      expect(recent.listing.ids).toEqual([id])
      expect(await recent.commit([0])).toMatchObject({ failed: 'read-only' })
      expect(await fixture.ids(anna, { folder: QUARANTINE })).toEqual([id])
    })
  })
}
