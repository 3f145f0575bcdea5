import { type Fold, loadFold, loadModel } from '@restante/filter'
import type { MaildropStore } from '@restante/maildrop'
import type { Config, RoleContext, RunningRole } from '@restante/runtime'
import { errorFields } from '@restante/runtime'
import { openLocalStore } from '@restante/store-local'
import { learnFeedback, saveModel, type Training } from './training.ts'

const LOOK_MS = 500
/** A model is written down when nothing more has come for this long, or after so many lessons. */
const SAVE_AFTER_MS = 2000
const SAVE_AFTER_LESSONS = 5000
const EXPIRE_EVERY_MS = 3_600_000
const LARGEST_LESSON_OCTETS = 2_000_000

/** The learner role: follows the feedback log, trains, writes model snapshots, expires what is due. */
export async function startLearner(config: Config, context: RoleContext): Promise<RunningRole> {
  const { log, now } = context
  const store = await openLocalStore({
    directory: config.store.directory,
    floorOctets: config.store.floorOctets,
  })
  const claim = await store.claim('role:learner')
  if (claim === null) {
    await store[Symbol.asyncDispose]()
    throw Object.assign(new Error(`another learner works on ${config.store.directory}`), { code: 'claimed' })
  }
  const fold: Fold = await loadFold()
  const trained = await loadModel(store.learning)
  const training: Training = { trained, feedback: trained.feedback }
  log.info('learner-ready', { ...trained.model.counts, weight: trained.model.weight })

  const sources = { learning: store.learning, fold, now, readMessage: (id: string) => readWhole(store, id) }
  let savedLessons = trained.lessons
  let savedFeedback = training.feedback
  let lastChangeMs = 0
  let lastExpiryMs = 0
  let stopping = false
  let round: Promise<void> | null = null

  const work = async (): Promise<void> => {
    for (let more = true; more && !stopping; ) {
      const done = await learnFeedback(training, sources)
      more = done.feedback > 0
      if (more) {
        lastChangeMs = now()
        log.info('learned', { ...done, ...trained.model.counts })
      }
    }
    const behind = trained.lessons !== savedLessons || training.feedback !== savedFeedback
    if (
      behind &&
      (now() - lastChangeMs >= SAVE_AFTER_MS || trained.lessons - savedLessons >= SAVE_AFTER_LESSONS)
    )
      await save()
    if (now() - lastExpiryMs >= EXPIRE_EVERY_MS) {
      lastExpiryMs = now()
      const expired = await store.expire(now())
      if (expired.holds + expired.removed + expired.records > 0) log.info('expired', { ...expired })
    }
  }
  const save = async (): Promise<void> => {
    await saveModel(training, store.learning, now())
    savedLessons = trained.lessons
    savedFeedback = training.feedback
  }
  const timer = setInterval(() => {
    round ??= work()
      .catch((error: unknown) => log.error('learning-failed', errorFields(error)))
      .finally(() => {
        round = null
      })
  }, LOOK_MS)

  return {
    ports: {},
    async stop() {
      stopping = true
      clearInterval(timer)
      await round
      if (trained.lessons !== savedLessons || training.feedback !== savedFeedback) await save()
      await claim[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}

async function readWhole(store: MaildropStore, id: string): Promise<Uint8Array | null> {
  const octets = await store.read(id)
  if (octets === null) return null
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of octets) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= LARGEST_LESSON_OCTETS) break
  }
  return Buffer.concat(chunks)
}
