import { describe, expect } from 'vitest'
import type { Feedback, Lesson, Log, Owner } from '../learning.ts'
import { entriesOf, type MakeStore, START_MS, testsOn } from './fixture.ts'

const OWNERS: readonly Owner[] = ['global', 'domain:acme.example', 'account:a1']

function feedbackOf(i: number): Feedback {
  return {
    owner: OWNERS[i % 3] as Owner,
    label: (['ham', 'spam', 'forget'] as const)[i % 3] as Feedback['label'],
    source: (['learn', 'report', 'forward'] as const)[i % 3] as string,
    by: i % 2 === 0 ? null : `account ${i}`,
    atMs: START_MS + i,
    about: i % 2 === 0 ? { id: `id-${i}` } : { hash: `hash ${i}`, features: Uint8Array.of(i & 255, 0, 255) },
  }
}

function lessonOf(i: number, change: Partial<Lesson> = {}): Lesson {
  return {
    owner: OWNERS[i % 3] as Owner,
    action: i % 4 === 3 ? 'unlearn' : 'learn',
    label: i % 2 === 0 ? 'ham' : 'spam',
    hash: `hash ${i}`,
    features: Uint8Array.of(0, i & 255, 13, 10),
    atMs: START_MS + i,
    ...change,
  }
}

/** The logs of feedback and lessons, labels, the model. */
export function learningTests(makeStore: MakeStore): void {
  const test = testsOn(makeStore)

  function logTests<T>(
    name: string,
    logOf: (learning: { readonly feedback: Log<Feedback>; readonly lessons: Log<Lesson> }) => Log<T>,
    entryOf: (i: number) => T,
  ): void {
    describe(name, () => {
      test('is empty at first', async ({ store: { learning } }) => {
        const log = logOf(learning)
        expect(await log.head()).toBe(0)
        expect(await log.since(0, 10)).toEqual([])
        expect(await log.append([])).toBe(0)
      })

      test('gives back what was appended, in order, as it was', async ({ store: { learning } }) => {
        const log = logOf(learning)
        const entries = Array.from({ length: 12 }, (_, i) => entryOf(i))
        await log.append(entries.slice(0, 5))
        for (const entry of entries.slice(5)) await log.append([entry])
        expect(await entriesOf(log)).toEqual(entries)
      })

      test('cursors grow; append answers the last one, which is the head', async ({
        store: { learning },
      }) => {
        const log = logOf(learning)
        const answered = [await log.append([entryOf(0), entryOf(1)]), await log.append([entryOf(2)])]
        expect(await log.head()).toBe(answered[1])
        expect(await log.append([])).toBe(answered[1])
        const cursors = (await log.since(0, 10)).map(({ cursor }) => cursor)
        expect(cursors).toEqual([...new Set(cursors)].sort((a, b) => a - b))
        expect(cursors.slice(1)).toEqual(answered)
        expect(cursors[0]).toBeGreaterThan(0)
      })

      test('goes on after a cursor, at most so many', async ({ store: { learning } }) => {
        const log = logOf(learning)
        const entries = Array.from({ length: 25 }, (_, i) => entryOf(i))
        await log.append(entries)
        const read: T[] = []
        let pages = 0
        for (let cursor = 0; ; pages++) {
          const page = await log.since(cursor, 10)
          expect(page.length).toBeLessThanOrEqual(10)
          if (page.length === 0) break
          read.push(...page.map(({ entry }) => entry))
          cursor = page.at(-1)!.cursor
        }
        expect(read).toEqual(entries)
        expect(pages).toBe(3)
        expect(await log.since(await log.head(), 10)).toEqual([])
        await log.append([entryOf(25)])
        expect((await log.since(0, 1)).map(({ entry }) => entry)).toEqual([entryOf(0)])
      })

      test('keeps its own copy of an entry', async ({ store: { learning } }) => {
        const log = logOf(learning)
        const given = entryOf(1)
        await log.append([given])
        const about = (given as { about?: { features?: Uint8Array } }).about
        ;((given as { features?: Uint8Array }).features ?? about?.features)?.fill(7)
        expect(await entriesOf(log)).toEqual([entryOf(1)])
      })

      test('takes many at once without mixing them', async ({ store: { learning } }) => {
        const log = logOf(learning)
        await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            log.append([entryOf(i * 3), entryOf(i * 3 + 1), entryOf(i * 3 + 2)]),
          ),
        )
        const times = (await entriesOf(log)).map((entry) => (entry as { atMs: number }).atMs - START_MS)
        expect(times).toHaveLength(60)
        for (let i = 0; i < 60; i += 3) {
          expect(times.slice(i, i + 3), 'an append stays together').toEqual([
            times[i],
            times[i]! + 1,
            times[i]! + 2,
          ])
        }
      })
    })
  }
  logTests('feedback', (learning) => learning.feedback, feedbackOf)
  logTests('lessons', (learning) => learning.lessons, lessonOf)

  test('labelOf is the last lesson of that owner and hash', async ({ store: { learning } }) => {
    const { lessons } = learning
    const lesson = (change: Partial<Lesson>) => lessonOf(0, { owner: 'global', hash: 'h', ...change })
    const labels = async () => {
      const found = []
      for (const owner of OWNERS) found.push(await learning.labelOf(owner, 'h'))
      return found
    }
    expect(await labels()).toEqual([null, null, null])
    await lessons.append([lesson({ label: 'spam' })])
    expect(await labels()).toEqual(['spam', null, null])
    await lessons.append([lesson({ label: 'ham', owner: 'domain:acme.example' })])
    expect(await labels()).toEqual(['spam', 'ham', null])
    await lessons.append([
      lesson({ action: 'unlearn', label: 'spam' }),
      lesson({ action: 'learn', label: 'ham' }),
      lesson({ hash: 'other', label: 'spam' }),
    ])
    expect(await labels()).toEqual(['ham', 'ham', null])
    await lessons.append([lesson({ action: 'unlearn', label: 'ham' })])
    expect(await labels()).toEqual([null, 'ham', null])
    expect(await learning.labelOf('global', 'H')).toBeNull()
  })

  test('the model is the one saved last', async ({ store: { learning } }) => {
    expect(await learning.latestModel()).toBeNull()
    expect(await learning.modelSavedAtMs()).toBeNull()
    const octets = new Uint8Array(3_000_000).map((_, i) => i * 31)
    const first = { lessons: 3, feedback: 2, atMs: START_MS, octets }
    await learning.saveModel(first)
    const latest = await learning.latestModel()
    expect(latest).toMatchObject({ lessons: 3, feedback: 2, atMs: START_MS })
    expect(Buffer.compare(latest!.octets, octets)).toBe(0)
    const second = { lessons: 9, feedback: 8, atMs: START_MS + 1, octets: new Uint8Array(0) }
    await learning.saveModel(second)
    expect(await learning.latestModel()).toEqual(second)
    expect(await learning.modelSavedAtMs()).toBe(START_MS + 1)
  })
}
