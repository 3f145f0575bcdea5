import { rmSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { GreylistPort, GreylistRecord } from '@restante/trust'

/** Greylisting's counts, and who was let in before. */
export interface GreylistMemory extends GreylistPort {
  /** A mail of that sender went into that recipient's inbox; canonical addresses. */
  accepted(sender: string, recipient: string, atMs: number): void
  close(): void
}

/** Where and how long they are kept. */
export interface GreylistMemoryOptions {
  readonly file: string
  /** Records not touched for so long are dropped. */
  readonly rememberMs: number
  readonly now: () => number
  /** Told when counts could not be kept; mail is let in meanwhile. */
  readonly onError: (error: unknown) => void
  /** Records on disk; the longest untouched go first. Default 200,000. */
  readonly recordsMax?: number
}

const FLUSH_MS = 1_000
const PURGE_MS = 3_600_000
/** Changes not yet on disk; more are written at once. */
const DIRTY_MAX = 2_000
/** So that no pass holds the event loop for long. */
const PURGED_AT_ONCE = 5_000

/**
 * Opens the memory: one small SQLite file, written every second and not flushed to the platter. A crash forgets about a second:
 * a stranger waits once more. A file that cannot be read is begun anew.
 */
export function openGreylistMemory(options: GreylistMemoryOptions): GreylistMemory {
  const { file, rememberMs, now, onError, recordsMax = 200_000 } = options
  const database = open(file, onError)
  const read = database.prepare('SELECT firstMs, lastMs, passes FROM record WHERE key = ?')
  const dirty = new Map<string, GreylistRecord>()

  const look = (key: string): GreylistRecord | null => {
    const fresh = dirty.get(key)
    if (fresh !== undefined) return fresh
    const row = read.get(key)
    return row === undefined
      ? null
      : { firstMs: Number(row['firstMs']), lastMs: Number(row['lastMs']), passes: Number(row['passes']) }
  }

  const put = (key: string, record: GreylistRecord): void => {
    dirty.set(key, record)
    if (dirty.size >= DIRTY_MAX) flush()
  }

  const flush = (): void => {
    if (dirty.size === 0) return
    try {
      writeAll(database, dirty)
    } catch (error) {
      onError(error)
    }
    // Also where that failed: counts are worth less than memory.
    dirty.clear()
  }

  const purge = (): void => {
    try {
      database
        .prepare('DELETE FROM record WHERE key IN (SELECT key FROM record WHERE lastMs < ? LIMIT ?)')
        .run(now() - rememberMs, PURGED_AT_ONCE)
      const count = Number(database.prepare('SELECT count(*) AS n FROM record').get()?.['n'])
      if (count > recordsMax)
        database
          .prepare('DELETE FROM record WHERE key IN (SELECT key FROM record ORDER BY lastMs LIMIT ?)')
          .run(Math.min(count - recordsMax, PURGED_AT_ONCE))
    } catch (error) {
      onError(error)
    }
  }

  purge()
  const flushing = setInterval(flush, FLUSH_MS).unref()
  const purging = setInterval(purge, PURGE_MS).unref()
  return {
    read: async (key) => look(key),
    write: async (key, record) => put(key, record),
    async history(sender, recipient) {
      return { accepted: look(knownKey(sender, recipient))?.passes ?? 0, released: 0, reported: 0 }
    },
    accepted(sender, recipient, atMs) {
      const key = knownKey(sender, recipient)
      try {
        const before = look(key)
        put(key, { firstMs: before?.firstMs ?? atMs, lastMs: atMs, passes: (before?.passes ?? 0) + 1 })
      } catch (error) {
        onError(error)
      }
    },
    close() {
      clearInterval(flushing)
      clearInterval(purging)
      flush()
      database.close()
    },
  }
}

/** Triplets begin with a network, so this is none of them. */
function knownKey(sender: string, recipient: string): string {
  return `known ${sender} ${recipient}`
}

function open(file: string, onError: (error: unknown) => void): DatabaseSync {
  try {
    return openFile(file)
  } catch (error) {
    onError(error)
    for (const each of [file, `${file}-wal`, `${file}-shm`]) rmSync(each, { force: true })
    return openFile(file)
  }
}

function openFile(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 1_000 })
  try {
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = OFF;
      CREATE TABLE IF NOT EXISTS record (
        key TEXT PRIMARY KEY, firstMs INTEGER NOT NULL, lastMs INTEGER NOT NULL, passes INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS record_last ON record (lastMs);
    `)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function writeAll(database: DatabaseSync, records: ReadonlyMap<string, GreylistRecord>): void {
  const write: StatementSync = database.prepare(
    `INSERT INTO record (key, firstMs, lastMs, passes) VALUES (?, ?, ?, ?)
     ON CONFLICT (key) DO UPDATE SET firstMs = excluded.firstMs, lastMs = excluded.lastMs, passes = excluded.passes`,
  )
  database.exec('BEGIN IMMEDIATE')
  try {
    for (const [key, { firstMs, lastMs, passes }] of records) write.run(key, firstMs, lastMs, passes)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
