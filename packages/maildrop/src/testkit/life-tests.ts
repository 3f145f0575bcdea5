import { describe, expect } from 'vitest'
import {
  ADMIN,
  type Fixture,
  keyOf,
  type MakeStore,
  message,
  orderFor,
  recordOf,
  testsOn,
} from './fixture.ts'

/** Claims, and what becomes of everything when the store is closed. */
export function lifeTests(makeStore: MakeStore): void {
  const test = testsOn(makeStore)

  describe('claims', () => {
    test('are held by one, until given back', async ({ store }) => {
      const claim = await store.claim('role:learner')
      expect(claim?.name).toBe('role:learner')
      expect(await store.claim('role:learner')).toBeNull()
      const other = await store.claim('role:courier')
      expect(other, 'another name is another claim').not.toBeNull()
      await claim?.[Symbol.asyncDispose]()
      const again = await store.claim('role:learner')
      expect(again).not.toBeNull()
      await claim?.[Symbol.asyncDispose]()
      expect(await store.claim('role:learner'), 'disposing twice frees nothing of others').toBeNull()
    })

    test('of many who want a name at once one gets it', async ({ store }) => {
      const claims = await Promise.all(Array.from({ length: 10 }, () => store.claim('role:x')))
      expect(claims.filter((claim) => claim !== null)).toHaveLength(1)
    })
  })

  describe('closing', () => {
    test('happens once, however often it is asked for', async ({ store }) => {
      await Promise.all([store[Symbol.asyncDispose](), store[Symbol.asyncDispose]()])
      await store[Symbol.asyncDispose]()
      await expect(store.claim('x')).rejects.toMatchObject({ code: 'closed' })
    })

    test('finishes what was begun', async (fixture) => {
      const anna = await fixture.account()
      const staged = await fixture.stage(message('begun', 'x'.repeat(100_000)))
      const commit = staged.commit(fixture.envelope(), [orderFor(anna)])
      const append = fixture.store.learning.lessons.append([])
      await fixture.store[Symbol.asyncDispose]()
      expect(await commit).toMatchObject([{ stored: {} }])
      expect(await append).toBe(0)
    })

    test('gives opened maildrops back', async (fixture) => {
      const anna = await fixture.account()
      await fixture.deliver(anna)
      const maildrop = await fixture.open(anna)
      await fixture.store[Symbol.asyncDispose]()
      const outcome = await maildrop.commit([0]).catch((error: unknown) => error)
      expect(outcome).not.toEqual({ ok: true })
      await maildrop[Symbol.asyncDispose]()
    })

    const uses: readonly (readonly [
      string,
      (fixture: Fixture, account: string, id: string) => Promise<unknown>,
    ])[] = [
      ['stage', ({ store }) => store.stage(Uint8Array.of(1))],
      ['open', ({ store }, account) => store.open(keyOf({ id: account }))],
      ['copies', (fixture, account) => fixture.copies({ id: account })],
      ['find', ({ store }, _, id) => store.find(id)],
      ['read', ({ store }, _, id) => store.read(id)],
      ['release', ({ store }, _, id) => store.release(id, ADMIN)],
      ['move', ({ store }, _, id) => store.move(id, 'lists', ADMIN)],
      ['discard', ({ store }, _, id) => store.discard(id, ADMIN)],
      ['undelete', ({ store }, _, id) => store.undelete(id, ADMIN)],
      ['expire', ({ store, nowMs }) => store.expire(nowMs)],
      ['claim', ({ store }) => store.claim('x')],
      ['records.get', ({ store }, _, id) => store.records.get(id)],
      ['feedback.append', ({ store }) => store.learning.feedback.append([])],
      ['feedback.since', ({ store }) => store.learning.feedback.since(0, 1)],
      ['feedback.head', ({ store }) => store.learning.feedback.head()],
      ['lessons.head', ({ store }) => store.learning.lessons.head()],
      ['labelOf', ({ store }) => store.learning.labelOf('global', 'h')],
      ['latestModel', ({ store }) => store.learning.latestModel()],
      ['modelSavedAtMs', ({ store }) => store.learning.modelSavedAtMs()],
      [
        'saveModel',
        ({ store }) =>
          store.learning.saveModel({ lessons: 0, feedback: 0, atMs: 0, octets: new Uint8Array(1) }),
      ],
      ['domains', ({ store }) => store.directory.domains()],
      ['putDomain', ({ store }) => store.directory.putDomain({ name: 'x.example', catchAll: null })],
      ['accounts', ({ store }) => store.directory.accounts()],
      ['account', ({ store }, account) => store.directory.account(account)],
      ['addAccount', ({ store }) => store.directory.addAccount('x@acme.example')],
      ['eraseAccount', ({ store }, account) => store.directory.eraseAccount(account)],
      ['usage', ({ store }, account) => store.directory.usage(account)],
      ['credentials', ({ store }, account) => store.directory.credentials(account)],
      ['setCredentials', ({ store }, account) => store.directory.setCredentials(account, '', [])],
      ['alias', ({ store }) => store.directory.alias('x@acme.example')],
      [
        'putAlias',
        ({ store }) => store.directory.putAlias({ address: 'x@y.example', targets: ['a@b.example'] }),
      ],
    ]
    test('every use afterwards rejects as closed', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna, message('x'), { record: recordOf() })
      const staged = await fixture.stage(message('y'))
      await fixture.store[Symbol.asyncDispose]()
      for (const [name, use] of uses) {
        const outcome = await use(fixture, anna.id, id).then(
          (value) => ({ answered: value }),
          (error: unknown) => error,
        )
        expect.soft(outcome, name).toMatchObject({ name: 'StoreError', code: 'closed' })
      }
      await expect(staged.commit(fixture.envelope(), [orderFor(anna)])).rejects.toMatchObject({
        code: 'closed',
      })
    })
  })
}
