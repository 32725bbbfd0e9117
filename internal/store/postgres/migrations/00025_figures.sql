-- What boards say and can be asked to say again: figures pinned to checkpoints, the
-- nightly comparison of counters, how long records took, which boards are opened.
-- Times are microseconds since 1970 in UTC; a day is yyyyMMdd in Hanoi.

-- +goose Up

CREATE TABLE figure_statement (
  subject text COLLATE "C" NOT NULL, -- what it says something of: figure, days, place
  version integer NOT NULL,          -- 1, 2, ...: nothing is changed in place
  at      bigint NOT NULL,
  body    text COLLATE "C" NOT NULL, -- canonical JSON
  PRIMARY KEY (subject, version)
);
CREATE INDEX figure_statement_at ON figure_statement (at);

CREATE TABLE counter_check ( -- counters against a recount of the rows
  day     integer PRIMARY KEY,
  at      bigint NOT NULL,
  counted bigint NOT NULL, -- numbers compared
  unequal bigint NOT NULL,
  detail  text COLLATE "C" NOT NULL -- JSON: the first that differ
);

CREATE TABLE retrievable ( -- how many records took how long from receipt to being readable
  minute bigint NOT NULL,   -- minutes since 1970
  bucket smallint NOT NULL, -- of package insight
  n      bigint NOT NULL,
  PRIMARY KEY (minute, bucket)
);

CREATE TABLE board_use (
  day   integer NOT NULL,
  role  text COLLATE "C" NOT NULL, -- a kind of role, never who
  board text COLLATE "C" NOT NULL,
  n     bigint NOT NULL,
  PRIMARY KEY (day, role, board)
);

-- The numbers of a day are read along this, not along those of all days.
CREATE INDEX counter_day ON counter (day);

-- +goose Down
DROP INDEX counter_day;
DROP TABLE board_use, retrievable, counter_check, figure_statement;
