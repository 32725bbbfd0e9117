-- +goose Up
CREATE TABLE disclosure (
  id       INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  reader   TEXT NOT NULL,
  role     TEXT NOT NULL,
  facility TEXT NOT NULL, -- whose record
  serial   BLOB,          -- null: about a person's list
  person   BLOB,
  basis    TEXT NOT NULL,
  policy   TEXT NOT NULL,
  reason   TEXT NOT NULL,
  route    TEXT NOT NULL,
  count    INTEGER NOT NULL,
  log      INTEGER,       -- null: no leaf covers it yet
  leaf     INTEGER
) STRICT;
CREATE INDEX disclosure_record ON disclosure (facility, serial);
CREATE INDEX disclosure_unrooted ON disclosure (id) WHERE log IS NULL;
