import type {
  Cursor,
  Feedback,
  Label,
  Learning,
  Lesson,
  Log,
  MessageRecord,
  ModelSnapshot,
  Owner,
  Records,
} from '@restante/maildrop'
import type { Connection } from './connection.ts'
import { guarded } from './failure.ts'
import type { Writer } from './writer.ts'

/** What learning and records need of the store. */
export interface LearningTools {
  readonly index: Connection
  readonly facts: Connection
  readonly model: Connection
  readonly writer: Writer
  /** @throws {StoreError} `closed` */
  readonly mustBeOpen: () => void
}

interface FeedbackRow {
  readonly n: number
  readonly owner: Owner
  readonly label: Feedback['label']
  readonly source: string
  readonly by_account: string | null
  readonly at_ms: number
  readonly about_id: string | null
  readonly about_hash: string | null
  readonly features: Uint8Array | null
}

interface LessonRow {
  readonly n: number
  readonly owner: Owner
  readonly action: Lesson['action']
  readonly label: Label
  readonly hash: string
  readonly at_ms: number
  readonly features: Uint8Array
}

function feedbackFrom(row: FeedbackRow): Feedback {
  return {
    owner: row.owner,
    label: row.label,
    source: row.source,
    by: row.by_account,
    atMs: row.at_ms,
    about:
      row.about_id !== null
        ? { id: row.about_id }
        : { hash: row.about_hash ?? '', features: row.features ?? new Uint8Array(0) },
  }
}

function lessonFrom({ owner, action, label, hash, features, at_ms }: LessonRow): Lesson {
  return { owner, action, label, hash, features, atMs: at_ms }
}

/** The logs and the model of a local store. */
export function localLearning(tools: LearningTools): Learning {
  const { index, model, writer, mustBeOpen } = tools
  const log = <Row extends { readonly n: number }, T>(
    database: Connection,
    table: 'feedback' | 'lessons',
    entryFrom: (row: Row) => T,
    append: (entries: readonly T[]) => Promise<Cursor>,
  ): Log<T> => ({
    append,
    async since(cursor, limit) {
      mustBeOpen()
      return guarded(() =>
        database
          .all<Row>(`SELECT * FROM ${table} WHERE n > ? ORDER BY n LIMIT ?`, cursor, limit)
          .map((row) => ({ cursor: row.n, entry: entryFrom(row) })),
      )
    },
    async head() {
      mustBeOpen()
      return guarded(
        () =>
          database.get<{ seq: number }>(`SELECT seq FROM sqlite_sequence WHERE name = '${table}'`)?.seq ?? 0,
      )
    },
  })
  return {
    feedback: log<FeedbackRow, Feedback>(index, 'feedback', feedbackFrom, (entries) =>
      writer.run(
        'appendFeedback',
        entries.map((entry) => ({ ...entry, about: ownAbout(entry.about) })),
      ),
    ),
    lessons: log<LessonRow, Lesson>(model, 'lessons', lessonFrom, (entries) =>
      writer.run(
        'appendLessons',
        entries.map((entry) => ({ ...entry, features: new Uint8Array(entry.features) })),
      ),
    ),
    async labelOf(owner, hash) {
      mustBeOpen()
      return guarded(() => {
        const last = model.get<{ action: string; label: Label }>(
          'SELECT action, label FROM lessons WHERE owner = ? AND hash = ? ORDER BY n DESC LIMIT 1',
          owner,
          hash,
        )
        return last?.action === 'learn' ? last.label : null
      })
    },
    async latestModel() {
      mustBeOpen()
      return guarded(() => {
        const row = model.get<Omit<ModelSnapshot, 'atMs'> & { readonly at_ms: number }>(
          'SELECT lessons, feedback, at_ms, octets FROM model',
        )
        return row
          ? { lessons: row.lessons, feedback: row.feedback, atMs: row.at_ms, octets: row.octets }
          : null
      })
    },
    async modelSavedAtMs() {
      mustBeOpen()
      return guarded(() => model.get<{ at_ms: number }>('SELECT at_ms FROM model')?.at_ms ?? null)
    },
    async saveModel({ lessons, feedback, atMs, octets }) {
      await writer.run('saveModel', { lessons, feedback, atMs, octets: new Uint8Array(octets) })
    },
  }
}

function ownAbout(about: Feedback['about']): Feedback['about'] {
  return 'id' in about ? { id: about.id } : { hash: about.hash, features: new Uint8Array(about.features) }
}

interface RecordRow {
  readonly id: string
  readonly account: string
  readonly record: string
  readonly features: Uint8Array | null
}

const RECORD = 'SELECT id, account, record, features FROM records WHERE id = ? ORDER BY n DESC LIMIT 1'
const ORIGINAL = 'SELECT original FROM renames WHERE current = ? ORDER BY at_ms DESC LIMIT 1'
const CURRENT = `
SELECT r.current FROM renames r JOIN accounts a ON a.n = r.account WHERE r.original = ? AND a.id = ?`

/** The records of messages of a local store. */
export function localRecords(tools: LearningTools): Records {
  const { index, facts, mustBeOpen } = tools
  return {
    async get(id) {
      mustBeOpen()
      return guarded(() => {
        let row = facts.get<RecordRow>(RECORD, id)
        if (!row) {
          const original = index.get<{ original: string }>(ORIGINAL, id)?.original
          if (original !== undefined) row = facts.get<RecordRow>(RECORD, original)
        }
        if (!row) return null
        const current = index.get<{ current: string }>(CURRENT, row.id, row.account)?.current
        return {
          ...(JSON.parse(row.record) as MessageRecord),
          ...(row.features && { features: row.features }),
          id: row.id,
          currentId: current ?? row.id,
        }
      })
    },
  }
}
