import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '@restante/maildrop'
import { Connection, type Synchronous } from './connection.ts'
import { storeError } from './failure.ts'
import { addWords } from './record-words.ts'

/** SQL, or where that is not enough, work inside the migration's transaction. */
export type SchemaStep = string | ((connection: Connection) => void)

/**
 * The databases' schemas: one step per released version, never changed once released, new ones appended.
 * Columns called `n` are row numbers and never leave the store.
 */
const INDEX_STEPS: readonly SchemaStep[] = [
  `
CREATE TABLE sequence (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO sequence VALUES ('place', 0), ('changed_ms', 0);

CREATE TABLE domains (name TEXT PRIMARY KEY, catch_all TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE aliases (address TEXT PRIMARY KEY, targets TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE accounts (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, address TEXT NOT NULL UNIQUE,
  created_at_ms INTEGER NOT NULL, generation INTEGER NOT NULL,
  quota_octets INTEGER, quota_messages INTEGER, thresholds TEXT NOT NULL) STRICT;
CREATE TABLE credentials (
  n INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL, device TEXT NOT NULL,
  scheme TEXT NOT NULL, verifier TEXT NOT NULL, created_at_ms INTEGER NOT NULL) STRICT;
CREATE INDEX credentials_account ON credentials (account, device);

-- account is NULL while an erased account's mail is being purged.
CREATE TABLE maildrops (
  n INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER, folder TEXT NOT NULL,
  version INTEGER NOT NULL, removals INTEGER NOT NULL, octets INTEGER NOT NULL, messages INTEGER NOT NULL,
  UNIQUE (account, folder)) STRICT;
CREATE TABLE views (
  n INTEGER PRIMARY KEY AUTOINCREMENT, maildrop INTEGER NOT NULL, device TEXT NOT NULL, version INTEGER NOT NULL,
  UNIQUE (maildrop, device)) STRICT;
CREATE TABLE hidden (view INTEGER NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (view, place)) STRICT, WITHOUT ROWID;

-- state: 0 open, 1 sealed, 2 emptied (its file may go)
CREATE TABLE segments (
  n INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, state INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL, octets INTEGER NOT NULL) STRICT;
CREATE INDEX segments_open ON segments (n) WHERE state <> 1;
CREATE TABLE bodies (
  n INTEGER PRIMARY KEY AUTOINCREMENT, segment INTEGER NOT NULL, position INTEGER NOT NULL, size INTEGER NOT NULL,
  crc INTEGER NOT NULL, refs INTEGER NOT NULL, id BLOB NOT NULL) STRICT;
CREATE INDEX bodies_segment ON bodies (segment, position, size);

-- state: 0 live, 1 removed (can come back), 2 purged (kept only for snapshots that still show it)
-- original: its unique-id at delivery, where that is another one
CREATE TABLE copies (
  n INTEGER PRIMARY KEY AUTOINCREMENT, state INTEGER NOT NULL, maildrop INTEGER NOT NULL, place INTEGER NOT NULL,
  uid TEXT, body INTEGER NOT NULL, arrived_at_ms INTEGER NOT NULL, changed_at_ms INTEGER NOT NULL,
  size INTEGER NOT NULL, body_offset INTEGER NOT NULL, stuffing INTEGER NOT NULL,
  hold_class TEXT, hold_reason TEXT, hold_expires_at_ms INTEGER,
  splice_offset INTEGER, splice_length INTEGER, splice_octets BLOB, original TEXT, prefix BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX copies_uid ON copies (uid, maildrop);
CREATE INDEX copies_body ON copies (body);
CREATE INDEX copies_due ON copies (hold_expires_at_ms) WHERE hold_expires_at_ms IS NOT NULL AND state = 0;
CREATE INDEX copies_removed ON copies (changed_at_ms) WHERE state = 1;
CREATE INDEX copies_purged ON copies (changed_at_ms) WHERE state = 2;

-- what a listing shows of the live copies, in order of arrival
CREATE TABLE listed (
  maildrop INTEGER NOT NULL, place INTEGER NOT NULL, n INTEGER NOT NULL, uid TEXT NOT NULL,
  size INTEGER NOT NULL, body_offset INTEGER NOT NULL, stuffing INTEGER NOT NULL, arrived_at_ms INTEGER NOT NULL,
  PRIMARY KEY (maildrop, place)) STRICT, WITHOUT ROWID;

CREATE TABLE renames (
  original TEXT NOT NULL, current TEXT NOT NULL, account INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (original, account)) STRICT, WITHOUT ROWID;
CREATE INDEX renames_current ON renames (current);
CREATE INDEX renames_at ON renames (at_ms);

CREATE TABLE feedback (
  n INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, label TEXT NOT NULL, source TEXT NOT NULL,
  by_account TEXT, at_ms INTEGER NOT NULL, about_id TEXT, about_hash TEXT, features BLOB) STRICT;
`,
  `
ALTER TABLE accounts ADD COLUMN remove_after TEXT;
CREATE INDEX copies_removed_from ON copies (maildrop, changed_at_ms) WHERE state = 1;
-- when devices last picked mail up, as of the last expiry; the present is in run.db
CREATE TABLE pick_ups (
  account INTEGER NOT NULL, device TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (account, device))
  STRICT, WITHOUT ROWID;
`,
]

const FACTS_STEPS: readonly SchemaStep[] = [
  `
CREATE TABLE records (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, account TEXT NOT NULL, received_at_ms INTEGER NOT NULL,
  record TEXT NOT NULL, features BLOB) STRICT;
CREATE INDEX records_id ON records (id);
CREATE INDEX records_account ON records (account);
CREATE INDEX records_received ON records (received_at_ms);
`,
  addWords,
]

const MODEL_STEPS: readonly SchemaStep[] = [
  `
CREATE TABLE lessons (
  n INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, action TEXT NOT NULL, label TEXT NOT NULL,
  hash TEXT NOT NULL, at_ms INTEGER NOT NULL, features BLOB NOT NULL) STRICT;
CREATE INDEX lessons_hash ON lessons (owner, hash);
CREATE TABLE model (
  n INTEGER PRIMARY KEY CHECK (n = 1), lessons INTEGER NOT NULL, feedback INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  octets BLOB NOT NULL) STRICT;
`,
]

const RUN_STEPS: readonly SchemaStep[] = [
  `
CREATE TABLE token (last INTEGER NOT NULL) STRICT;
INSERT INTO token VALUES (0);
CREATE TABLE instances (
  id TEXT PRIMARY KEY, pid INTEGER NOT NULL, started TEXT NOT NULL, opened_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE locks (
  name TEXT PRIMARY KEY, token INTEGER NOT NULL, instance TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL,
  at_ms INTEGER NOT NULL, session TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TRIGGER locks_token AFTER INSERT ON locks BEGIN UPDATE token SET last = new.token; END;
CREATE TABLE claims (
  name TEXT PRIMARY KEY, instance TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL) STRICT, WITHOUT ROWID;
`,
  `
CREATE TABLE pick_ups (
  account TEXT NOT NULL, device TEXT NOT NULL, at_ms INTEGER NOT NULL, durable INTEGER NOT NULL,
  PRIMARY KEY (account, device)) STRICT, WITHOUT ROWID;
CREATE INDEX pick_ups_fresh ON pick_ups (account) WHERE durable = 0;
`,
]

/** The four databases of a store. */
export type DatabaseName = 'index' | 'facts' | 'model' | 'run'

const PLAN: Readonly<Record<DatabaseName, { steps: readonly SchemaStep[]; synchronous: Synchronous }>> = {
  index: { steps: INDEX_STEPS, synchronous: 'FULL' },
  facts: { steps: FACTS_STEPS, synchronous: 'NORMAL' },
  model: { steps: MODEL_STEPS, synchronous: 'FULL' },
  run: { steps: RUN_STEPS, synchronous: 'OFF' },
}

/** The newest schema of a database this release knows. */
export function knownSchema(name: DatabaseName): number {
  return PLAN[name].steps.length
}

/**
 * Opens a database as it is. `busyMs`: how long a statement waits for another writer before it fails with `busy`.
 * @param file its file name where that is not `NAME.db`
 */
export function connect(
  directory: string,
  name: DatabaseName,
  busyMs: number,
  file = `${name}.db`,
): Connection {
  const connection = new Connection(join(directory, file), PLAN[name].synchronous, busyMs)
  if (name === 'facts') connection.exec('PRAGMA secure_delete=ON')
  return connection
}

/**
 * Brings a database's schema up to this release, once for all processes; what was there before is kept beside it as
 * `NAME.before-VERSION.db`.
 * @throws {StoreError} `newer-schema`
 */
export function migrate(connection: Connection, name: DatabaseName, directory: string): void {
  migrateWith(connection, name, directory, PLAN[name].steps)
}

/** The same with given steps. */
export function migrateWith(
  connection: Connection,
  name: DatabaseName,
  directory: string,
  steps: readonly SchemaStep[],
): void {
  const version = (): number =>
    connection.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0
  try {
    const found = version()
    if (found > steps.length) {
      throw new StoreError(
        'newer-schema',
        `${name}.db has schema ${found} of a newer release; this one knows up to ${steps.length}. ` +
          `Start the newer release again, or restore the backup made before the upgrade.`,
      )
    }
    if (found === steps.length) return
    if (found > 0 && name !== 'run') {
      // Whoever of several processes is first makes the copy; it gets its name when it is whole.
      const copy = join(directory, `${name}.before-${steps.length}.db`)
      const partial = `${copy}.partial-${process.pid}`
      if (!existsSync(copy)) {
        rmSync(partial, { force: true })
        connection.exec(`VACUUM INTO '${partial.replaceAll("'", "''")}'`)
        chmodSync(partial, 0o600)
        renameSync(partial, copy)
      }
    }
    connection.exec('BEGIN EXCLUSIVE')
    try {
      for (const step of steps.slice(version())) {
        if (typeof step === 'string') connection.exec(step)
        else step(connection)
      }
      connection.exec(`PRAGMA user_version=${steps.length}; COMMIT`)
    } catch (error) {
      if (connection.inTransaction) connection.exec('ROLLBACK')
      throw error
    }
  } catch (error) {
    throw storeError(error)
  }
}
