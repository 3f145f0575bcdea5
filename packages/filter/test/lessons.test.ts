import { createModel, encodeModel, type Model } from '@restante/bayes'
import fc from 'fast-check'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { memoryStore } from '../../maildrop/src/index.ts'
import {
  catchUp,
  type Fold,
  followModel,
  type JudgePool,
  lessonOf,
  loadFold,
  loadModel,
  type TaughtLesson,
  teach,
} from '../src/index.ts'
import { hamMail, spamMail } from './mails.ts'

let fold: Fold
let taught: { readonly hash: string; readonly features: Uint8Array; readonly label: 'ham' | 'spam' }[]
beforeAll(async () => {
  fold = await loadFold()
  taught = []
  for (let i = 0; i < 8; i++) {
    taught.push({ ...(await lessonOf(spamMail(i), fold)), label: 'spam' })
    taught.push({ ...(await lessonOf(hamMail(i), fold)), label: 'ham' })
  }
})
const lesson = (i: number, action: 'learn' | 'unlearn' = 'learn') => {
  const { hash, features, label } = taught[i % taught.length] as (typeof taught)[number]
  return { owner: 'global' as const, action, label, hash, features, atMs: i }
}
const lessons = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => lesson(from + i))
const counts = (model: Model) => `${model.counts.spam} spam, ${model.counts.ham} ham`

describe('the model as it is now', () => {
  test('is empty at first, then follows the lessons, in batches too', async () => {
    const { learning } = memoryStore()
    const trained = await loadModel(learning)
    expect(trained).toMatchObject({ lessons: 0, feedback: 0 })
    expect(await catchUp(trained, learning)).toBe(0)
    await learning.lessons.append(lessons(0, 1203))
    expect(await catchUp(trained, learning)).toBe(1203)
    expect(trained.lessons).toBe(1203)
    expect(counts(trained.model)).toBe('602 spam, 601 ham')
    expect(await catchUp(trained, learning)).toBe(0)
  })

  test('is the same from a snapshot and the rest as from all lessons', async () => {
    const { learning } = memoryStore()
    await learning.lessons.append(lessons(0, 6))
    const early = await loadModel(learning)
    await learning.saveModel({ lessons: 6, feedback: 4, atMs: 0, octets: encodeModel(early.model) })
    await learning.lessons.append([...lessons(6, 10), lesson(1, 'unlearn')])
    const later = await loadModel(learning)
    expect(later).toMatchObject({ lessons: 11, feedback: 4 })
    const whole = createModel()
    teach(
      whole,
      (await learning.lessons.since(0, 100)).map(({ entry }) => entry),
    )
    expect(counts(later.model)).toBe('5 spam, 4 ham')
    expect(encodeModel(later.model)).toEqual(encodeModel(whole))
  })

  test('is made anew from all lessons where the snapshot cannot be read', async () => {
    const { learning } = memoryStore()
    await learning.lessons.append(lessons(0, 6))
    await learning.saveModel({ lessons: 5, feedback: 3, atMs: 0, octets: Uint8Array.of(1, 2, 3) })
    const trained = await loadModel(learning)
    expect(trained).toMatchObject({ lessons: 6, feedback: 3 })
    expect(counts(trained.model)).toBe('3 spam, 3 ham')
  })

  test('leaves a damaged lesson out', async () => {
    const model = createModel()
    expect(teach(model, [lesson(0), { ...lesson(1), features: Uint8Array.of(77) }, lesson(2)])).toBe(1)
    expect(counts(model)).toBe('2 spam, 0 ham')
  })

  test('unlearning takes back exactly the counts that learning made', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(15), { maxLength: 12 }), (indexes) => {
        const model = createModel()
        teach(
          model,
          indexes.map((i) => lesson(i)),
        )
        teach(
          model,
          indexes.toReversed().map((i) => lesson(i, 'unlearn')),
        )
        expect(model.counts).toEqual({ ham: 0, spam: 0 })
      }),
      { numRuns: 50 },
    )
  })
})

/** A pool that only keeps what it is told. */
const recorder = () => {
  const told: (readonly ['model', number] | readonly ['teach', number])[] = []
  const pool: JudgePool = {
    judge: async () => ({ failed: 'busy', detail: '' }),
    setModel: (octets) => void told.push(['model', octets?.length ?? 0]),
    teach: (more: readonly TaughtLesson[]) => void told.push(['teach', more.length]),
    close: async () => {},
  }
  return { told, pool }
}

describe('following the model', () => {
  test('begins with the snapshot and what came since, then goes on at each look', async () => {
    const { learning } = memoryStore()
    await learning.lessons.append(lessons(0, 4))
    const { model } = await loadModel(learning)
    const octets = encodeModel(model)
    await learning.saveModel({ lessons: 4, feedback: 0, atMs: 0, octets })
    await learning.lessons.append(lessons(4, 6))
    const { told, pool } = recorder()
    const follower = await followModel(learning, pool, { intervalMs: 3_600_000 })
    expect(told).toEqual([
      ['model', octets.length],
      ['teach', 2],
    ])
    expect(await follower.look()).toBe(0)
    await learning.lessons.append(lessons(6, 1206))
    expect(await follower.look()).toBe(1200)
    expect(told.slice(2)).toEqual([
      ['teach', 500],
      ['teach', 500],
      ['teach', 200],
    ])
    follower.stop()
  })

  test('looks by itself', async () => {
    const { learning } = memoryStore()
    const { told, pool } = recorder()
    const follower = await followModel(learning, pool, { intervalMs: 5 })
    await learning.lessons.append(lessons(0, 3))
    await vi.waitFor(() => expect(told).toEqual([['teach', 3]]))
    follower.stop()
  })

  test('a damaged snapshot is passed over: every lesson instead', async () => {
    const { learning } = memoryStore()
    await learning.lessons.append(lessons(0, 5))
    await learning.saveModel({ lessons: 5, feedback: 0, atMs: 0, octets: Uint8Array.of(0) })
    const { told, pool } = recorder()
    const follower = await followModel(learning, pool, { intervalMs: 3_600_000 })
    expect(told).toEqual([['teach', 5]])
    follower.stop()
  })

  test('a newer snapshot takes the place of the lessons, so that the pool need not keep them', async () => {
    const { learning } = memoryStore()
    const { told, pool } = recorder()
    const follower = await followModel(learning, pool, { intervalMs: 3_600_000 })
    await learning.lessons.append(lessons(0, 300))
    await follower.look()
    expect(told).toEqual([['teach', 300]])
    const octets = encodeModel(createModel())
    await learning.saveModel({ lessons: 290, feedback: 0, atMs: 1, octets })
    await learning.lessons.append(lessons(300, 310))
    told.length = 0
    await follower.look()
    expect(told).toEqual([
      ['model', octets.length],
      ['teach', 20],
    ])
    await follower.look()
    expect(told).toHaveLength(2)
    follower.stop()
  })

  test('a failed look is told, and the next one follows', async () => {
    const { learning } = memoryStore()
    const { told, pool } = recorder()
    let broken = true
    const source = {
      lessons: {
        since: learning.lessons.since,
        head: async () => {
          if (broken) throw new Error('no disk')
          return learning.lessons.head()
        },
      },
      latestModel: learning.latestModel,
      modelSavedAtMs: learning.modelSavedAtMs,
    }
    await expect(followModel(source, pool)).rejects.toThrow('no disk')
    broken = false
    const errors: unknown[] = []
    const follower = await followModel(source, pool, {
      intervalMs: 5,
      onError: (error) => errors.push(error),
    })
    broken = true
    await vi.waitFor(() => expect(errors.length).toBeGreaterThan(0))
    broken = false
    await learning.lessons.append(lessons(0, 1))
    await vi.waitFor(() => expect(told).toEqual([['teach', 1]]))
    follower.stop()
  })
})
