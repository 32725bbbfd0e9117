-- +goose Up
-- Rules that people write: books of them in their versions, every text they had,
-- and what they would have done (rehearsals). Rules name fields and codes, never a
-- person; their samples are invented. Times are microseconds since 1970 in UTC, 0
-- where there is none.

CREATE TABLE rulebook (
  id         INTEGER PRIMARY KEY, -- 7 is r7
  state      TEXT NOT NULL,
  edition    INTEGER NOT NULL,    -- of its text, from 1
  base       INTEGER NOT NULL,    -- the book it was drawn from, 0 none
  day        INTEGER NOT NULL,    -- yyyyMMdd from which it applies, 0 not said
  created    INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  moved      INTEGER NOT NULL,
  moved_by   TEXT NOT NULL,
  reason     TEXT NOT NULL
) STRICT;
-- One book applies, one is announced: whoever moves one looks.
CREATE INDEX rulebook_live ON rulebook (state) WHERE state IN ('warning', 'active');

CREATE TABLE rulebook_edition (
  book    INTEGER NOT NULL,
  edition INTEGER NOT NULL,
  said    INTEGER NOT NULL,
  said_by TEXT NOT NULL,
  text    TEXT NOT NULL, -- YAML
  PRIMARY KEY (book, edition)
) STRICT, WITHOUT ROWID;

CREATE TABLE rehearsal (
  id       INTEGER PRIMARY KEY,
  book     INTEGER NOT NULL,
  edition  INTEGER NOT NULL,
  state    TEXT NOT NULL,
  asked    INTEGER NOT NULL,
  asked_by TEXT NOT NULL,
  ended    INTEGER NOT NULL,
  holder   TEXT NOT NULL,    -- the process at it, "" none
  until    INTEGER NOT NULL, -- its lease ends
  found    TEXT NOT NULL     -- JSON: how far it came, counts, ids of records
) STRICT;
CREATE INDEX rehearsal_book ON rehearsal (book, id);
CREATE INDEX rehearsal_running ON rehearsal (id) WHERE state = 'running';

-- +goose Down
DROP TABLE rehearsal;
DROP TABLE rulebook_edition;
DROP TABLE rulebook;
