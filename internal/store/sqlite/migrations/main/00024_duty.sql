-- +goose Up
-- What units and facilities have to do, by a day.
CREATE TABLE duty_number (
  year INTEGER NOT NULL PRIMARY KEY,
  n    INTEGER NOT NULL
) STRICT;

CREATE TABLE duty_task (
  id         TEXT NOT NULL PRIMARY KEY,
  version    INTEGER NOT NULL,
  owner      TEXT NOT NULL, -- "unit:ID" or "facility:CODE"
  db         TEXT NOT NULL, -- the database it is about, "" none
  source     TEXT NOT NULL,
  ref        TEXT NOT NULL,
  state      TEXT NOT NULL,
  open       INTEGER NOT NULL, -- 1 while somebody has to do something
  due        INTEGER NOT NULL, -- yyyyMMdd in Hanoi
  blocked_by TEXT NOT NULL,
  opened     INTEGER NOT NULL,
  closed     INTEGER NOT NULL,
  reminded   INTEGER NOT NULL,
  said       TEXT NOT NULL -- JSON: the rest of it
) STRICT, WITHOUT ROWID;
CREATE INDEX duty_task_due ON duty_task (open, due, id);
CREATE INDEX duty_task_owner ON duty_task (owner, open, due, id, state, db);
CREATE INDEX duty_task_db ON duty_task (db, open, due, id) WHERE db <> '';
CREATE INDEX duty_task_ref ON duty_task (source, ref, open, due, id);
CREATE INDEX duty_task_blocked ON duty_task (blocked_by, due, id) WHERE blocked_by <> '';
CREATE INDEX duty_task_closed ON duty_task (closed, id) WHERE closed > 0;

-- Which task stands for what is wrong.
CREATE TABLE duty_debt (
  debt TEXT NOT NULL PRIMARY KEY,
  task TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE duty_step (
  task  TEXT NOT NULL,
  n     INTEGER NOT NULL, -- the version of the task it made
  at    INTEGER NOT NULL,
  actor TEXT NOT NULL,
  what  TEXT NOT NULL,
  said  TEXT NOT NULL, -- JSON
  PRIMARY KEY (task, n)
) STRICT, WITHOUT ROWID;

-- Units, their roles, programmes, settings: every version.
CREATE TABLE duty_item (
  sort    TEXT NOT NULL,
  id      TEXT NOT NULL,
  version INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  actor   TEXT NOT NULL,
  said    TEXT NOT NULL, -- JSON
  PRIMARY KEY (sort, id, version)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE duty_item;
DROP TABLE duty_step;
DROP TABLE duty_debt;
DROP TABLE duty_task;
DROP TABLE duty_number;
