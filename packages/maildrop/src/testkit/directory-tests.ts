import { describe, expect } from 'vitest'
import type { Feedback, Lesson } from '../learning.ts'
import { deviceView, QUARANTINE } from '../words.ts'
import {
  ADMIN,
  entriesOf,
  HOUR_MS,
  holdFor,
  type MakeStore,
  message,
  orderFor,
  recordOf,
  START_MS,
  storedId,
  testsOn,
} from './fixture.ts'

const ARGON = { scheme: 'argon2id', verifier: '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA' }
const SCRAM = { scheme: 'scram-sha-256', verifier: '4096:c2FsdA==:c3RvcmVk:c2VydmVy' }

/** Domains, accounts, credentials, aliases, usage, erasure. */
export function directoryTests(makeStore: MakeStore): void {
  const test = testsOn(makeStore)

  describe('domains', () => {
    test('are added, changed, listed, removed', async ({ store: { directory } }) => {
      expect(await directory.domains()).toEqual([])
      expect(await directory.domain('acme.example')).toBeNull()
      await directory.putDomain({ name: 'acme.example', catchAll: null })
      await directory.putDomain({ name: 'bücher.example', catchAll: 'shop@bücher.example' })
      expect(await directory.domain('acme.example')).toEqual({ name: 'acme.example', catchAll: null })
      await directory.putDomain({ name: 'acme.example', catchAll: 'anna@acme.example' })
      expect(await directory.domain('acme.example')).toEqual({
        name: 'acme.example',
        catchAll: 'anna@acme.example',
      })
      expect((await directory.domains()).map((domain) => domain.name).sort()).toEqual([
        'acme.example',
        'bücher.example',
      ])
      expect(await directory.removeDomain('bücher.example')).toBe(true)
      expect(await directory.removeDomain('bücher.example')).toBe(false)
      expect((await directory.domains()).map((domain) => domain.name)).toEqual(['acme.example'])
    })

    test('come with the first account in them, and stay as they are with the next', async (fixture) => {
      const { directory } = fixture.store
      await fixture.account('anna@acme.example')
      expect(await directory.domain('acme.example')).toEqual({ name: 'acme.example', catchAll: null })
      await directory.putDomain({ name: 'acme.example', catchAll: 'anna@acme.example' })
      await fixture.account('bert@acme.example')
      expect(await directory.domain('acme.example')).toMatchObject({ catchAll: 'anna@acme.example' })
      expect(await directory.domains()).toHaveLength(1)
    })
  })

  describe('accounts', () => {
    test('start without limits and thresholds', async (fixture) => {
      const anna = await fixture.account()
      expect(anna).toEqual({
        id: expect.any(String),
        address: 'anna@acme.example',
        createdAtMs: START_MS,
        generation: expect.any(Number),
        quotaOctets: null,
        quotaMessages: null,
        thresholds: {},
      })
      expect(anna.id).not.toBe('')
      expect(await fixture.store.directory.account(anna.id)).toEqual(anna)
      expect(await fixture.store.directory.accountByAddress('anna@acme.example')).toEqual(anna)
    })

    test('are not found by other names', async (fixture) => {
      const anna = await fixture.account()
      const { directory } = fixture.store
      expect(await directory.account('nobody')).toBeNull()
      for (const address of ['ann@acme.example', 'anna@acme', '%', anna.id, '']) {
        expect(await directory.accountByAddress(address), address).toBeNull()
      }
    })

    test('are listed in order of address', async (fixture) => {
      for (const name of ['m', 'z', 'a', 'b1', 'b']) await fixture.account(`${name}@acme.example`)
      const addresses = (await fixture.store.directory.accounts()).map((account) => account.address)
      expect(addresses).toEqual([...addresses].sort())
      expect(addresses).toHaveLength(5)
    })

    test('have an address of their own, which no alias has', async (fixture) => {
      await fixture.account()
      const { directory } = fixture.store
      expect(await directory.addAccount('anna@acme.example')).toBeNull()
      await directory.putAlias({ address: 'info@acme.example', targets: ['anna@acme.example'] })
      expect(await directory.addAccount('info@acme.example')).toBeNull()
      expect(await directory.accounts()).toHaveLength(1)
      const added = await Promise.all(
        Array.from({ length: 8 }, () => directory.addAccount('new@acme.example')),
      )
      expect(added.filter((account) => account !== null)).toHaveLength(1)
    })

    test('change in what is named and stay in the rest', async (fixture) => {
      const anna = await fixture.account()
      const { directory } = fixture.store
      const bert = await fixture.account('bert@acme.example')
      const first = { quotaOctets: 5_000_000_000, quotaMessages: 10, thresholds: { tag: 5.5, reject: null } }
      expect(await directory.changeAccount(anna.id, first)).toMatchObject(first)
      expect(await directory.changeAccount(anna.id, {})).toMatchObject(first)
      expect(await directory.changeAccount(anna.id, { quotaMessages: null })).toMatchObject({
        ...first,
        quotaMessages: null,
      })
      expect((await directory.changeAccount(anna.id, { thresholds: { quarantine: 9 } }))?.thresholds).toEqual(
        {
          quarantine: 9,
        },
      )
      expect(await directory.changeAccount(anna.id, { thresholds: {}, quotaOctets: null })).toMatchObject({
        address: 'anna@acme.example',
        thresholds: {},
        quotaOctets: null,
      })
      expect(await directory.account(bert.id)).toEqual(bert)
      expect(await directory.changeAccount('nobody', first)).toBeNull()
    })
  })

  describe('credentials', () => {
    test('come with the account or later, by device', async (fixture) => {
      const { directory } = fixture.store
      const anna = await directory.addAccount('anna@acme.example', [
        { device: '', ...ARGON },
        { device: 'phone', ...SCRAM },
      ])
      fixture.nowMs += HOUR_MS
      expect(await directory.setCredentials(anna!.id, 'Lap top/ä', [ARGON, SCRAM])).toBe(true)
      const credentials = await directory.credentials(anna!.id)
      expect(credentials).toHaveLength(4)
      expect(credentials).toEqual(
        expect.arrayContaining([
          { device: '', ...ARGON, createdAtMs: START_MS },
          { device: 'phone', ...SCRAM, createdAtMs: START_MS },
          { device: 'Lap top/ä', ...ARGON, createdAtMs: START_MS + HOUR_MS },
          { device: 'Lap top/ä', ...SCRAM, createdAtMs: START_MS + HOUR_MS },
        ]),
      )
      expect(await directory.credentials('nobody')).toEqual([])
    })

    test('replace all of their device and none of another', async (fixture) => {
      const { directory } = fixture.store
      const anna = await directory.addAccount('anna@acme.example', [
        { device: '', ...ARGON },
        { device: '', ...SCRAM },
        { device: 'phone', ...ARGON },
      ])
      await directory.setCredentials(anna!.id, '', [{ ...ARGON, verifier: 'new' }])
      const short = async () =>
        (await directory.credentials(anna!.id)).map((each) => `${each.device}:${each.verifier}`).sort()
      expect(await short()).toEqual([':new', `phone:${ARGON.verifier}`])
      await directory.setCredentials(anna!.id, 'phone', [])
      expect(await short()).toEqual([':new'])
      expect(await directory.setCredentials('nobody', '', [ARGON])).toBe(false)
    })

    test('a removed device loses its own', async (fixture) => {
      const { directory } = fixture.store
      const anna = await directory.addAccount('anna@acme.example', [
        { device: '', ...ARGON },
        { device: 'phone', ...ARGON },
        { device: 'phone', ...SCRAM },
      ])
      expect(await directory.removeDevice(anna!.id, 'tablet')).toBe(false)
      expect(await directory.removeDevice('nobody', 'phone')).toBe(false)
      expect(await directory.removeDevice(anna!.id, 'phone')).toBe(true)
      expect(await directory.removeDevice(anna!.id, 'phone')).toBe(false)
      expect(await directory.credentials(anna!.id)).toEqual([{ device: '', ...ARGON, createdAtMs: START_MS }])
    })

    test('raise the generation with every change, of that account only', async (fixture) => {
      const { directory } = fixture.store
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      let last = anna.generation
      const grown = async () => {
        const { generation } = (await directory.account(anna.id))!
        const more = generation > last
        last = generation
        return more
      }
      await directory.setCredentials(anna.id, '', [ARGON])
      expect(await grown(), 'account password set').toBe(true)
      await directory.setCredentials(anna.id, '', [ARGON])
      expect(await grown(), 'set again').toBe(true)
      await directory.setCredentials(anna.id, 'phone', [SCRAM])
      expect(await grown(), 'device added').toBe(true)
      await directory.removeDevice(anna.id, 'phone')
      expect(await grown(), 'device removed').toBe(true)
      expect((await directory.accountByAddress(anna.address))?.generation).toBe(last)
      expect((await directory.accounts()).map((account) => account.generation)).toEqual([
        last,
        bert.generation,
      ])
      await fixture.deliver(anna)
      expect(await grown(), 'mail is no credential').toBe(false)
    })
  })

  describe('aliases', () => {
    test('are added, changed, listed, removed', async ({ store: { directory } }) => {
      const info = { address: 'info@acme.example', targets: ['anna@acme.example', 'x@elsewhere.example'] }
      expect(await directory.alias(info.address)).toBeNull()
      expect(await directory.putAlias(info)).toBe(true)
      expect(await directory.alias(info.address)).toEqual(info)
      const changed = { ...info, targets: ['bert@acme.example'] }
      expect(await directory.putAlias(changed)).toBe(true)
      const many = {
        address: 'all@acme.example',
        targets: Array.from({ length: 100 }, (_, i) => `p${i}@x.example`),
      }
      expect(await directory.putAlias(many)).toBe(true)
      const listed = [...(await directory.aliases())].sort((a, b) => (a.address < b.address ? -1 : 1))
      expect(listed).toEqual([many, changed])
      expect(await directory.removeAlias(info.address)).toBe(true)
      expect(await directory.removeAlias(info.address)).toBe(false)
      expect(await directory.aliases()).toEqual([many])
    })

    test('do not take the address of an account', async (fixture) => {
      await fixture.account()
      const { directory } = fixture.store
      expect(await directory.putAlias({ address: 'anna@acme.example', targets: ['b@acme.example'] })).toBe(
        false,
      )
      expect(await directory.aliases()).toEqual([])
    })
  })

  describe('usage', () => {
    test('counts every folder and the quarantine, not what was removed', async (fixture) => {
      const anna = await fixture.account()
      const { directory } = fixture.store
      const size = message('x').length
      expect(await directory.usage(anna.id)).toEqual({ octets: 0, messages: 0 })
      const first = await fixture.deliver(anna, message('x'), { prefix: 'A: b\r\n' })
      await fixture.deliver(anna, message('x'), { folder: 'lists' })
      const held = await fixture.hold(anna, message('x'))
      expect(await directory.usage(anna.id)).toEqual({ octets: 3 * size + 6, messages: 3 })
      await fixture.dele(anna, [first], { view: deviceView('phone') })
      expect(await directory.usage(anna.id), 'hidden is kept').toEqual({ octets: 3 * size + 6, messages: 3 })
      await fixture.store.release(held, ADMIN)
      await fixture.store.discard(first, ADMIN)
      expect(await directory.usage(anna.id)).toEqual({ octets: 2 * size, messages: 2 })
      await fixture.store.expire(fixture.nowMs + 1e10)
      expect(await directory.usage(anna.id)).toEqual({ octets: 2 * size, messages: 2 })
      expect(await directory.usage('nobody')).toEqual({ octets: 0, messages: 0 })
    })
  })

  describe('erasing an account', () => {
    test('removes everything of it and nothing of others', async (fixture) => {
      const { directory, learning, records } = fixture.store
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      const outcomes = await fixture.commit(message('both'), [
        orderFor(anna, { record: recordOf() }),
        orderFor(bert, { record: recordOf() }),
      ])
      const [hers, his] = outcomes.map(storedId)
      const removed = await fixture.deliver(anna, message('removed'), { record: recordOf() })
      await fixture.store.discard(removed, ADMIN)
      const held = await fixture.hold(anna, message('held'), { record: recordOf() })
      const listed = await fixture.deliver(anna, message('list'), { folder: 'lists' })
      const released = await fixture.store.release(await fixture.hold(anna), ADMIN)
      await fixture.store.release(await fixture.hold(bert), ADMIN)
      await directory.setCredentials(anna.id, 'phone', [ARGON])
      await fixture.dele(anna, [hers!], { view: deviceView('phone') })
      const lesson: Omit<Lesson, 'owner'> = {
        action: 'learn',
        label: 'spam',
        hash: 'h',
        features: Uint8Array.of(1),
        atMs: 1,
      }
      const owners = [`account:${anna.id}`, `account:${bert.id}`, 'global'] as const
      await learning.lessons.append(owners.map((owner) => ({ ...lesson, owner })))
      const heads = [await learning.feedback.head(), await learning.lessons.head()] as const

      expect(await directory.eraseAccount(anna.id)).toBe(true)

      expect(await directory.account(anna.id)).toBeNull()
      expect(await directory.accountByAddress(anna.address)).toBeNull()
      expect((await directory.accounts()).map((account) => account.id)).toEqual([bert.id])
      expect(await directory.credentials(anna.id)).toEqual([])
      expect(await directory.usage(anna.id)).toEqual({ octets: 0, messages: 0 })
      expect(await fixture.copies(anna)).toEqual([])
      expect(await fixture.store.open({ account: anna.id, folder: 'inbox', view: 'classic' })).toEqual({
        failed: 'no-such-maildrop',
      })
      for (const id of [hers!, removed, held, listed, 'released' in released ? released.released : '']) {
        expect(await fixture.store.find(id), id).toBeNull()
        expect(await fixture.store.read(id), id).toBeNull()
        expect(await records.get(id), id).toBeNull()
        expect(await fixture.store.undelete(id, ADMIN), id).toEqual({ failed: 'no-such-message' })
      }
      const isHers = (entry: Feedback | Lesson) => entry.owner === `account:${anna.id}`
      expect((await fixture.feedback()).filter(isHers)).toEqual([])
      expect((await entriesOf(learning.lessons)).filter(isHers)).toEqual([])
      expect(await learning.labelOf(`account:${anna.id}`, 'h')).toBeNull()
      expect(await fixture.commit(message('x'), [orderFor(anna)])).toEqual([{ failed: 'no-such-account' }])

      expect(await fixture.readCopy(his!), 'the other copy of the same mail').toBe(message('both'))
      expect(await records.get(his!)).not.toBeNull()
      expect(await fixture.texts(bert)).toEqual([message('both'), message('held')])
      expect(await fixture.feedback()).toHaveLength(1)
      expect((await entriesOf(learning.lessons)).map((entry) => entry.owner)).toEqual([
        `account:${bert.id}`,
        'global',
      ])
      expect(await learning.labelOf('global', 'h')).toBe('spam')
      expect(await learning.feedback.head()).toBeGreaterThanOrEqual(heads[0])
      expect(await learning.lessons.head()).toBeGreaterThanOrEqual(heads[1])
      expect(await directory.eraseAccount(anna.id), 'once').toBe(false)
    })

    test('leaves nothing for a new account of the same address', async (fixture) => {
      const { directory } = fixture.store
      const old = await fixture.account()
      const id = await fixture.deliver(old, message('old'))
      await fixture.hold(old)
      await fixture.dele(old, [id], { view: deviceView('phone') })
      await directory.changeAccount(old.id, { quotaMessages: 1 })
      await directory.setCredentials(old.id, '', [ARGON])
      await directory.eraseAccount(old.id)
      const fresh = await fixture.account(old.address)
      expect(fresh.id).not.toBe(old.id)
      expect(fresh).toMatchObject({ quotaMessages: null, thresholds: {} })
      expect(await directory.credentials(fresh.id)).toEqual([])
      expect(await fixture.copies(fresh)).toEqual([])
      expect(await fixture.texts(fresh, { folder: QUARANTINE })).toEqual([])
      await fixture.deliver(fresh, message('new'))
      expect(await fixture.texts(fresh, { view: deviceView('phone') })).toEqual([message('new')])
    })

    test('keeps cursors growing', async (fixture) => {
      const { learning, directory } = fixture.store
      const anna = await fixture.account()
      await fixture.store.release(await fixture.hold(anna, message('x'), { hold: holdFor() }), ADMIN)
      const before = await learning.feedback.head()
      await directory.eraseAccount(anna.id)
      const bert = await fixture.account('bert@acme.example')
      await fixture.store.release(await fixture.hold(bert), ADMIN)
      expect(await learning.feedback.head()).toBeGreaterThan(before)
      const since = await learning.feedback.since(before, 10)
      expect(since.map(({ entry }) => entry.owner)).toEqual([`account:${bert.id}`])
    })
  })
}
