import { setTimeout as wait } from 'node:timers/promises'
import { type Fold, loadFold, loadModel } from '@restante/filter'
import type { Claim, MaildropStore } from '@restante/maildrop'
import type { Config, RoleContext, RunningRole } from '@restante/runtime'
import { errorFields } from '@restante/runtime'
import { openLocalStore } from '@restante/store-local'
import { rebuildModel } from './rebuilding.ts'
import { learnFeedback, saveModel, type Training } from './training.ts'

const LOOK_MS = 500
/** A model is written down when nothing more has come for this long. */
const SAVE_AFTER_MS = 1000
/** It is built anew once this many lessons, and this share of all messages taught, have come since. */
const REBUILD_AFTER_LESSONS = 20
const REBUILD_AFTER_SHARE = 0.05
/** How long a claim that another holds is tried again. */
const CLAIM_WAIT_MS = 10_000
const CLAIM_RETRY_MS = 100
const EXPIRE_EVERY_MS = 3_600_000
const LARGEST_LESSON_OCTETS = 2_000_000

/** The learner role: follows the feedback log, trains, writes model snapshots, expires what is due. */
export async function startLearner(config: Config, context: RoleContext): Promise<RunningRole> {
  const { log, now } = context
  const store = await openLocalStore({
    directory: config.store.directory,
    floorOctets: config.store.floorOctets,
    removeAfter: config.pop3.removeAfter,
  })
  const claim = await claimRole(store, context)
  if (claim === null) {
    await store[Symbol.asyncDispose]()
    throw Object.assign(new Error(`another learner works on ${config.store.directory}`), { code: 'claimed' })
  }
  const fold: Fold = await loadFold()
  const loaded = await loadModel(store.learning)
  const training: Training = { trained: loaded, feedback: loaded.feedback }
  log.info('learner-ready', { ...loaded.model.counts, weight: loaded.model.weight })

  const sources = { learning: store.learning, fold, now, readMessage: (id: string) => readWhole(store, id) }
  let saved = { lessons: loaded.lessons, feedback: training.feedback }
  let rebuiltAt = loaded.lessons
  let lastChangeMs = 0
  let lastExpiryMs = 0
  let stopping = false
  let round: Promise<void> | null = null

  const isBehind = (): boolean =>
    training.trained.lessons !== saved.lessons || training.feedback !== saved.feedback
  const work = async (): Promise<void> => {
    for (let more = true; more && !stopping; ) {
      const done = await learnFeedback(training, sources)
      more = done.feedback > 0
      if (more) {
        lastChangeMs = now()
        log.info('learned', { ...done, ...training.trained.model.counts })
      }
    }
    if (isBehind() && now() - lastChangeMs >= SAVE_AFTER_MS) {
      await rebuildIfDue()
      await save()
    }
    if (now() - lastExpiryMs >= EXPIRE_EVERY_MS) {
      lastExpiryMs = now()
      const expired = await store.expire(now())
      if (expired.holds + expired.removed + expired.records + (expired.retired ?? 0) > 0)
        log.info('expired', { ...expired })
    }
  }
  const rebuildIfDue = async (): Promise<void> => {
    const { model, lessons } = training.trained
    const { ham, spam } = model.counts
    if (lessons - rebuiltAt < Math.max(REBUILD_AFTER_LESSONS, REBUILD_AFTER_SHARE * (ham + spam))) return
    rebuiltAt = lessons
    const startedMs = now()
    const rebuilt = await rebuildModel(store.learning)
    if (rebuilt === null) return
    training.trained = { ...rebuilt, feedback: training.feedback }
    log.info('model-rebuilt', { ...rebuilt.model.counts, tookMs: now() - startedMs })
  }
  const save = async (): Promise<void> => {
    await saveModel(training, store.learning, now())
    saved = { lessons: training.trained.lessons, feedback: training.feedback }
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
      if (isBehind()) await save()
      await claim[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}

/** The learner's claim. One that is just ending, or was just killed and is still going, is waited for a while. */
async function claimRole(store: MaildropStore, context: RoleContext): Promise<Claim | null> {
  for (const begunMs = context.now(); ; await wait(CLAIM_RETRY_MS)) {
    const claim = await store.claim('role:learner')
    if (claim !== null || context.signal.aborted || context.now() - begunMs >= CLAIM_WAIT_MS) return claim
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
