-- +goose Up
-- What jobs of nights did, and what cleaning proposes. Times are microseconds since
-- 1970 in UTC, 0 where there is none; a day is yyyyMMdd in Hanoi.

CREATE TABLE night_run (
  day     INTEGER NOT NULL,
  job     TEXT NOT NULL,
  state   TEXT NOT NULL,
  tries   INTEGER NOT NULL,
  started INTEGER NOT NULL,
  ended   INTEGER NOT NULL,
  seen    INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  unequal INTEGER NOT NULL,
  note    TEXT NOT NULL,
  code    TEXT NOT NULL, -- of a fault
  PRIMARY KEY (day, job)
) STRICT, WITHOUT ROWID;

CREATE TABLE proposal (
  id       TEXT PRIMARY KEY, -- digest of what it is about
  database TEXT NOT NULL,
  detector TEXT NOT NULL,
  kind     TEXT NOT NULL,
  state    TEXT NOT NULL,
  version  INTEGER NOT NULL,
  facts    BLOB NOT NULL,    -- digest of what it rests on
  night    INTEGER NOT NULL, -- it was found last
  entries  BLOB NOT NULL,    -- ids of 16 bytes
  at       INTEGER NOT NULL,
  changed  INTEGER NOT NULL,
  actor    TEXT NOT NULL,
  reason   TEXT NOT NULL,
  body     TEXT NOT NULL,    -- JSON, no value of a sealed field
  undo     TEXT NOT NULL
) STRICT;
CREATE INDEX proposal_state ON proposal (database, detector, state, id);

CREATE TABLE proposal_entry (
  database TEXT NOT NULL,
  entry    BLOB NOT NULL,
  proposal TEXT NOT NULL,
  PRIMARY KEY (database, entry, proposal)
) STRICT, WITHOUT ROWID;

CREATE TABLE proposal_step (
  proposal TEXT NOT NULL,
  n        INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  state    TEXT NOT NULL,
  actor    TEXT NOT NULL,
  reason   TEXT NOT NULL,
  PRIMARY KEY (proposal, n)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE proposal_step;
DROP TABLE proposal_entry;
DROP TABLE proposal;
DROP TABLE night_run;
