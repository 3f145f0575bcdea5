import { expect } from 'vitest'
import type { Account } from '../directory.ts'
import { isTrashStore, type RemovedCopy, type TrashStore } from '../removed.ts'
import { deviceView, INBOX, QUARANTINE } from '../words.ts'
import {
  ADMIN,
  DAY_MS,
  type Fixture,
  HOUR_MS,
  type MakeStore,
  message,
  START_MS,
  testsOn,
} from './fixture.ts'

function storeOf({ store }: Fixture): TrashStore {
  if (!isTrashStore(store)) throw new Error('the store does not show what was removed')
  return store
}

async function removed(fixture: Fixture, account: Account): Promise<readonly RemovedCopy[]> {
  const copies: RemovedCopy[] = []
  for await (const copy of storeOf(fixture).removed(account.id)) copies.push(copy)
  return copies
}

/** What was removed and can come back. */
export function removedTests(makeStore: MakeStore): void {
  const test = testsOn(makeStore)

  test('what was removed is listed in that order, with where it was and why it was held', async (fixture) => {
    const anna = await fixture.account()
    const bert = await fixture.account('bert@acme.example')
    const first = await fixture.deliver(anna, message('first'))
    const held = await fixture.hold(anna, message('held'))
    await fixture.deliver(anna)
    const hidden = await fixture.deliver(anna)
    const [copy, holdCopy] = [await fixture.store.find(first), await fixture.store.find(held)]
    await fixture.dele(bert, [await fixture.deliver(bert)])
    fixture.nowMs += HOUR_MS
    await fixture.store.discard(held, ADMIN)
    fixture.nowMs += HOUR_MS
    await fixture.dele(anna, [first])
    await fixture.dele(anna, [hidden], { view: deviceView('phone') })
    expect(await removed(fixture, anna)).toEqual([
      { ...(holdCopy as object), removedAtMs: START_MS + HOUR_MS },
      { ...(copy as object), removedAtMs: START_MS + 2 * HOUR_MS },
    ])
    expect((await removed(fixture, anna)).map(({ folder }) => folder)).toEqual([QUARANTINE, INBOX])
  })

  test('what came back, or no longer can, is not', async (fixture) => {
    const anna = await fixture.account()
    const [a, b] = [await fixture.deliver(anna), await fixture.deliver(anna)]
    await fixture.dele(anna, [a, b])
    await fixture.store.undelete(a, ADMIN)
    expect((await removed(fixture, anna)).map(({ id }) => id)).toEqual([b])
    fixture.nowMs += 7 * DAY_MS - 1
    expect(await removed(fixture, anna)).toHaveLength(1)
    fixture.nowMs += 1
    expect(await removed(fixture, anna)).toEqual([])
    expect(await storeOf(fixture).findRemoved(b)).toBeNull()
  })

  test('is found by the start of its id, present mail is not', async (fixture) => {
    const anna = await fixture.account()
    const present = await fixture.deliver(anna)
    fixture.nowMs += DAY_MS
    const [x, y] = [await fixture.deliver(anna), await fixture.deliver(anna)]
    await fixture.dele(anna, [x])
    const { findRemoved } = storeOf(fixture)
    expect(await findRemoved(x)).toMatchObject({ id: x, removedAtMs: fixture.nowMs })
    expect(await findRemoved(x.slice(0, 10))).toMatchObject({ id: x })
    expect(await findRemoved(x.slice(0, 5)), 'too short').toBeNull()
    expect(await findRemoved(present)).toBeNull()
    await fixture.dele(anna, [y])
    expect(await findRemoved(x.slice(0, 10))).toBe('ambiguous')
    expect(await findRemoved(y)).toMatchObject({ id: y })
  })

  test('many are listed whole, and none of an erased account', async (fixture) => {
    const anna = await fixture.account()
    const order = { account: anna.id, folder: INBOX, prefix: new Uint8Array(0) }
    await fixture.commit(
      message('bulk'),
      Array.from({ length: 1100 }, () => order),
    )
    await fixture.quit(await fixture.open(anna), [...Array(1100).keys()])
    expect(new Set((await removed(fixture, anna)).map(({ id }) => id)).size).toBe(1100)
    await fixture.store.directory.eraseAccount(anna.id)
    expect(await removed(fixture, anna)).toEqual([])
  })
}
