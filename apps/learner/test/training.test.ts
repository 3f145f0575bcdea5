import { encodeModel } from '@restante/bayes'
import { type Fold, loadFold, loadModel } from '@restante/filter'
import { type Feedback, type Label, type MemoryStore, memoryStore, StoreError } from '@restante/maildrop'
import fc from 'fast-check'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { rebuildModel } from '../src/rebuilding.ts'
import { learnFeedback, saveModel, type Training, type TrainingSources } from '../src/training.ts'

let fold: Fold
beforeAll(async () => {
  fold = await loadFold()
})

const MAILS: Readonly<Record<string, string>> = {
  prize: 'From: a@b.example\r\nSubject: You won\r\n\r\nClaim your casino jackpot now\r\n',
  minutes: 'From: m@v.example\r\nSubject: Minutes\r\n\r\nThe minutes of Thursday are attached\r\n',
}
const NOW = 1_790_000_000_000
let store: MemoryStore
let octetsOf: (id: string) => Promise<Uint8Array | null>
const sources = (): TrainingSources => ({
  learning: store.learning,
  fold,
  now: () => NOW,
  readMessage: (id) => octetsOf(id),
})
const begin = async (): Promise<Training> => {
  const trained = await loadModel(store.learning)
  return { trained, feedback: trained.feedback }
}
const say = (label: Feedback['label'], id: string, owner: Feedback['owner'] = 'global') =>
  store.learning.feedback.append([{ owner, label, source: 'report', by: null, atMs: NOW, about: { id } }])
const lessons = async () =>
  (await store.learning.lessons.since(0, 10_000)).map(({ entry }) => `${entry.action} ${entry.label}`)
const counts = ({ trained }: Training) => `${trained.model.counts.spam} spam, ${trained.model.counts.ham} ham`

beforeEach(() => {
  store = memoryStore()
  octetsOf = async (id) => (MAILS[id] === undefined ? null : Buffer.from(MAILS[id]))
})

describe('feedback becomes lessons', () => {
  test('what is said is learned, once', async () => {
    const training = await begin()
    await say('spam', 'prize')
    await say('ham', 'minutes')
    expect(await learnFeedback(training, sources())).toEqual({ feedback: 2, lessons: 2, unchanged: 0 })
    expect(await lessons()).toEqual(['learn spam', 'learn ham'])
    expect(counts(training)).toBe('1 spam, 1 ham')
    await say('spam', 'prize')
    expect(await learnFeedback(training, sources())).toEqual({ feedback: 1, lessons: 0, unchanged: 1 })
    expect(await learnFeedback(training, sources())).toEqual({ feedback: 0, lessons: 0, unchanged: 0 })
    expect(counts(training)).toBe('1 spam, 1 ham')
  })

  test('another label takes the first one back', async () => {
    const training = await begin()
    await say('spam', 'minutes')
    await learnFeedback(training, sources())
    await say('ham', 'minutes')
    expect(await learnFeedback(training, sources())).toEqual({ feedback: 1, lessons: 2, unchanged: 0 })
    expect(await lessons()).toEqual(['learn spam', 'unlearn spam', 'learn ham'])
    expect(counts(training)).toBe('0 spam, 1 ham')
  })

  test('forgetting takes it back altogether; there is nothing to forget twice', async () => {
    const training = await begin()
    await say('spam', 'minutes')
    await learnFeedback(training, sources())
    await say('forget', 'minutes')
    await learnFeedback(training, sources())
    await say('forget', 'minutes')
    expect(await learnFeedback(training, sources())).toEqual({ feedback: 1, lessons: 0, unchanged: 1 })
    expect(await lessons()).toEqual(['learn spam', 'unlearn spam'])
    expect(counts(training)).toBe('0 spam, 0 ham')
  })

  test('of several words in one batch the last counts', async () => {
    const training = await begin()
    for (const label of ['spam', 'ham', 'spam', 'forget', 'ham'] as const) await say(label, 'minutes')
    expect(await learnFeedback(training, sources())).toEqual({ feedback: 5, lessons: 1, unchanged: 4 })
    expect(await lessons()).toEqual(['learn ham'])
  })

  test('owners speak for themselves', async () => {
    const training = await begin()
    await say('spam', 'prize', 'account:a')
    await say('ham', 'prize', 'account:b')
    await learnFeedback(training, sources())
    expect(await lessons()).toEqual(['learn spam', 'learn ham'])
    expect(counts(training)).toBe('1 spam, 1 ham')
  })

  test('the same message under two ids is one lesson', async () => {
    const training = await begin()
    octetsOf = async () => Buffer.from(MAILS['prize'] as string)
    await say('spam', 'first')
    await learnFeedback(training, sources())
    await say('spam', 'second')
    expect(await learnFeedback(training, sources())).toMatchObject({ lessons: 0, unchanged: 1 })
  })

  test('a message that is gone, or damaged, is passed over', async () => {
    const training = await begin()
    octetsOf = async (id) => {
      if (id === 'damaged') throw new StoreError('corrupt', 'checksum')
      return id === 'gone' ? null : Buffer.from(MAILS['prize'] as string)
    }
    for (const id of ['gone', 'damaged', 'there']) await say('spam', id)
    expect(await learnFeedback(training, sources())).toEqual({ feedback: 3, lessons: 1, unchanged: 2 })
    expect(training.feedback).toBe(3)
  })

  test('an outage of the store is not passed over: the same entries come again', async () => {
    const training = await begin()
    octetsOf = async () => {
      throw new StoreError('io', 'no disk')
    }
    await say('spam', 'prize')
    await expect(learnFeedback(training, sources())).rejects.toThrow('no disk')
    expect(training.feedback).toBe(0)
    octetsOf = async () => Buffer.from(MAILS['prize'] as string)
    expect(await learnFeedback(training, sources())).toMatchObject({ lessons: 1 })
  })

  test('much feedback comes in batches', async () => {
    const training = await begin()
    octetsOf = async (id) => Buffer.from(`Subject: ${id}\r\n\r\nnumber ${id} of many\r\n`)
    for (let i = 0; i < 450; i++) await say(i % 2 === 0 ? 'spam' : 'ham', `m${i}`)
    const rounds: number[] = []
    for (;;) {
      const { feedback } = await learnFeedback(training, sources())
      if (feedback === 0) break
      rounds.push(feedback)
    }
    expect(rounds).toEqual([200, 200, 50])
    expect(counts(training)).toBe('225 spam, 225 ham')
  })
})

describe('after a crash', () => {
  test('between the lessons and the snapshot the same feedback makes no second lesson', async () => {
    await say('spam', 'prize')
    await say('spam', 'minutes')
    await say('ham', 'minutes')
    await learnFeedback(await begin(), sources())
    // Nothing was saved: the next one begins before the feedback, but after the lessons.
    const next = await begin()
    expect(next.feedback).toBe(0)
    expect(counts(next)).toBe('1 spam, 1 ham')
    expect(await learnFeedback(next, sources())).toEqual({ feedback: 3, lessons: 0, unchanged: 3 })
    expect(counts(next)).toBe('1 spam, 1 ham')
  })

  test('a snapshot spares the replay', async () => {
    const training = await begin()
    await say('spam', 'prize')
    await learnFeedback(training, sources())
    await saveModel(training, store.learning, NOW)
    expect(await store.learning.latestModel()).toMatchObject({ lessons: 1, feedback: 1, atMs: NOW })
    const next = await begin()
    expect(next.feedback).toBe(1)
    expect(encodeModel(next.trained.model)).toEqual(encodeModel(training.trained.model))
  })

  test('at any moments, the model counts exactly what was said last', async () => {
    const step = fc.oneof(
      fc.record({
        say: fc.constantFrom<Feedback['label']>('spam', 'ham', 'forget'),
        about: fc.constantFrom('prize', 'minutes'),
      }),
      fc.constantFrom('learn' as const, 'save' as const, 'crash' as const),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        store = memoryStore()
        let training = await begin()
        const said = new Map<string, Label>()
        for (const each of steps) {
          if (each === 'learn') await learnFeedback(training, sources())
          else if (each === 'save') await saveModel(training, store.learning, NOW)
          else if (each === 'crash') training = await begin()
          else {
            await say(each.say, each.about)
            if (each.say === 'forget') said.delete(each.about)
            else said.set(each.about, each.say)
          }
        }
        await learnFeedback(training, sources())
        const labels = [...said.values()]
        const expected = {
          ham: labels.filter((label) => label === 'ham').length,
          spam: labels.filter((label) => label === 'spam').length,
        }
        expect(training.trained.model.counts).toEqual(expected)
        expect((await rebuildModel(store.learning))?.model.counts).toEqual(expected)
      }),
      { numRuns: 60 },
    )
  })
})

describe('building the model anew', () => {
  test('whoever taught when: the same lessons give the same model', async () => {
    const teach = async (ids: readonly string[]) => {
      store = memoryStore()
      octetsOf = async (id) => Buffer.from(`Subject: ${id}\r\n\r\nnumber ${id} of many\r\n`)
      for (const id of ids) await say(id.startsWith('s') ? 'spam' : 'ham', id)
      await learnFeedback(await begin(), sources())
      const rebuilt = await rebuildModel(store.learning)
      expect(rebuilt?.lessons).toBe(ids.length)
      return rebuilt === null ? null : encodeModel(rebuilt.model)
    }
    const blocks = await teach(['s1', 's2', 's3', 'h1', 'h2', 'h3'])
    expect(await teach(['h3', 's2', 'h1', 's3', 's1', 'h2'])).toEqual(blocks)
  })

  test('a damaged lesson is left out', async () => {
    await say('spam', 'prize')
    await learnFeedback(await begin(), sources())
    await store.learning.lessons.append([
      { owner: 'global', action: 'learn', label: 'ham', hash: 'x', features: Uint8Array.of(99), atMs: NOW },
    ])
    const rebuilt = await rebuildModel(store.learning)
    expect(rebuilt).toMatchObject({ lessons: 2 })
    expect(rebuilt?.model.counts).toEqual({ ham: 0, spam: 1 })
  })
})
