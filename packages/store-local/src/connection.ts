import { closeSync, openSync } from 'node:fs'
import { backup, DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { storeError } from './failure.ts'

/** How hard a database's commits are made to stick: FULL survives a power cut, NORMAL and OFF a killed process. */
export type Synchronous = 'FULL' | 'NORMAL' | 'OFF'

/** One connection to one database, with its statements prepared once. Not shared between threads. */
export class Connection {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  /**
   * @param path the file, made with mode 0600 where it is missing
   * @throws {StoreError}
   */
  constructor(path: string, synchronous: Synchronous, busyMs: number) {
    try {
      makeFile(path)
      this.#database = new DatabaseSync(path, { timeout: busyMs, enableForeignKeyConstraints: false })
      this.#database.exec(
        `PRAGMA journal_mode=WAL; PRAGMA synchronous=${synchronous}; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16000;
         PRAGMA journal_size_limit=67108864; PRAGMA wal_autocheckpoint=4000`,
      )
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

  /** Runs SQL text that is not kept prepared. */
  exec(sql: string): void {
    this.#database.exec(sql)
  }

  /** Writes a copy of the database as it is now to a file, in pages, letting others in between. */
  async backup(path: string): Promise<void> {
    try {
      await backup(this.#database, path)
    } catch (error) {
      throw storeError(error)
    }
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }
}

/**
 * SQLite would make the file by the umask. An existing one must not be opened and closed behind SQLite's back: that
 * gives away every lock this process has on it.
 */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
