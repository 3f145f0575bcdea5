import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { storeError } from './failure.ts'
import { type DatabaseName, knownSchema } from './schema.ts'

/** The schema of one database of a store, and what opening it would do. */
export interface SchemaState {
  readonly database: DatabaseName
  /** Null where there is no such file yet. */
  readonly found: number | null
  readonly known: number
  /** Octets of the copy that is kept beside it when it is migrated; 0 where it is not. */
  readonly copyOctets: number
}

/**
 * Which schemas a store's databases have and this release knows. Opens nothing for writing; the store may be in use.
 * @throws {StoreError} `io`, `corrupt`
 */
export function checkSchemas(directory: string): readonly SchemaState[] {
  return (['index', 'facts', 'model'] as const).map((database) => {
    const known = knownSchema(database)
    const path = join(resolve(directory), `${database}.db`)
    if (!existsSync(path)) return { database, found: null, known, copyOctets: 0 }
    try {
      const connection = new DatabaseSync(path, { readOnly: true })
      try {
        const row = connection.prepare('PRAGMA user_version').get() as { readonly user_version: number }
        const found = row.user_version
        return { database, found, known, copyOctets: found < known ? statSync(path).size : 0 }
      } finally {
        connection.close()
      }
    } catch (error) {
      throw storeError(error)
    }
  })
}
