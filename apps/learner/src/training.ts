import { encodeModel } from '@restante/bayes'
import { catchUp, type Fold, lessonOf, type TrainedModel } from '@restante/filter'
import { type Cursor, type Feedback, type Learning, type Lesson, StoreError } from '@restante/maildrop'

/** What {@link learnFeedback} needs from outside. */
export interface TrainingSources {
  readonly learning: Learning
  /** Octets of a stored message, or null if it is gone. */
  readMessage(id: string): Promise<Uint8Array | null>
  readonly fold: Fold
  now(): number
}

/** What became of a batch of feedback. */
export interface TrainingResult {
  /** Entries read from the feedback log. */
  readonly feedback: number
  /** Lessons made of them. */
  readonly lessons: number
  /** Entries that changed nothing: said before, overruled by a later one, or about a message that is gone. */
  readonly unchanged: number
}

/** A model with the place in both logs it has come to. */
export interface Training {
  trained: TrainedModel
  feedback: Cursor
}

const BATCH = 200

/**
 * Turns the next feedback entries into lessons, applies them, and moves `training` on. Idempotent: after a crash the
 * same feedback makes no second lesson. Call again while `feedback` is not 0.
 */
export async function learnFeedback(training: Training, sources: TrainingSources): Promise<TrainingResult> {
  const { learning } = sources
  await catchUp(training.trained, learning)
  const entries = await learning.feedback.since(training.feedback, BATCH)
  // Of what an owner said about one message, the last word counts.
  const lastWords = new Map<string, { readonly entry: Feedback; readonly message: TaughtMessage }>()
  for (const { entry } of entries) {
    const message = await messageOf(entry, sources)
    if (message === null) continue
    const key = `${entry.owner} ${message.hash}`
    lastWords.delete(key)
    lastWords.set(key, { entry, message })
  }
  const lessons: Lesson[] = []
  let changed = 0
  for (const { entry, message } of lastWords.values()) {
    const { hash, features } = message
    const before = await learning.labelOf(entry.owner, hash)
    const after = entry.label === 'forget' ? null : entry.label
    if (before === after) continue
    changed++
    const step = { owner: entry.owner, hash, features, atMs: sources.now() }
    if (before !== null) lessons.push({ ...step, action: 'unlearn', label: before })
    if (after !== null) lessons.push({ ...step, action: 'learn', label: after })
  }
  if (lessons.length > 0) await learning.lessons.append(lessons)
  await catchUp(training.trained, learning)
  training.feedback = entries.at(-1)?.cursor ?? training.feedback
  return { feedback: entries.length, lessons: lessons.length, unchanged: entries.length - changed }
}

interface TaughtMessage {
  readonly hash: string
  readonly features: Uint8Array
}

async function messageOf(feedback: Feedback, sources: TrainingSources): Promise<TaughtMessage | null> {
  if ('features' in feedback.about) return feedback.about
  try {
    const octets = await sources.readMessage(feedback.about.id)
    return octets === null ? null : lessonOf(octets, sources.fold)
  } catch (error) {
    // One damaged message must not stop everyone's training.
    if (error instanceof StoreError && error.code === 'corrupt') return null
    throw error
  }
}

/** Writes the model down, so that the next start need not replay every lesson. */
export async function saveModel(training: Training, learning: Learning, nowMs: number): Promise<void> {
  await learning.saveModel({
    lessons: training.trained.lessons,
    feedback: training.feedback,
    atMs: nowMs,
    octets: encodeModel(training.trained.model),
  })
}
