-- +goose Up
-- Specialised databases, their entries, who was given what, and files brought in.

-- What a database is: every version that was taken. Times are microseconds
-- since 1970 in UTC, 0 where there is none.
CREATE TABLE db_declaration (
  database TEXT NOT NULL,
  version  INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  actor    TEXT NOT NULL,
  said     BLOB NOT NULL, -- the file as it was written
  PRIMARY KEY (database, version)
) STRICT;

-- How far a database has come, step by step.
CREATE TABLE db_step (
  database TEXT NOT NULL,
  n        INTEGER NOT NULL, -- from 1
  state    TEXT NOT NULL,
  at       INTEGER NOT NULL,
  actor    TEXT NOT NULL,
  evidence TEXT NOT NULL, -- the actor's own words
  PRIMARY KEY (database, n)
) STRICT, WITHOUT ROWID;

-- The order of changes of a database's entries.
CREATE TABLE db_head (
  database TEXT NOT NULL,
  seq      INTEGER NOT NULL, -- of the change made last
  PRIMARY KEY (database)
) STRICT, WITHOUT ROWID;

-- Entries as they are now.
CREATE TABLE db_entry (
  database        TEXT NOT NULL,
  id              BLOB NOT NULL, -- keyed hash of its key
  version         INTEGER NOT NULL,
  declared        INTEGER NOT NULL, -- version of the declaration
  state           TEXT NOT NULL,
  merged_into     BLOB NOT NULL, -- empty: none
  content         BLOB NOT NULL, -- keyed hash of all its values
  open            TEXT NOT NULL, -- JSON: values that are open or internal
  sealed          BLOB NOT NULL,
  wrapped         BLOB NOT NULL, -- data key
  class           TEXT NOT NULL,
  month           INTEGER NOT NULL,
  source          TEXT NOT NULL, -- of the declaration
  facility        TEXT NOT NULL,
  record_facility TEXT NOT NULL,
  record          BLOB NOT NULL, -- serial, empty: none
  brought         TEXT NOT NULL, -- id of an import
  actor           TEXT NOT NULL, -- who typed it in
  valid_from      INTEGER NOT NULL,
  valid_to        INTEGER NOT NULL,
  at              INTEGER NOT NULL,
  confirmed       INTEGER NOT NULL,
  seq             INTEGER NOT NULL,
  marks           BLOB NOT NULL, -- package score's; empty: none
  PRIMARY KEY (database, id)
) STRICT;
CREATE UNIQUE INDEX db_entry_seq ON db_entry (database, seq);
CREATE INDEX db_entry_facility ON db_entry (database, facility, id);
CREATE INDEX db_entry_state ON db_entry (database, state, id);
CREATE INDEX db_entry_confirmed ON db_entry (database, confirmed);
CREATE INDEX db_entry_brought ON db_entry (database, brought, id) WHERE brought <> '';

-- Versions of entries that others followed.
CREATE TABLE db_entry_version (
  database        TEXT NOT NULL,
  id              BLOB NOT NULL, -- keyed hash of its key
  version         INTEGER NOT NULL,
  declared        INTEGER NOT NULL, -- version of the declaration
  state           TEXT NOT NULL,
  merged_into     BLOB NOT NULL, -- empty: none
  content         BLOB NOT NULL, -- keyed hash of all its values
  open            TEXT NOT NULL, -- JSON: values that are open or internal
  sealed          BLOB NOT NULL,
  wrapped         BLOB NOT NULL, -- data key
  class           TEXT NOT NULL,
  month           INTEGER NOT NULL,
  source          TEXT NOT NULL, -- of the declaration
  facility        TEXT NOT NULL,
  record_facility TEXT NOT NULL,
  record          BLOB NOT NULL, -- serial, empty: none
  brought         TEXT NOT NULL, -- id of an import
  actor           TEXT NOT NULL, -- who typed it in
  valid_from      INTEGER NOT NULL,
  valid_to        INTEGER NOT NULL,
  at              INTEGER NOT NULL,
  confirmed       INTEGER NOT NULL,
  seq             INTEGER NOT NULL,
  marks           BLOB NOT NULL, -- package score's; empty: none
  PRIMARY KEY (database, id, version)
) STRICT;

-- What entries are found by.
CREATE TABLE db_key (
  database TEXT NOT NULL,
  field    TEXT NOT NULL,
  value    BLOB NOT NULL, -- folded text, or a keyed hash where the field is sealed
  id       BLOB NOT NULL,
  PRIMARY KEY (database, field, value, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX db_key_entry ON db_key (database, id);

-- Which records say which entries.
CREATE TABLE db_said (
  database TEXT NOT NULL,
  id       BLOB NOT NULL,
  facility TEXT NOT NULL,
  serial   BLOB NOT NULL,
  PRIMARY KEY (database, facility, serial, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX db_said_entry ON db_said (database, id);

-- How many entries there are.
CREATE TABLE db_count (
  database TEXT NOT NULL,
  state    TEXT NOT NULL,
  n        INTEGER NOT NULL,
  PRIMARY KEY (database, state)
) STRICT, WITHOUT ROWID;

-- Who was given what of a database, for what and how long.
CREATE TABLE db_grant (
  database TEXT NOT NULL,
  id       TEXT NOT NULL,
  version  INTEGER NOT NULL,
  receiver TEXT NOT NULL, -- role
  fields   TEXT NOT NULL, -- JSON, null: all that are not sensitive
  purpose  TEXT NOT NULL,
  since    INTEGER NOT NULL,
  until    INTEGER NOT NULL,
  actor    TEXT NOT NULL,
  ended    INTEGER NOT NULL,
  ended_by TEXT NOT NULL,
  PRIMARY KEY (database, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX db_grant_receiver ON db_grant (receiver);

-- Files that were brought in.
CREATE TABLE db_import (
  database   TEXT NOT NULL,
  id         TEXT NOT NULL,
  version    INTEGER NOT NULL,
  declared   INTEGER NOT NULL,
  source     TEXT NOT NULL,
  state      TEXT NOT NULL,
  name       TEXT NOT NULL, -- of the file, as its bringer calls it
  size       INTEGER NOT NULL,
  digest     BLOB NOT NULL, -- SHA-256
  actor      TEXT NOT NULL,
  at         INTEGER NOT NULL,
  changed    INTEGER NOT NULL,
  counts     TEXT NOT NULL, -- JSON
  summary    TEXT NOT NULL, -- JSON: places and codes, no value
  undo       TEXT NOT NULL, -- JSON
  undo_until INTEGER NOT NULL,
  PRIMARY KEY (database, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX db_import_at ON db_import (database, at);

-- How far sources were read.
CREATE TABLE db_place (
  database TEXT NOT NULL,
  source   TEXT NOT NULL,
  declared INTEGER NOT NULL,
  place    TEXT NOT NULL,
  at       INTEGER NOT NULL,
  code     TEXT NOT NULL,
  seen     INTEGER NOT NULL,
  made     INTEGER NOT NULL,
  ended    INTEGER NOT NULL,
  PRIMARY KEY (database, source)
) STRICT, WITHOUT ROWID;

-- Which hub process does what others wait with.
CREATE TABLE db_turn (
  what   TEXT NOT NULL,
  holder TEXT NOT NULL,
  until  INTEGER NOT NULL,
  PRIMARY KEY (what)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE db_turn;
DROP TABLE db_place;
DROP TABLE db_import;
DROP TABLE db_grant;
DROP TABLE db_count;
DROP TABLE db_said;
DROP TABLE db_key;
DROP TABLE db_entry_version;
DROP TABLE db_entry;
DROP TABLE db_head;
DROP TABLE db_step;
DROP TABLE db_declaration;
