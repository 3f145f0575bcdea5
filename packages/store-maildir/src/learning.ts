import type {
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
import type { Connection } from './database.ts'
import { guarded } from './failure.ts'
import { change, mustBeOpen, type StoreContext } from './store-context.ts'

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

function insertFeedback(database: Connection, { owner, label, source, by, atMs, about }: Feedback): void {
  const isById = 'id' in about
  database.run(
    `INSERT INTO feedback (owner, label, source, by_account, at_ms, about_id, about_hash, features)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    owner,
    label,
    source,
    by,
    atMs,
    isById ? about.id : null,
    isById ? null : about.hash,
    isById ? null : about.features,
  )
}

function insertLesson(database: Connection, { owner, action, label, hash, atMs, features }: Lesson): void {
  database.run(
    'INSERT INTO lessons (owner, action, label, hash, at_ms, features) VALUES (?, ?, ?, ?, ?, ?)',
    owner,
    action,
    label,
    hash,
    atMs,
    features,
  )
}

/** Logs, labels and the model of a Maildir store. */
export function maildirLearning(context: StoreContext): Learning {
  const { database } = context
  const log = <Row extends { readonly n: number }, T>(
    table: 'feedback' | 'lessons',
    entryFrom: (row: Row) => T,
    insert: (database: Connection, entry: T) => void,
  ): Log<T> => {
    const head = (): number =>
      database.get<{ seq: number }>(`SELECT seq FROM sqlite_sequence WHERE name = '${table}'`)?.seq ?? 0
    return {
      async append(entries) {
        mustBeOpen(context)
        if (entries.length === 0) return guarded(head)
        return change(context, (database) => {
          for (const entry of entries) insert(database, entry)
          return head()
        })
      },
      async since(cursor, limit) {
        mustBeOpen(context)
        return guarded(() =>
          database
            .all<Row>(`SELECT * FROM ${table} WHERE n > ? ORDER BY n LIMIT ?`, cursor, limit)
            .map((row) => ({ cursor: row.n, entry: entryFrom(row) })),
        )
      },
      async head() {
        mustBeOpen(context)
        return guarded(head)
      },
    }
  }
  return {
    feedback: log<FeedbackRow, Feedback>('feedback', feedbackFrom, insertFeedback),
    lessons: log<LessonRow, Lesson>('lessons', lessonFrom, insertLesson),
    async labelOf(owner, hash) {
      mustBeOpen(context)
      return guarded(() => {
        const last = database.get<{ action: string; label: Label }>(
          'SELECT action, label FROM lessons WHERE owner = ? AND hash = ? ORDER BY n DESC LIMIT 1',
          owner,
          hash,
        )
        return last?.action === 'learn' ? last.label : null
      })
    },
    async latestModel() {
      mustBeOpen(context)
      return guarded(() => {
        const row = database.get<Omit<ModelSnapshot, 'atMs'> & { readonly at_ms: number }>(
          'SELECT lessons, feedback, at_ms, octets FROM model',
        )
        return row
          ? { lessons: row.lessons, feedback: row.feedback, atMs: row.at_ms, octets: row.octets }
          : null
      })
    },
    async modelSavedAtMs() {
      mustBeOpen(context)
      return guarded(() => database.get<{ at_ms: number }>('SELECT at_ms FROM model')?.at_ms ?? null)
    },
    async saveModel({ lessons, feedback, atMs, octets }) {
      mustBeOpen(context)
      await change(context, (database) =>
        database.run('INSERT OR REPLACE INTO model VALUES (1, ?, ?, ?, ?)', lessons, feedback, atMs, octets),
      )
    },
  }
}

interface RecordRow {
  readonly id: string
  readonly account: number
  readonly record: string
  readonly features: Uint8Array | null
}

const RECORD = 'SELECT id, account, record, features FROM records WHERE id = ? ORDER BY n DESC LIMIT 1'

/** The records of messages of a Maildir store. */
export function maildirRecords(context: StoreContext): Records {
  const { database } = context
  return {
    async get(id) {
      mustBeOpen(context)
      return guarded(() => {
        let row = database.get<RecordRow>(RECORD, id)
        if (!row) {
          const original = database.get<{ original: string }>(
            'SELECT original FROM renames WHERE current = ? ORDER BY at_ms DESC LIMIT 1',
            id,
          )?.original
          if (original !== undefined) row = database.get<RecordRow>(RECORD, original)
        }
        if (!row) return null
        const current = database.get<{ current: string }>(
          'SELECT current FROM renames WHERE original = ? AND account = ?',
          row.id,
          row.account,
        )?.current
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
