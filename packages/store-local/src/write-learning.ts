import type { Connection } from './connection.ts'
import type { Operations } from './requests.ts'
import type { WriteContext } from './write-context.ts'

type LearningOperations = Pick<
  Operations,
  'appendFeedback' | 'appendLessons' | 'forgetLessons' | 'forgetRecords' | 'saveModel' | 'expireRecords'
>

/** Records dropped in one request: at most so many, and no longer than this. */
const SLICE = 200
const SLICE_MS = 5

/** Drops records with their words, which takes the most time: deleted words leave nothing behind in the index. */
function dropRecords(facts: Connection, rows: readonly { readonly n: number }[]): number {
  const start = performance.now()
  let dropped = 0
  for (const { n } of rows) {
    facts.run('DELETE FROM words WHERE rowid = ?', n)
    facts.run('DELETE FROM records WHERE n = ?', n)
    dropped++
    if (performance.now() - start >= SLICE_MS) break
  }
  return dropped
}

/** Feedback, lessons, model and records, bound to the writer's databases. */
export function learningOperations(context: WriteContext): LearningOperations {
  const { index, facts, model } = context
  return {
    appendFeedback(entries) {
      let last = 0
      for (const { owner, label, source, by, atMs, about } of entries) {
        const byId = 'id' in about
        last = index.run(
          `INSERT INTO feedback (owner, label, source, by_account, at_ms, about_id, about_hash, features)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
          owner,
          label,
          source,
          by,
          atMs,
          byId ? about.id : null,
          byId ? null : about.hash,
          byId ? null : about.features,
        ).lastRow
      }
      return (
        last ||
        (index.get<{ n: number }>(
          "SELECT coalesce(max(seq), 0) AS n FROM sqlite_sequence WHERE name = 'feedback'",
        )?.n ??
          0)
      )
    },

    appendLessons(entries) {
      let last = 0
      for (const { owner, action, label, hash, features, atMs } of entries) {
        last = model.run(
          'INSERT INTO lessons (owner, action, label, hash, at_ms, features) VALUES (?, ?, ?, ?, ?, ?)',
          owner,
          action,
          label,
          hash,
          atMs,
          features,
        ).lastRow
      }
      return (
        last ||
        (model.get<{ n: number }>(
          "SELECT coalesce(max(seq), 0) AS n FROM sqlite_sequence WHERE name = 'lessons'",
        )?.n ??
          0)
      )
    },

    forgetLessons(account) {
      return model.run('DELETE FROM lessons WHERE owner = ?', `account:${account}`).changes
    },

    saveModel({ lessons, feedback, atMs, octets }) {
      model.run(
        `INSERT INTO model (n, lessons, feedback, at_ms, octets) VALUES (1, ?, ?, ?, ?) ON CONFLICT (n) DO UPDATE SET
           lessons = excluded.lessons, feedback = excluded.feedback, at_ms = excluded.at_ms, octets = excluded.octets`,
        lessons,
        feedback,
        atMs,
        octets,
      )
      return null
    },

    forgetRecords(account) {
      return dropRecords(
        facts,
        facts.all<{ n: number }>(`SELECT n FROM records WHERE account = ? LIMIT ${SLICE}`, account),
      )
    },

    expireRecords({ beforeMs }) {
      return dropRecords(
        facts,
        facts.all<{ n: number }>(`SELECT n FROM records WHERE received_at_ms <= ? LIMIT ${SLICE}`, beforeMs),
      )
    },
  }
}
