import {
  type FoundRecord,
  type MessageRecord,
  type RecordQuery,
  SEARCH_PAGE_MAX,
  type SearchableStore,
  type SearchField,
  type SearchPage,
} from '@restante/maildrop'
import type { Connection } from './connection.ts'
import { guarded } from './failure.ts'
import {
  ATTACHMENT_TAG,
  accountTag,
  dispositionTag,
  messageIdTag,
  SIZE_STEP_MAX,
  sizeStep,
  sizeTag,
} from './record-words.ts'
import { LIVE } from './write-context.ts'

/** What searching needs of the store. */
export interface SearchTools {
  readonly index: Connection
  readonly facts: Connection
  /** @throws {StoreError} `closed` */
  readonly mustBeOpen: () => void
}

interface Row {
  readonly n: number
  readonly id: string
  readonly account: string
  readonly record: string
  readonly features: Uint8Array | null
}

/** Rows looked at between two looks at other work. */
const BATCH_ROWS = 200
/** Folders with up to so many messages are searched by listing them. */
const SMALL_FOLDER = 20_000
/** The shortest start of an id that may stand for it. */
const ID_PREFIX_MIN = 6

const COLUMNS: Readonly<Record<SearchField, string>> = {
  from: '{sender}',
  to: '{recipient}',
  subject: '{subject}',
  attachment: '{attachments}',
  any: '{sender subject attachments}',
}

const EXACT = `
  AND r.n < ?2 AND r.n >= ?3 AND r.n <= ?4 AND r.received_at_ms >= ?5 AND r.received_at_ms < ?6
  AND r.size > ?7 AND r.size < ?8 ORDER BY r.n DESC LIMIT ${BATCH_ROWS}`
const SELECTED = 'SELECT r.n, r.id, r.account, r.record, r.features FROM'
const BY_WORDS = `${SELECTED} words w JOIN records r ON r.n = w.rowid
WHERE words MATCH ?1 AND w.rowid < ?2 AND w.rowid >= ?3 AND w.rowid <= ?4
  AND r.received_at_ms >= ?5 AND r.received_at_ms < ?6 AND r.size > ?7 AND r.size < ?8
ORDER BY w.rowid DESC LIMIT ${BATCH_ROWS}`
const BY_ACCOUNT = `${SELECTED} records r INDEXED BY records_account WHERE r.account = ?1 ${EXACT}`
const BY_NUMBERS = `${SELECTED} records r WHERE r.n IN (SELECT value FROM json_each(?1)) ${EXACT}`
const ALL = `${SELECTED} records r WHERE ?1 = 'all' ${EXACT}`
const ID_RANGE = 'SELECT n FROM records WHERE id = ?1 OR (?2 AND id > ?1 AND id < ?1 || char(127))'

const LIVE_IN = `
SELECT coalesce(c.original, c.uid) AS id FROM accounts a JOIN maildrops m ON m.account = a.n
JOIN copies c ON c.maildrop = m.n WHERE (?1 = 'all' OR a.id = ?1) AND m.folder = ?2 AND c.state = ${LIVE}`

/** Searching the records of a local store. */
export function localSearch(tools: SearchTools): Pick<SearchableStore, 'search'> {
  const { facts, mustBeOpen } = tools
  return {
    async search(account, query, page = {}): Promise<SearchPage> {
      mustBeOpen()
      const limit = Math.min(Math.max(1, page.limit ?? 50), SEARCH_PAGE_MAX)
      const [sql, driver] = guarded(() => drive(tools, account, query))
      const match = sql === BY_NUMBERS ? matchOf(account, query) : null
      const [fewest, most] = guarded(() => numbersOf(facts, query))
      const found: FoundRecord[] = []
      let after = page.after === undefined ? Number.MAX_SAFE_INTEGER : Number(page.after)
      let last = after
      for (;;) {
        const rows = guarded(() =>
          facts.all<Row>(
            sql,
            driver,
            after,
            fewest,
            most,
            query.afterMs ?? Number.MIN_SAFE_INTEGER,
            query.beforeMs ?? Number.MAX_SAFE_INTEGER,
            query.largerOctets ?? -1,
            query.smallerOctets ?? Number.MAX_SAFE_INTEGER,
          ),
        )
        for (const row of rows) {
          if (match !== null && !guarded(() => isMatch(facts, row.n, match))) continue
          const one = guarded(() => foundRecord(tools, row, query))
          if (one === null) continue
          if (found.length === limit) return { found, next: String(last) }
          found.push(one)
          last = row.n
        }
        if (rows.length < BATCH_ROWS) return { found, next: null }
        after = (rows.at(-1) as Row).n
        await new Promise((resolve) => setImmediate(resolve))
        mustBeOpen()
      }
    },
  }
}

/** The statement that goes through the fewest records, and what it goes by. */
function drive(
  tools: SearchTools,
  account: string,
  query: RecordQuery,
): readonly [sql: string, driver: string] {
  const { id } = query
  if (id !== null && !id.startsWith('<')) return [BY_NUMBERS, JSON.stringify(recordsNamed(tools, id))]
  if (query.folder !== null) {
    const numbers = recordsIn(tools, account, query.folder)
    if (numbers !== null) return [BY_NUMBERS, JSON.stringify(numbers)]
  }
  const isPlain =
    query.texts.length === 0 &&
    query.dispositions.length === 0 &&
    !query.hasAttachment &&
    query.largerOctets === null &&
    query.smallerOctets === null &&
    id === null
  if (isPlain) return account === 'all' ? [ALL, 'all'] : [BY_ACCOUNT, account]
  return [BY_WORDS, matchOf(account, query) ?? '']
}

/** The query for the full-text index; null where it asks nothing of it. */
function matchOf(account: string, query: RecordQuery): string | null {
  const tags = [
    ...(account === 'all' ? [] : [quoted(accountTag(account))]),
    ...(query.dispositions.length === 0
      ? []
      : [`(${query.dispositions.map((each) => quoted(dispositionTag(each))).join(' OR ')})`]),
    ...(query.hasAttachment ? [quoted(ATTACHMENT_TAG)] : []),
    ...(query.id?.startsWith('<') ? [quoted(messageIdTag(query.id))] : []),
    ...sizeTags(query),
  ]
  const terms = [
    ...tags.map((tag) => `{tags} : ${tag}`),
    ...query.texts.map(
      ({ field, words, started }) => `${COLUMNS[field]} : ${quoted(words.join(' '))}${started ? ' *' : ''}`,
    ),
  ]
  return terms.length === 0 ? null : terms.map((term) => `(${term})`).join(' AND ')
}

/** A phrase; words have neither quotes nor operators in them. */
function quoted(phrase: string): string {
  return `"${phrase.replaceAll('"', '')}"`
}

function sizeTags({ largerOctets, smallerOctets }: RecordQuery): readonly string[] {
  if (largerOctets === null && smallerOctets === null) return []
  const from = Math.min(SIZE_STEP_MAX, sizeStep(largerOctets ?? 0))
  const to = smallerOctets === null ? SIZE_STEP_MAX : Math.min(SIZE_STEP_MAX, sizeStep(smallerOctets))
  const tags = Array.from({ length: Math.max(1, to - from + 1) }, (_, i) => quoted(sizeTag(from + i)))
  return [`(${tags.join(' OR ')})`]
}

function isMatch(facts: Connection, n: number, match: string): boolean {
  return facts.get('SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?', match, n) !== undefined
}

/** The rows of records between two times lie between these numbers. */
function numbersOf(facts: Connection, { afterMs, beforeMs }: RecordQuery): readonly [number, number] {
  const one = (sql: string, ms: number): number | null => facts.get<{ v: number | null }>(sql, ms)?.v ?? null
  const fewest =
    afterMs === null
      ? 0
      : one('SELECT min(n) AS v FROM records INDEXED BY records_received WHERE received_at_ms >= ?', afterMs)
  const most =
    beforeMs === null
      ? Number.MAX_SAFE_INTEGER
      : one('SELECT max(n) AS v FROM records INDEXED BY records_received WHERE received_at_ms < ?', beforeMs)
  return fewest === null || most === null ? [1, 0] : [fewest, most]
}

/** Rows of the records with that id, or with one that starts so, then or now. */
function recordsNamed({ index, facts }: SearchTools, id: string): readonly number[] {
  const mayStart = id.length >= ID_PREFIX_MIN ? 1 : 0
  const numbers = (each: string, prefix: number): readonly number[] =>
    facts.all<{ n: number }>(`${ID_RANGE} LIMIT 1000`, each, prefix).map(({ n }) => n)
  const originals = index.all<{ original: string }>(
    'SELECT original FROM renames WHERE current = ?1 OR (?2 AND current > ?1 AND current < ?1 || char(127)) LIMIT 1000',
    id,
    mayStart,
  )
  return [...numbers(id, mayStart), ...originals.flatMap(({ original }) => numbers(original, 0))]
}

/** Rows of the records of what is in a folder; null where that is very much. */
function recordsIn({ index, facts }: SearchTools, account: string, folder: string): readonly number[] | null {
  const count = index.get<{ v: number }>(
    `SELECT coalesce(sum(m.messages), 0) AS v FROM maildrops m JOIN accounts a ON a.n = m.account
     WHERE m.folder = ?2 AND (?1 = 'all' OR a.id = ?1)`,
    account,
    folder,
  )
  if ((count?.v ?? 0) > SMALL_FOLDER) return null
  const ids = index.all<{ id: string }>(LIVE_IN, account, folder).map(({ id }) => id)
  return facts
    .all<{ n: number }>(
      'SELECT n FROM records WHERE id IN (SELECT value FROM json_each(?))',
      JSON.stringify(ids),
    )
    .map(({ n }) => n)
}

const CURRENT = `
SELECT r.current FROM renames r JOIN accounts a ON a.n = r.account WHERE r.original = ? AND a.id = ?`
const FOLDER = `
SELECT m.folder FROM copies c JOIN maildrops m ON m.n = c.maildrop JOIN accounts a ON a.n = m.account
WHERE c.uid = ? AND a.id = ? AND c.state = ${LIVE} LIMIT 1`

/** A row as it is given back, if the rest of the query holds for it. */
function foundRecord({ index }: SearchTools, row: Row, query: RecordQuery): FoundRecord | null {
  const currentId = index.get<{ current: string }>(CURRENT, row.id, row.account)?.current ?? row.id
  const folder = index.get<{ folder: string }>(FOLDER, currentId, row.account)?.folder ?? null
  if (query.folder !== null && query.folder !== folder) return null
  const record = JSON.parse(row.record) as MessageRecord
  if (query.id?.startsWith('<') && record.messageId !== query.id) return null
  return {
    ...record,
    ...(row.features && { features: row.features }),
    id: row.id,
    currentId,
    account: row.account,
    folder,
  }
}
