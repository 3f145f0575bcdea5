import { createModel, encodeModel } from '@restante/bayes'
import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import {
  createJudgePool,
  type Fold,
  type Judged,
  type JudgeFailure,
  type JudgePool,
  type JudgePoolOptions,
  lessonOf,
  loadFold,
  readMessage,
  type TaughtLesson,
} from '../src/index.ts'
import { hamMail, mail, spamMail } from './mails.ts'

const UNRULY = new URL('./unruly-worker.ts', import.meta.url)
const STILLBORN = new URL('./stillborn-worker.ts', import.meta.url)

let fold: Fold
let lessons: TaughtLesson[]
const model = createModel()
beforeAll(async () => {
  fold = await loadFold()
  lessons = []
  for (let i = 0; i < 12; i++) {
    lessons.push({ action: 'learn', label: 'spam', features: (await lessonOf(spamMail(i), fold)).features })
    lessons.push({ action: 'learn', label: 'ham', features: (await lessonOf(hamMail(i), fold)).features })
    model.learn((await readMessage(spamMail(i), fold)).features, 'spam')
    model.learn((await readMessage(hamMail(i), fold)).features, 'ham')
  }
})

const pools: JudgePool[] = []
const crashes: string[] = []
const poolOf = (options: Partial<JudgePoolOptions> = {}): JudgePool => {
  const pool = createJudgePool({ deadlineMs: 15_000, onCrash: (detail) => crashes.push(detail), ...options })
  pools.push(pool)
  return pool
}
afterEach(async () => {
  crashes.length = 0
  await Promise.all(pools.splice(0).map((pool) => pool.close()))
})

const symbolOf = (result: Judged | JudgeFailure) =>
  'failed' in result ? result.failed : result.symbols[0]?.symbol
const saying = (word: string) => mail({ From: 'a@b.example', Subject: word }, 'text')

test('messages are judged, several at once, in any number of workers', async () => {
  const pool = poolOf({ workers: 2 })
  const results = await Promise.all(Array.from({ length: 12 }, (_, i) => pool.judge(spamMail(i))))
  expect(results.map(symbolOf)).toEqual(Array.from({ length: 12 }, () => 'BAYES_UNTRAINED'))
  const subjects = results.map((result) => ('failed' in result ? '' : result.subject))
  expect(subjects[7]).toContain('Claim now 7')
})

test('a view into a larger buffer is judged by its own octets', async () => {
  const message = spamMail(5)
  const large = Buffer.concat([Buffer.from('Subject: not this\r\n\r\n'), message, Buffer.from('nor this')])
  const view = large.subarray(21, 21 + message.length)
  expect(await poolOf().judge(view)).toMatchObject({ subject: 'You WON the crypto doubling! Claim now 5' })
  expect(view.length).toBe(message.length)
})

test('a model given, and lessons told, are seen by every worker from the next message on', async () => {
  const pool = poolOf({ workers: 2 })
  const both = async (octets: Uint8Array) =>
    (await Promise.all([pool.judge(octets), pool.judge(octets)])).map(symbolOf)
  expect(await both(spamMail(50))).toEqual(['BAYES_UNTRAINED', 'BAYES_UNTRAINED'])
  pool.teach(lessons.slice(0, 12))
  pool.teach(lessons.slice(12))
  expect(await both(spamMail(50))).toEqual(['BAYES_SPAM', 'BAYES_SPAM'])
  expect(await both(hamMail(50))).toEqual(['BAYES_HAM', 'BAYES_HAM'])
  pool.setModel(null)
  expect(await both(spamMail(50))).toEqual(['BAYES_UNTRAINED', 'BAYES_UNTRAINED'])
  pool.setModel(encodeModel(model))
  expect(await both(spamMail(50))).toEqual(['BAYES_SPAM', 'BAYES_SPAM'])
})

test('taught workers judge exactly like one that loaded the finished model', async () => {
  const [taught, loaded] = [poolOf(), poolOf()]
  taught.teach(lessons)
  loaded.setModel(encodeModel(model))
  for (const octets of [spamMail(70), hamMail(70), saying('Claim the printer')])
    expect(await taught.judge(octets)).toEqual(await loaded.judge(octets))
})

test('a message that takes too long is given up, its worker replaced; the others are judged', async () => {
  const pool = poolOf({ program: UNRULY, deadlineMs: 4000 })
  pool.teach(lessons)
  expect(symbolOf(await pool.judge(spamMail(60)))).toBe('BAYES_SPAM')
  const stuck = pool.judge(saying('SPIN'))
  expect(await stuck).toMatchObject({ failed: 'timeout' })
  expect(crashes).toEqual(['no verdict within 4000 ms'])
  // The new worker was told what the old one knew.
  expect(symbolOf(await pool.judge(spamMail(60)))).toBe('BAYES_SPAM')
})

test('whoever waits behind a stuck message times out on his own clock, and costs nothing more', async () => {
  const pool = poolOf({ program: UNRULY, deadlineMs: 1500 })
  const results = await Promise.all([pool.judge(saying('SPIN')), pool.judge(saying('waits'))])
  expect(results[0]).toMatchObject({ failed: 'timeout' })
  expect(symbolOf(results[1])).toMatch(/^(?:timeout|BAYES_UNTRAINED)$/)
  await vi.waitFor(
    async () => expect(symbolOf(await pool.judge(saying('after')))).toBe('BAYES_UNTRAINED'),
    15_000,
  )
})

test.each([
  ['EXIT', 'worker ended with 7'],
  ['THROW', 'unruly'],
])('a crash of the worker (%s) is a value, and the next message finds a new worker', async (word, detail) => {
  const pool = poolOf({ program: UNRULY })
  pool.setModel(encodeModel(model))
  const waiting = [
    pool.judge(saying(word)),
    pool.judge(spamMail(61)),
    pool.judge(saying(word)),
    pool.judge(hamMail(61)),
  ]
  const results = await Promise.all(waiting)
  expect(results.map(symbolOf)).toEqual(['crash', 'BAYES_SPAM', 'crash', 'BAYES_HAM'])
  expect(results[0]).toEqual({ failed: 'crash', detail })
  expect(crashes).toEqual([detail, detail])
})

test('a worker that cannot even start is tried again with pauses; messages time out', async () => {
  const pool = poolOf({ program: STILLBORN, deadlineMs: 1200 })
  const results = await Promise.all([pool.judge(saying('a')), pool.judge(saying('b'))])
  for (const result of results) expect(symbolOf(result)).toMatch(/^(?:timeout|crash)$/)
  expect(crashes.length).toBeGreaterThanOrEqual(2)
  expect(crashes.length).toBeLessThan(8)
})

test('more than may wait are told so at once', async () => {
  const pool = poolOf({ waitingMax: 2 })
  const results = await Promise.all(Array.from({ length: 6 }, (_, i) => pool.judge(hamMail(i))))
  expect(results.map(symbolOf)).toEqual([
    ...['BAYES_UNTRAINED', 'BAYES_UNTRAINED', 'BAYES_UNTRAINED'],
    ...['busy', 'busy', 'busy'],
  ])
})

test('a damaged model or lesson is told, and judging goes on without it', async () => {
  const pool = poolOf()
  pool.setModel(Uint8Array.of(1, 2, 3))
  expect(symbolOf(await pool.judge(spamMail(1)))).toBe('BAYES_UNTRAINED')
  pool.teach([{ action: 'learn', label: 'spam', features: Uint8Array.of(9) }, ...lessons])
  expect(symbolOf(await pool.judge(spamMail(1)))).toBe('BAYES_SPAM')
  expect(crashes).toEqual(['the model is damaged, or of another version', '1 lessons are damaged'])
})

test('closing answers everyone who waits, and whoever asks later', async () => {
  const pool = poolOf({ program: UNRULY, deadlineMs: 60_000 })
  const waiting = [pool.judge(saying('SPIN')), pool.judge(saying('waits'))]
  await pool.close()
  expect(await Promise.all(waiting)).toEqual([
    { failed: 'busy', detail: 'closing' },
    { failed: 'busy', detail: 'closing' },
  ])
  expect(await pool.judge(saying('late'))).toEqual({ failed: 'busy', detail: 'closing' })
  expect(crashes).toEqual([])
})
