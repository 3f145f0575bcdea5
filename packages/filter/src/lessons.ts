import {
  CorruptOctetsError,
  createModel,
  decodeFeatures,
  decodeModel,
  encodeFeatures,
  type Model,
} from '@restante/bayes'
import type { Fold } from './folding.ts'
import { hashOf, readMessage } from './judging.ts'
import { withoutOurFields } from './our-fields.ts'

/** One step of training. */
export interface TaughtLesson {
  readonly action: 'learn' | 'unlearn'
  readonly label: 'ham' | 'spam'
  /** As the classifier encodes them. */
  readonly features: Uint8Array
}

/** Where lessons and model snapshots are kept; `Learning` of `@restante/maildrop` is one. */
export interface LessonSource {
  readonly lessons: {
    since(
      cursor: number,
      limit: number,
    ): Promise<readonly { readonly cursor: number; readonly entry: TaughtLesson }[]>
    head(): Promise<number>
  }
  latestModel(): Promise<{
    readonly lessons: number
    readonly feedback: number
    readonly atMs: number
    readonly octets: Uint8Array
  } | null>
  /** When the latest model was saved, or null; asked every second. */
  modelSavedAtMs(): Promise<number | null>
}

/** A model with the place in the lessons it has come to. */
export interface TrainedModel {
  readonly model: Model
  lessons: number
  /** The feedback the snapshot it began from had seen. */
  readonly feedback: number
}

const BATCH = 500

/** The model as it is now: the last snapshot and every lesson after it; all lessons where the snapshot cannot be read. */
export async function loadModel(source: LessonSource): Promise<TrainedModel> {
  const snapshot = await source.latestModel()
  const decoded = snapshot === null ? null : readModel(snapshot.octets)
  const trained: TrainedModel = {
    model: decoded ?? createModel(),
    lessons: decoded === null ? 0 : (snapshot?.lessons ?? 0),
    feedback: snapshot?.feedback ?? 0,
  }
  await catchUp(trained, source)
  return trained
}

/** A model from its octets, or null where they are damaged or of another version: lessons are truth, snapshots are not. */
export function readModel(octets: Uint8Array): Model | null {
  try {
    return decodeModel(octets)
  } catch (error) {
    if (error instanceof CorruptOctetsError) return null
    throw error
  }
}

/** Applies the lessons that came since; answers how many. */
export async function catchUp(trained: TrainedModel, source: LessonSource): Promise<number> {
  let applied = 0
  for (;;) {
    const entries = await source.lessons.since(trained.lessons, BATCH)
    teach(
      trained.model,
      entries.map(({ entry }) => entry),
    )
    trained.lessons = entries.at(-1)?.cursor ?? trained.lessons
    applied += entries.length
    if (entries.length < BATCH) return applied
  }
}

/** Applies lessons in order; one that cannot be read is left out. Answers how many those were. */
export function teach(model: Model, lessons: readonly TaughtLesson[]): number {
  let unreadable = 0
  for (const { action, label, features } of lessons) {
    try {
      model[action](decodeFeatures(features), label)
    } catch (error) {
      if (!(error instanceof CorruptOctetsError)) throw error
      unreadable++
    }
  }
  return unreadable
}

/** The hash and encoded features a message is learned by; our own fields in front of it do not count. */
export async function lessonOf(
  octets: Uint8Array,
  fold: Fold,
): Promise<{ readonly hash: string; readonly features: Uint8Array }> {
  const own = withoutOurFields(octets)
  const { features } = await readMessage(own, fold)
  return { hash: hashOf(own), features: encodeFeatures(features) }
}
