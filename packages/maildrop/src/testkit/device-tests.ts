import type { UniqueId } from '@restante/mail'
import { describe, expect } from 'vitest'
import type { Device, DeviceStore, RemoveAfter } from '../devices.ts'
import { isDeviceStore } from '../devices.ts'
import type { Account } from '../directory.ts'
import { deviceView, INBOX, QUARANTINE, RECOVERED } from '../words.ts'
import {
  ADMIN,
  DAY_MS,
  type Fixture,
  HOUR_MS,
  holdFor,
  type MakeStore,
  message,
  START_MS,
  testsOn,
} from './fixture.ts'

const PHONE = { view: deviceView('phone') }
const LAPTOP = { view: deviceView('laptop') }
const NEVER = { name: '', sinceMs: null, lastPickUpMs: null, hiddenMessages: 0 }

function storeOf({ store }: Fixture): DeviceStore {
  if (!isDeviceStore(store)) throw new Error('the store knows no devices')
  return store
}

async function addDevice(fixture: Fixture, account: Account, name: string): Promise<void> {
  await fixture.store.directory.setCredentials(account.id, name, [{ scheme: 'argon2id', verifier: 'v' }])
}

async function follow(fixture: Fixture, account: Account, policy: RemoveAfter | null): Promise<void> {
  expect(await storeOf(fixture).setRemoveAfter(account.id, policy)).toBe(true)
}

async function retired({ store, nowMs }: Fixture): Promise<number | undefined> {
  return (await store.expire(nowMs)).retired
}

function names(devices: readonly Device[]): readonly string[] {
  return devices.map(({ name }) => name)
}

/** Devices, and the policies that remove what they are done with. */
export function deviceTests(makeStore: MakeStore, durable: boolean): void {
  const test = testsOn(makeStore)

  describe('devices', () => {
    test('are listed with their age, their last pick-up and what they hide', async (fixture) => {
      const anna = await fixture.account()
      await addDevice(fixture, anna, 'phone')
      const id = await fixture.deliver(anna)
      await fixture.deliver(anna)
      expect(await storeOf(fixture).devices(anna.id)).toEqual([
        NEVER,
        { name: 'phone', sinceMs: START_MS, lastPickUpMs: null, hiddenMessages: 0 },
      ])
      fixture.nowMs += HOUR_MS
      await fixture.dele(anna, [id], PHONE)
      fixture.nowMs += HOUR_MS
      await fixture.ids(anna)
      expect(await storeOf(fixture).devices(anna.id)).toEqual([
        { ...NEVER, lastPickUpMs: START_MS + 2 * HOUR_MS },
        { name: 'phone', sinceMs: START_MS, lastPickUpMs: START_MS + HOUR_MS, hiddenMessages: 1 },
      ])
      await fixture.dele(anna, [id])
      expect((await storeOf(fixture).devices(anna.id))[1]?.hiddenMessages, 'removed for all').toBe(0)
    })

    test('a look at the last 30 days is no pick-up; one in another folder is', async (fixture) => {
      const anna = await fixture.account()
      await fixture.ids(anna, { view: 'recent' })
      expect(await storeOf(fixture).devices(anna.id)).toEqual([NEVER])
      await fixture.ids(anna, { ...LAPTOP, folder: 'lists' })
      expect(await storeOf(fixture).devices(anna.id)).toMatchObject([{}, { name: 'laptop', sinceMs: null }])
    })

    test('without credentials are forgotten after 60 days, with them never', async (fixture) => {
      const anna = await fixture.account()
      await addDevice(fixture, anna, 'phone')
      await fixture.ids(anna, LAPTOP)
      expect(names(await storeOf(fixture).devices(anna.id))).toEqual(['', 'laptop', 'phone'])
      fixture.nowMs += 60 * DAY_MS
      expect(names(await storeOf(fixture).devices(anna.id))).toEqual(['', 'phone'])
    })

    test('that are removed are gone at once', async (fixture) => {
      const anna = await fixture.account()
      await addDevice(fixture, anna, 'phone')
      await fixture.ids(anna, PHONE)
      await fixture.store.directory.removeDevice(anna.id, 'phone')
      expect(names(await storeOf(fixture).devices(anna.id))).toEqual([''])
    })

    test('an unknown account has none, and takes no policy', async (fixture) => {
      expect(await storeOf(fixture).devices('nobody')).toEqual([])
      expect(await storeOf(fixture).setRemoveAfter('nobody', 'any_device')).toBe(false)
    })
  })

  describe('policies', () => {
    test('are none, then as given, then none again', async (fixture) => {
      const anna = await fixture.account()
      const none = { own: null, applied: null }
      expect(await storeOf(fixture).removeAfter(anna.id)).toEqual(none)
      await follow(fixture, anna, '90d')
      expect(await storeOf(fixture).removeAfter(anna.id)).toEqual({ own: '90d', applied: '90d' })
      await follow(fixture, anna, null)
      expect(await storeOf(fixture).removeAfter(anna.id)).toEqual(none)
    })

    test('promise the fewest days of all accounts', async (fixture) => {
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      expect(await storeOf(fixture).promisedDays()).toEqual({ days: null, perAccount: false })
      await follow(fixture, anna, 'any_device')
      expect(await storeOf(fixture).promisedDays()).toEqual({ days: null, perAccount: false })
      await follow(fixture, anna, '90d')
      await follow(fixture, bert, '30d')
      expect(await storeOf(fixture).promisedDays()).toEqual({ days: 30, perAccount: true })
    })

    test('without one, hidden mail stays', async (fixture) => {
      const anna = await fixture.account()
      await addDevice(fixture, anna, 'phone')
      await fixture.dele(anna, [await fixture.deliver(anna)], PHONE)
      fixture.nowMs += 365 * DAY_MS
      expect(await retired(fixture)).toBe(0)
      expect(await fixture.ids(anna)).toHaveLength(1)
    })

    test('all_devices waits for the last active one, and what it removes can come back', async (fixture) => {
      const anna = await fixture.account()
      await follow(fixture, anna, 'all_devices')
      for (const name of ['phone', 'laptop']) await addDevice(fixture, anna, name)
      const ids: UniqueId[] = []
      for (let i = 0; i < 3; i++) ids.push(await fixture.deliver(anna, message(`${i}`)))
      await fixture.dele(anna, ids.slice(0, 2), PHONE)
      expect(await retired(fixture), 'the laptop is new').toBe(0)
      await fixture.dele(anna, ids.slice(1), LAPTOP)
      expect(await retired(fixture)).toBe(1)
      expect(await retired(fixture), 'once').toBe(0)
      expect(await fixture.store.find(ids[1]!)).toBeNull()
      const back = await fixture.store.undelete(ids[1]!, ADMIN)
      expect(back).toHaveProperty('restored')
      expect(await retired(fixture), 'every device sees it again').toBe(0)
      expect(await fixture.ids(anna, PHONE)).toHaveLength(2)
    })

    test('all_devices stops waiting after 60 days', async (fixture) => {
      const anna = await fixture.account()
      await follow(fixture, anna, 'all_devices')
      for (const name of ['phone', 'laptop']) await addDevice(fixture, anna, name)
      await fixture.ids(anna, LAPTOP)
      const id = await fixture.deliver(anna)
      fixture.nowMs += 60 * DAY_MS - 1
      await fixture.dele(anna, [id], PHONE)
      expect(await retired(fixture)).toBe(0)
      fixture.nowMs += 1
      expect(await retired(fixture)).toBe(1)
    })

    test('all_devices removes nothing while the account password picks mail up', async (fixture) => {
      const anna = await fixture.account()
      await follow(fixture, anna, 'all_devices')
      await addDevice(fixture, anna, 'phone')
      await fixture.ids(anna)
      await fixture.dele(anna, [await fixture.deliver(anna)], PHONE)
      expect(await retired(fixture)).toBe(0)
      fixture.nowMs += 60 * DAY_MS
      await fixture.ids(anna, PHONE)
      expect(await retired(fixture)).toBe(1)
    })

    test('any_device removes what one has hidden', async (fixture) => {
      const anna = await fixture.account()
      await follow(fixture, anna, 'any_device')
      for (const name of ['phone', 'laptop']) await addDevice(fixture, anna, name)
      const [a, b] = [await fixture.deliver(anna), await fixture.deliver(anna)]
      await fixture.dele(anna, [a], PHONE)
      expect(await retired(fixture)).toBe(1)
      expect(await fixture.ids(anna)).toEqual([b])
    })

    test('Nd removes what came N days ago, from every folder but two', async (fixture) => {
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      await follow(fixture, anna, '90d')
      for (const folder of [INBOX, 'lists', RECOVERED]) await fixture.deliver(anna, message('x'), { folder })
      await fixture.hold(anna, message('held'), { hold: holdFor(null) })
      await fixture.deliver(bert)
      fixture.nowMs += DAY_MS
      const imported = await fixture.deliver(anna, message('old'), { arrivedAtMs: 1e12 })
      fixture.nowMs += 89 * DAY_MS - 1
      expect(await retired(fixture)).toBe(0)
      fixture.nowMs += 1
      expect(await retired(fixture)).toBe(2)
      expect(await fixture.ids(anna), 'an imported message counts from its import').toEqual([imported])
      for (const folder of [RECOVERED, QUARANTINE])
        expect(await fixture.ids(anna, { folder }), folder).toHaveLength(1)
      expect(await fixture.ids(bert)).toHaveLength(1)
      fixture.nowMs += DAY_MS
      expect(await retired(fixture)).toBe(1)
    })

    test('Nd starts again for what was undeleted', async (fixture) => {
      const anna = await fixture.account()
      await follow(fixture, anna, '2d')
      const id = await fixture.deliver(anna)
      fixture.nowMs += 2 * DAY_MS
      expect(await retired(fixture)).toBe(1)
      await fixture.store.undelete(id, ADMIN)
      fixture.nowMs += DAY_MS
      expect(await retired(fixture)).toBe(0)
      expect(await fixture.ids(anna)).toHaveLength(1)
    })

    test('a session that is open keeps what it sees', async (fixture) => {
      const anna = await fixture.account()
      await follow(fixture, anna, '2d')
      await fixture.deliver(anna, message('x'))
      await using maildrop = await fixture.open(anna)
      fixture.nowMs += 2 * DAY_MS
      expect(await retired(fixture)).toBe(1)
      expect((await maildrop.readAt(0, 0, 1000)).length).toBeGreaterThan(0)
    })

    test('apply to many messages at once', async (fixture) => {
      const anna = await fixture.account()
      await follow(fixture, anna, 'all_devices')
      await addDevice(fixture, anna, 'phone')
      const order = { account: anna.id, folder: INBOX, prefix: new Uint8Array(0) }
      await fixture.commit(
        message('bulk'),
        Array.from({ length: 1100 }, () => order),
      )
      const maildrop = await fixture.open(anna, PHONE)
      await fixture.quit(maildrop, [...Array(1000).keys()])
      expect(await retired(fixture)).toBe(1000)
      expect((await fixture.store.directory.usage(anna.id)).messages).toBe(100)
    })
  })

  if (durable) {
    test('devices and policies are as they were after opening again', async (fixture) => {
      const anna = await fixture.account()
      await follow(fixture, anna, '90d')
      await addDevice(fixture, anna, 'phone')
      await fixture.dele(anna, [await fixture.deliver(anna)], PHONE)
      const before = await storeOf(fixture).devices(anna.id)
      await fixture.reopen()
      expect(await storeOf(fixture).devices(anna.id)).toEqual(before)
      expect(await storeOf(fixture).removeAfter(anna.id)).toMatchObject({ own: '90d' })
    })
  }
}
