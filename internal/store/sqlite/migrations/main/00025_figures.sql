-- +goose Up
-- What boards say and can be asked to say again: figures pinned to checkpoints, the
-- nightly comparison of counters, how long records took, which boards are opened.
-- Times are microseconds since 1970 in UTC; a day is yyyyMMdd in Hanoi.

CREATE TABLE figure_statement (
  subject TEXT NOT NULL,    -- what it says something of: figure, days, place
  version INTEGER NOT NULL, -- 1, 2, ...: nothing is changed in place
  at      INTEGER NOT NULL,
  body    TEXT NOT NULL,    -- canonical JSON
  PRIMARY KEY (subject, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX figure_statement_at ON figure_statement (at);

CREATE TABLE counter_check ( -- counters against a recount of the rows
  day     INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  counted INTEGER NOT NULL, -- numbers compared
  unequal INTEGER NOT NULL,
  detail  TEXT NOT NULL     -- JSON: the first that differ
) STRICT;

CREATE TABLE retrievable ( -- how many records took how long from receipt to being readable
  minute INTEGER NOT NULL, -- minutes since 1970
  bucket INTEGER NOT NULL, -- of package insight
  n      INTEGER NOT NULL,
  PRIMARY KEY (minute, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE board_use (
  day   INTEGER NOT NULL,
  role  TEXT NOT NULL, -- a kind of role, never who
  board TEXT NOT NULL,
  n     INTEGER NOT NULL,
  PRIMARY KEY (day, role, board)
) STRICT, WITHOUT ROWID;

-- The numbers of a day are read along this, not along those of all days.
CREATE INDEX counter_day ON counter (day);

-- +goose Down
DROP INDEX counter_day;
DROP TABLE board_use;
DROP TABLE retrievable;
DROP TABLE counter_check;
DROP TABLE figure_statement;
