import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { StoreError } from '@restante/maildrop'
import { storeError } from './failure.ts'
import { SCHEMA_STEPS } from './schema.ts'

/** How long a statement waits for another process before it fails with `busy`. */
const BUSY_MS = 10_000

/**
 * The connection to `restante.db`, with its statements prepared once. A commit survives a killed process; once
 * {@link flush} has resolved, all commits before it survive a power cut too. So no disk is waited for on the event loop,
 * as SQLite would at the end of each commit.
 */
export class Connection {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #log: number
  #flushing: Promise<void> = Promise.resolve()
  #nextFlush: Promise<void> | null = null

  /** @throws {StoreError} */
  constructor(directory: string) {
    const path = join(directory, 'restante.db')
    try {
      makeFile(path)
      this.#database = new DatabaseSync(path, { timeout: BUSY_MS, enableForeignKeyConstraints: false })
      this.#database.exec(
        `PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;
         PRAGMA secure_delete=ON; PRAGMA journal_size_limit=67108864; PRAGMA wal_autocheckpoint=4000`,
      )
      // The first transaction makes the log, if there is none; while it is open here, nobody takes it away.
      this.transaction(() => this.#migrate())
      this.#log = openSync(`${path}-wal`, 'r')
    } catch (error) {
      throw storeError(error)
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (!statement) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  /** The first row. `sql` must be a constant: it stays prepared. The caller names the row's type and answers for it. */
  get<T>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.#prepare(sql).get(...values) as T | undefined
  }

  all<T>(sql: string, ...values: SQLInputValue[]): readonly T[] {
    return this.#prepare(sql).all(...values) as unknown as readonly T[]
  }

  /** Rows as arrays of their columns: cheaper where there are thousands. `sql` must not be used with {@link all}. */
  columns<T extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]): readonly T[] {
    const statement = this.#prepare(sql)
    statement.setReturnArrays(true)
    return statement.all(...values) as unknown as readonly T[]
  }

  /** Runs a statement; how many rows it changed, and the row id of the last insert. */
  run(sql: string, ...values: SQLInputValue[]): { readonly changes: number; readonly lastRow: number } {
    const { changes, lastInsertRowid } = this.#prepare(sql).run(...values)
    return { changes: Number(changes), lastRow: Number(lastInsertRowid) }
  }

  /** Runs `work` as one transaction that no other writer comes between; nothing of it stays where it throws. */
  transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** Brings the schema up to this release, once for all processes. */
  #migrate(): void {
    const found = this.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0
    if (found > SCHEMA_STEPS.length) {
      throw new StoreError(
        'newer-schema',
        `restante.db has schema ${found} of a newer release; this one knows up to ${SCHEMA_STEPS.length}. ` +
          'Start the newer release again, or restore the backup made before the upgrade.',
      )
    }
    if (found === SCHEMA_STEPS.length) return
    for (const step of SCHEMA_STEPS.slice(found)) this.#database.exec(step)
    this.#database.exec(`PRAGMA user_version=${SCHEMA_STEPS.length}`)
  }

  /** Makes every commit up to now durable. One flush serves all who ask while another is under way. */
  flush(): Promise<void> {
    this.#nextFlush ??= this.#flushing
      .catch(() => undefined)
      .then(() => {
        this.#nextFlush = null
        this.#flushing = new Promise((resolve, reject) =>
          fdatasync(this.#log, (error) => (error ? reject(storeError(error)) : resolve())),
        )
        return this.#flushing
      })
    return this.#nextFlush
  }

  /** The same at once. */
  flushSync(): void {
    fdatasyncSync(this.#log)
  }

  close(): void {
    this.#statements.clear()
    closeSync(this.#log)
    this.#database.close()
  }
}

/** SQLite would make the file by the umask. An existing one must not be opened and closed behind SQLite's back. */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
