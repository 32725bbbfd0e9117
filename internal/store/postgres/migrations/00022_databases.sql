-- Specialised databases, their entries, who was given what, and files brought in.

-- +goose Up

-- What a database is: every version that was taken. Times are microseconds
-- since 1970 in UTC, 0 where there is none.
CREATE TABLE db_declaration (
  database text COLLATE "C" NOT NULL,
  version  bigint NOT NULL,
  at       bigint NOT NULL,
  actor    text COLLATE "C" NOT NULL,
  said     bytea NOT NULL, -- the file as it was written
  PRIMARY KEY (database, version)
);

-- How far a database has come, step by step.
CREATE TABLE db_step (
  database text COLLATE "C" NOT NULL,
  n        bigint NOT NULL, -- from 1
  state    text COLLATE "C" NOT NULL,
  at       bigint NOT NULL,
  actor    text COLLATE "C" NOT NULL,
  evidence text COLLATE "C" NOT NULL, -- the actor's own words
  PRIMARY KEY (database, n)
);

-- The order of changes of a database's entries.
CREATE TABLE db_head (
  database text COLLATE "C" NOT NULL,
  seq      bigint NOT NULL, -- of the change made last
  PRIMARY KEY (database)
);

-- Entries as they are now.
CREATE TABLE db_entry (
  database        text COLLATE "C" NOT NULL,
  id              bytea NOT NULL, -- keyed hash of its key
  version         bigint NOT NULL,
  declared        bigint NOT NULL, -- version of the declaration
  state           text COLLATE "C" NOT NULL,
  merged_into     bytea NOT NULL, -- empty: none
  content         bytea NOT NULL, -- keyed hash of all its values
  open            text COLLATE "C" NOT NULL, -- JSON: values that are open or internal
  sealed          bytea NOT NULL,
  wrapped         bytea NOT NULL, -- data key
  class           text COLLATE "C" NOT NULL,
  month           bigint NOT NULL,
  source          text COLLATE "C" NOT NULL, -- of the declaration
  facility        text COLLATE "C" NOT NULL,
  record_facility text COLLATE "C" NOT NULL,
  record          bytea NOT NULL, -- serial, empty: none
  brought         text COLLATE "C" NOT NULL, -- id of an import
  actor           text COLLATE "C" NOT NULL, -- who typed it in
  valid_from      bigint NOT NULL,
  valid_to        bigint NOT NULL,
  at              bigint NOT NULL,
  confirmed       bigint NOT NULL,
  seq             bigint NOT NULL,
  marks           bytea NOT NULL, -- package score's; empty: none
  PRIMARY KEY (database, id)
);
CREATE UNIQUE INDEX db_entry_seq ON db_entry (database, seq);
CREATE INDEX db_entry_facility ON db_entry (database, facility, id);
CREATE INDEX db_entry_state ON db_entry (database, state, id);
CREATE INDEX db_entry_confirmed ON db_entry (database, confirmed);
CREATE INDEX db_entry_brought ON db_entry (database, brought, id) WHERE brought <> '';

-- Versions of entries that others followed.
CREATE TABLE db_entry_version (
  database        text COLLATE "C" NOT NULL,
  id              bytea NOT NULL, -- keyed hash of its key
  version         bigint NOT NULL,
  declared        bigint NOT NULL, -- version of the declaration
  state           text COLLATE "C" NOT NULL,
  merged_into     bytea NOT NULL, -- empty: none
  content         bytea NOT NULL, -- keyed hash of all its values
  open            text COLLATE "C" NOT NULL, -- JSON: values that are open or internal
  sealed          bytea NOT NULL,
  wrapped         bytea NOT NULL, -- data key
  class           text COLLATE "C" NOT NULL,
  month           bigint NOT NULL,
  source          text COLLATE "C" NOT NULL, -- of the declaration
  facility        text COLLATE "C" NOT NULL,
  record_facility text COLLATE "C" NOT NULL,
  record          bytea NOT NULL, -- serial, empty: none
  brought         text COLLATE "C" NOT NULL, -- id of an import
  actor           text COLLATE "C" NOT NULL, -- who typed it in
  valid_from      bigint NOT NULL,
  valid_to        bigint NOT NULL,
  at              bigint NOT NULL,
  confirmed       bigint NOT NULL,
  seq             bigint NOT NULL,
  marks           bytea NOT NULL, -- package score's; empty: none
  PRIMARY KEY (database, id, version)
);

-- What entries are found by.
CREATE TABLE db_key (
  database text COLLATE "C" NOT NULL,
  field    text COLLATE "C" NOT NULL,
  value    bytea NOT NULL, -- folded text, or a keyed hash where the field is sealed
  id       bytea NOT NULL,
  PRIMARY KEY (database, field, value, id)
);
CREATE INDEX db_key_entry ON db_key (database, id);

-- Which records say which entries.
CREATE TABLE db_said (
  database text COLLATE "C" NOT NULL,
  id       bytea NOT NULL,
  facility text COLLATE "C" NOT NULL,
  serial   bytea NOT NULL,
  PRIMARY KEY (database, facility, serial, id)
);
CREATE INDEX db_said_entry ON db_said (database, id);

-- How many entries there are.
CREATE TABLE db_count (
  database text COLLATE "C" NOT NULL,
  state    text COLLATE "C" NOT NULL,
  n        bigint NOT NULL,
  PRIMARY KEY (database, state)
);

-- Who was given what of a database, for what and how long.
CREATE TABLE db_grant (
  database text COLLATE "C" NOT NULL,
  id       text COLLATE "C" NOT NULL,
  version  bigint NOT NULL,
  receiver text COLLATE "C" NOT NULL, -- role
  fields   text COLLATE "C" NOT NULL, -- JSON, null: all that are not sensitive
  purpose  text COLLATE "C" NOT NULL,
  since    bigint NOT NULL,
  until    bigint NOT NULL,
  actor    text COLLATE "C" NOT NULL,
  ended    bigint NOT NULL,
  ended_by text COLLATE "C" NOT NULL,
  PRIMARY KEY (database, id)
);
CREATE INDEX db_grant_receiver ON db_grant (receiver);

-- Files that were brought in.
CREATE TABLE db_import (
  database   text COLLATE "C" NOT NULL,
  id         text COLLATE "C" NOT NULL,
  version    bigint NOT NULL,
  declared   bigint NOT NULL,
  source     text COLLATE "C" NOT NULL,
  state      text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL, -- of the file, as its bringer calls it
  size       bigint NOT NULL,
  digest     bytea NOT NULL, -- SHA-256
  actor      text COLLATE "C" NOT NULL,
  at         bigint NOT NULL,
  changed    bigint NOT NULL,
  counts     text COLLATE "C" NOT NULL, -- JSON
  summary    text COLLATE "C" NOT NULL, -- JSON: places and codes, no value
  undo       text COLLATE "C" NOT NULL, -- JSON
  undo_until bigint NOT NULL,
  PRIMARY KEY (database, id)
);
CREATE INDEX db_import_at ON db_import (database, at);

-- How far sources were read.
CREATE TABLE db_place (
  database text COLLATE "C" NOT NULL,
  source   text COLLATE "C" NOT NULL,
  declared bigint NOT NULL,
  place    text COLLATE "C" NOT NULL,
  at       bigint NOT NULL,
  code     text COLLATE "C" NOT NULL,
  seen     bigint NOT NULL,
  made     bigint NOT NULL,
  ended    bigint NOT NULL,
  PRIMARY KEY (database, source)
);

-- Which hub process does what others wait with.
CREATE TABLE db_turn (
  what   text COLLATE "C" NOT NULL,
  holder text COLLATE "C" NOT NULL,
  until  bigint NOT NULL,
  PRIMARY KEY (what)
);

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
