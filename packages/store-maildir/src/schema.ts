/** State of a copy: shown; removed, can come back; gone for good, kept only for snapshots that still show it. */
export const LIVE = 0
export const REMOVED = 1
export const PURGED = 2

/**
 * The schema of `restante.db`: one step per released version, never changed once released, new ones appended.
 * Columns called `n` are row numbers and never leave the store.
 */
export const SCHEMA_STEPS: readonly string[] = [
  `
CREATE TABLE domains (name TEXT PRIMARY KEY, catch_all TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE aliases (address TEXT PRIMARY KEY, targets TEXT NOT NULL) STRICT, WITHOUT ROWID;
-- home: the name of its folder in mail/
CREATE TABLE accounts (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, address TEXT NOT NULL UNIQUE, home TEXT NOT NULL UNIQUE,
  created_at_ms INTEGER NOT NULL, generation INTEGER NOT NULL,
  quota_octets INTEGER, quota_messages INTEGER, thresholds TEXT NOT NULL) STRICT;
CREATE TABLE credentials (
  n INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL, device TEXT NOT NULL,
  scheme TEXT NOT NULL, verifier TEXT NOT NULL, created_at_ms INTEGER NOT NULL) STRICT;
CREATE INDEX credentials_account ON credentials (account, device);

-- Accounts that are no more; their folder goes to erased/N, and away when no session can show it.
CREATE TABLE erased (account INTEGER PRIMARY KEY, home TEXT NOT NULL, moved INTEGER NOT NULL, at_ms INTEGER NOT NULL) STRICT;

-- version: grows with all that changes what a view shows. changes: with what changes the list of messages;
-- written: the value of changes that the folder's restante-uidl file was written for.
CREATE TABLE folders (
  account INTEGER NOT NULL, folder TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 0, changes INTEGER NOT NULL DEFAULT 0,
  written INTEGER NOT NULL DEFAULT 0, octets INTEGER NOT NULL DEFAULT 0, messages INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (account, folder)) STRICT, WITHOUT ROWID;

-- state: 0 live, 1 removed (can come back), 2 purged (kept only for snapshots that still show it)
-- base: the file's name without flags. size: in stored form; raw_size: of the file. original: its unique-id at
-- delivery, where that is another one. place: order of arrival in its folder, never given twice.
CREATE TABLE copies (
  n INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL, folder TEXT NOT NULL, uid TEXT, base TEXT NOT NULL,
  state INTEGER NOT NULL, place INTEGER NOT NULL UNIQUE, arrived_at_ms INTEGER NOT NULL, changed_at_ms INTEGER NOT NULL,
  size INTEGER NOT NULL, body_offset INTEGER NOT NULL, stuffing INTEGER NOT NULL, raw_size INTEGER NOT NULL,
  hold_class TEXT, hold_reason TEXT, hold_expires_at_ms INTEGER, original TEXT) STRICT;
CREATE UNIQUE INDEX copies_uid ON copies (uid, account, folder);
CREATE INDEX copies_listed ON copies (account, folder, place) WHERE state = 0;
CREATE INDEX copies_due ON copies (hold_expires_at_ms) WHERE hold_expires_at_ms IS NOT NULL AND state = 0;
CREATE INDEX copies_removed ON copies (changed_at_ms) WHERE state = 1;
CREATE INDEX copies_purged ON copies (changed_at_ms) WHERE state = 2;
CREATE TABLE sequence (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO sequence VALUES ('place', 0), ('token', 0);

CREATE TRIGGER copies_added AFTER INSERT ON copies WHEN new.state = 0 BEGIN
  INSERT INTO folders (account, folder) VALUES (new.account, new.folder) ON CONFLICT DO NOTHING;
  UPDATE folders SET octets = octets + new.size, messages = messages + 1, version = version + 1, changes = changes + 1
    WHERE account = new.account AND folder = new.folder;
END;
CREATE TRIGGER copies_deleted AFTER DELETE ON copies WHEN old.state = 0 BEGIN
  UPDATE folders SET octets = octets - old.size, messages = messages - 1, version = version + 1, changes = changes + 1
    WHERE account = old.account AND folder = old.folder;
END;
CREATE TRIGGER copies_changed AFTER UPDATE ON copies BEGIN
  UPDATE folders SET octets = octets - old.size, messages = messages - 1, version = version + 1, changes = changes + 1
    WHERE old.state = 0 AND account = old.account AND folder = old.folder;
  INSERT INTO folders (account, folder) SELECT new.account, new.folder WHERE new.state = 0 ON CONFLICT DO NOTHING;
  UPDATE folders SET octets = octets + new.size, messages = messages + 1, version = version + 1, changes = changes + 1
    WHERE new.state = 0 AND account = new.account AND folder = new.folder;
END;

-- Files that still have to go where their copy's row says; kind: tmp, folder or trash.
CREATE TABLE journal (
  n INTEGER PRIMARY KEY AUTOINCREMENT, copy INTEGER NOT NULL UNIQUE, kind TEXT NOT NULL, folder TEXT NOT NULL,
  base TEXT NOT NULL) STRICT;

CREATE TABLE hidden (account INTEGER NOT NULL, device TEXT NOT NULL, copy INTEGER NOT NULL,
  PRIMARY KEY (account, device, copy)) STRICT, WITHOUT ROWID;
CREATE INDEX hidden_copy ON hidden (copy);

CREATE TABLE records (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, account INTEGER NOT NULL, received_at_ms INTEGER NOT NULL,
  record TEXT NOT NULL, features BLOB) STRICT;
CREATE INDEX records_id ON records (id);
CREATE INDEX records_account ON records (account);
CREATE INDEX records_received ON records (received_at_ms);
CREATE TABLE renames (
  original TEXT NOT NULL, current TEXT NOT NULL, account INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (original, account)) STRICT, WITHOUT ROWID;
CREATE INDEX renames_current ON renames (current);
CREATE INDEX renames_at ON renames (at_ms);

CREATE TABLE feedback (
  n INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, label TEXT NOT NULL, source TEXT NOT NULL,
  by_account TEXT, at_ms INTEGER NOT NULL, about_id TEXT, about_hash TEXT, features BLOB) STRICT;
CREATE TABLE lessons (
  n INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, action TEXT NOT NULL, label TEXT NOT NULL,
  hash TEXT NOT NULL, at_ms INTEGER NOT NULL, features BLOB NOT NULL) STRICT;
CREATE INDEX lessons_hash ON lessons (owner, hash);
CREATE TABLE model (
  n INTEGER PRIMARY KEY CHECK (n = 1), lessons INTEGER NOT NULL, feedback INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  octets BLOB NOT NULL) STRICT;

-- kind: lock (on a maildrop) or claim (of a name)
CREATE TABLE held (
  kind TEXT NOT NULL, name TEXT NOT NULL, token INTEGER NOT NULL, instance TEXT NOT NULL, pid INTEGER NOT NULL,
  started TEXT NOT NULL, at_ms INTEGER NOT NULL, session TEXT NOT NULL, PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;
`,
]
