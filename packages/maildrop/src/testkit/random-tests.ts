import type { UniqueId } from '@restante/mail'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { OpenMaildrop } from '../reading.ts'
import { deviceView, INBOX, QUARANTINE, type View } from '../words.ts'
import { ADMIN, DAY_MS, Fixture, HOUR_MS, holdFor, type MakeStore, message, readText } from './fixture.ts'
import { isPastUndelete, type ModelCopy, ReferenceModel } from './reference-model.ts'

const FOLDERS = [INBOX, INBOX, 'lists', QUARANTINE] as const
const VIEWS: readonly View[] = ['classic', deviceView('phone'), deviceView('pc'), 'recent']

const NAMES = ['anna', 'bert'] as const

/** One thing that happens; the numbers pick among the sessions, messages or ids there are. */
type Step =
  | readonly ['deliver', account: string, folder: string, lines: number]
  | readonly ['open', account: string, folder: string, view: View]
  | readonly ['commit', session: number, marked: readonly number[]]
  | readonly ['close', session: number]
  | readonly ['release' | 'move' | 'discard' | 'undelete', id: number]
  | readonly ['wait', hours: number]
  | readonly ['expire']
  | readonly ['reopen']

const nat = (max: number) => fc.nat({ max })

function stepsFor(durable: boolean): fc.Arbitrary<readonly Step[]> {
  const name = fc.constantFrom(...NAMES)
  const folder = fc.constantFrom(...FOLDERS)
  const view = fc.constantFrom(...VIEWS)
  const kinds: fc.WeightedArbitrary<Step>[] = [
    { weight: 8, arbitrary: fc.tuple(fc.constant('deliver' as const), name, folder, nat(200)) },
    { weight: 5, arbitrary: fc.tuple(fc.constant('open' as const), name, folder, view) },
    {
      weight: 5,
      arbitrary: fc.tuple(fc.constant('commit' as const), nat(5), fc.array(nat(20), { maxLength: 4 })),
    },
    { weight: 3, arbitrary: fc.tuple(fc.constant('close' as const), nat(5)) },
    {
      weight: 9,
      arbitrary: fc.tuple(fc.constantFrom('release' as const, 'move', 'discard', 'undelete'), nat(40)),
    },
    { weight: 2, arbitrary: fc.tuple(fc.constant('wait' as const), nat(120)) },
    { weight: 1, arbitrary: fc.constant(['expire'] as const) },
  ]
  if (durable) kinds.push({ weight: 1, arbitrary: fc.constant(['reopen'] as const) })
  return fc.array(fc.oneof(...kinds), { minLength: 5, maxLength: 60, size: 'max' })
}

interface Session {
  readonly maildrop: OpenMaildrop
  readonly folder: string
  readonly view: View
  readonly seen: readonly ModelCopy[]
}

/** A store and the model side by side. */
class Comparison {
  readonly fixture: Fixture
  readonly model: ReferenceModel = new ReferenceModel()
  readonly accounts: Map<string, { readonly id: string }> = new Map()
  readonly ids: UniqueId[] = []
  sessions: Session[] = []

  constructor(fixture: Fixture) {
    this.fixture = fixture
  }

  async start(): Promise<void> {
    await this.fixture.start()
    for (const name of NAMES) this.accounts.set(name, await this.fixture.account(`${name}@acme.example`))
  }

  async take(step: Step): Promise<void> {
    const { fixture, model } = this
    switch (step[0]) {
      case 'deliver': {
        const account = this.accounts.get(step[1])!
        const folder = step[2]
        const text = message(`number ${this.ids.length}`, `${'line\r\n'.repeat(step[3])}end`)
        const hold = folder === QUARANTINE ? { hold: holdFor((this.ids.length % 20) * DAY_MS) } : {}
        const id = await fixture.deliver(account, text, { folder, ...hold })
        const expiresAtMs = hold.hold?.expiresAtMs ?? null
        model.add({ id, account: account.id, folder, text, arrivedAtMs: fixture.nowMs, expiresAtMs })
        expect(this.ids, 'a new id').not.toContain(id)
        this.ids.push(id)
        return
      }
      case 'open': {
        const account = this.accounts.get(step[1])!
        const where = { folder: step[2], view: step[3] }
        const key = { account: account.id, ...where }
        const opened = await fixture.store.open(key)
        const taken = this.sessions.some(
          ({ maildrop }) => JSON.stringify(maildrop.key) === JSON.stringify(key),
        )
        if (taken) return expect(opened).toEqual({ failed: 'in-use' })
        if ('failed' in opened) throw new Error(`answered ${opened.failed}`)
        const seen = model.seen(account.id, where.folder, where.view, fixture.nowMs)
        expect(opened.maildrop.listing.ids).toEqual(seen.map((copy) => copy.id))
        this.sessions.push({ maildrop: opened.maildrop, ...where, seen })
        return
      }
      case 'commit': {
        const session = this.sessions[step[1] % this.sessions.length]
        if (session === undefined || session.seen.length === 0) return
        const marked = [...new Set(step[2].map((pick) => pick % session.seen.length))]
        if (marked.length === 0) return
        const outcome = await session.maildrop.commit(marked)
        if (session.view === 'recent') return expect(outcome).toMatchObject({ failed: 'read-only' })
        expect(outcome).toEqual({ ok: true })
        const copies = marked.map((index) => session.seen[index] as ModelCopy)
        return model.commit(copies, session.folder, session.view, fixture.nowMs)
      }
      case 'close': {
        const session = this.sessions[step[1] % this.sessions.length]
        if (session === undefined) return
        this.sessions = this.sessions.filter((each) => each !== session)
        await this.checkSession(session)
        return session.maildrop[Symbol.asyncDispose]()
      }
      case 'release':
      case 'move':
      case 'discard':
      case 'undelete': {
        const id = this.ids[step[1] % this.ids.length]
        if (id !== undefined) await this.change(step[0], id)
        return
      }
      case 'wait':
        // Never a whole number of hours, so that no test stands exactly on a border.
        fixture.nowMs += step[1] * HOUR_MS + 1
        return
      case 'expire': {
        const expected = model.expire(fixture.nowMs)
        expect(await fixture.store.expire(fixture.nowMs)).toMatchObject(expected)
        return
      }
      case 'reopen':
        this.sessions = []
        return fixture.reopen()
    }
  }

  async change(kind: 'release' | 'move' | 'discard' | 'undelete', id: UniqueId): Promise<void> {
    const { store, nowMs } = this.fixture
    const { model } = this
    const copy = model.present(id)
    if (kind === 'release') {
      const outcome = await store.release(id, ADMIN)
      if (copy === undefined) return expect(outcome).toEqual({ failed: 'no-such-message' })
      if (copy.folder !== QUARANTINE) return expect(outcome).toEqual({ failed: 'not-held' })
      const released = 'released' in outcome ? outcome.released : ''
      model.releases.push(released)
      return this.moved(copy, released, INBOX)
    }
    if (kind === 'move') {
      const target = copy?.folder === 'lists' ? INBOX : 'lists'
      const outcome = await store.move(id, target, ADMIN)
      if (copy === undefined) return expect(outcome).toEqual({ failed: 'no-such-message' })
      if (copy.folder === QUARANTINE) return expect(outcome).toEqual({ failed: 'held' })
      return this.moved(copy, 'moved' in outcome ? outcome.moved : '', target)
    }
    if (kind === 'discard') {
      expect(await store.discard(id, ADMIN)).toBe(copy !== undefined)
      if (copy !== undefined) copy.removedAtMs = nowMs
      return
    }
    const removed = model.removed(id)
    const outcome = await store.undelete(id, ADMIN)
    if (removed === undefined) return expect(outcome).toEqual({ failed: 'no-such-message' })
    if (isPastUndelete(removed, nowMs)) return expect(outcome).toEqual({ failed: 'too-late' })
    return this.moved(removed, 'restored' in outcome ? outcome.restored : '', removed.folder)
  }

  moved(old: ModelCopy, id: UniqueId, folder: string): void {
    expect(id, 'an id').not.toBe('')
    expect(this.ids, 'a new id').not.toContain(id)
    this.ids.push(id)
    this.model.replace(old, id, folder)
  }

  /** A session sees to its end what it saw at first. */
  async checkSession({ maildrop, seen }: Session): Promise<void> {
    expect(maildrop.listing.ids).toEqual(seen.map((copy) => copy.id))
    for (const [i, copy] of seen.entries()) expect(await readText(maildrop, i)).toBe(copy.text)
  }

  /** Everything the store shows against the model. */
  async checkAll(): Promise<void> {
    const { fixture, model } = this
    for (const session of this.sessions) {
      await this.checkSession(session)
      await session.maildrop[Symbol.asyncDispose]()
    }
    for (const [name, account] of this.accounts) {
      for (const folder of new Set(FOLDERS)) {
        for (const view of VIEWS) {
          const seen = model.seen(account.id, folder, view, fixture.nowMs)
          const where = `${name}'s ${folder}, ${view}`
          expect(await fixture.ids(account, { folder, view }), where).toEqual(seen.map((copy) => copy.id))
          expect(await fixture.texts(account, { folder, view }), where).toEqual(seen.map((copy) => copy.text))
        }
      }
      expect(await fixture.store.directory.usage(account.id)).toEqual(model.usage(account.id))
      const copies = (await fixture.copies(account)).map(({ id, folder, arrivedAtMs }) => [
        id,
        folder,
        arrivedAtMs,
      ])
      const expected = model.copies.filter((copy) => copy.account === account.id && copy.removedAtMs === null)
      expect(copies).toEqual(expected.map(({ id, folder, arrivedAtMs }) => [id, folder, arrivedAtMs]))
    }
    expect((await fixture.feedback()).map((entry) => entry.about)).toEqual(
      model.releases.map((id) => ({ id })),
    )
  }
}

/** Random histories, the store beside a model of the contract; a failure is shrunk to the shortest history. */
export function randomTests(makeStore: MakeStore, durable: boolean, histories: number): void {
  test('any history ends as the model says', async () => {
    await fc.assert(
      fc.asyncProperty(stepsFor(durable), async (steps) => {
        await using fixture = new Fixture(makeStore)
        const comparison = new Comparison(fixture)
        await comparison.start()
        for (const [i, step] of steps.entries()) {
          await comparison.take(step).catch((cause: unknown) => {
            const said = cause instanceof Error ? cause.message : String(cause)
            throw new Error(`step ${i + 1}, ${JSON.stringify(step)}: ${said}`, { cause })
          })
        }
        await comparison.checkAll()
        if (durable) {
          comparison.sessions = []
          await fixture.reopen()
          await comparison.checkAll()
        }
      }),
      { numRuns: histories },
    )
  }, 300_000)
}
