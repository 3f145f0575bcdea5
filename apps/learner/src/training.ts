import { encodeModel } from '@restante/bayes'
import { catchUp, type Fold, lessonOf, type TrainedModel } from '@restante/filter'
import type { Cursor, Feedback, Label, Learning, Lesson } from '@restante/maildrop'

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
  /** Entries that changed nothing: said before, or about a message that is gone. */
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
  const lessons: Lesson[] = []
  const saidHere = new Map<string, Label | null>()
  let unchanged = 0
  for (const { entry } of entries) {
    const message = await messageOf(entry, sources)
    if (message === null) {
      unchanged++
      continue
    }
    const { hash, features } = message
    const key = `${entry.owner} ${hash}`
    const before = saidHere.has(key) ? (saidHere.get(key) ?? null) : await learning.labelOf(entry.owner, hash)
    const after = entry.label === 'forget' ? null : entry.label
    if (before === after) {
      unchanged++
      continue
    }
    saidHere.set(key, after)
    const step = { owner: entry.owner, hash, features, atMs: sources.now() }
    if (before !== null) lessons.push({ ...step, action: 'unlearn', label: before })
    if (after !== null) lessons.push({ ...step, action: 'learn', label: after })
  }
  if (lessons.length > 0) await learning.lessons.append(lessons)
  await catchUp(training.trained, learning)
  training.feedback = entries.at(-1)?.cursor ?? training.feedback
  return { feedback: entries.length, lessons: lessons.length, unchanged }
}

async function messageOf(
  feedback: Feedback,
  sources: TrainingSources,
): Promise<{ readonly hash: string; readonly features: Uint8Array } | null> {
  if ('features' in feedback.about) return feedback.about
  const octets = await sources.readMessage(feedback.about.id)
  return octets === null ? null : lessonOf(octets, sources.fold)
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
