-- What units and facilities have to do, by a day.

-- +goose Up
CREATE TABLE duty_number (
  year integer NOT NULL PRIMARY KEY,
  n    bigint NOT NULL
);

CREATE TABLE duty_task (
  id         text COLLATE "C" NOT NULL PRIMARY KEY,
  version    integer NOT NULL,
  owner      text COLLATE "C" NOT NULL, -- "unit:ID" or "facility:CODE"
  db         text COLLATE "C" NOT NULL, -- the database it is about, '' none
  source     text COLLATE "C" NOT NULL,
  ref        text COLLATE "C" NOT NULL,
  state      text COLLATE "C" NOT NULL,
  open       smallint NOT NULL, -- 1 while somebody has to do something
  due        integer NOT NULL, -- yyyyMMdd in Hanoi
  blocked_by text COLLATE "C" NOT NULL,
  opened     bigint NOT NULL,
  closed     bigint NOT NULL,
  reminded   bigint NOT NULL,
  said       text COLLATE "C" NOT NULL -- JSON: the rest of it
);
CREATE INDEX duty_task_due ON duty_task (open, due, id);
CREATE INDEX duty_task_owner ON duty_task (owner, open, due, id, state, db);
CREATE INDEX duty_task_db ON duty_task (db, open, due, id) WHERE db <> '';
CREATE INDEX duty_task_ref ON duty_task (source, ref, open, due, id);
CREATE INDEX duty_task_blocked ON duty_task (blocked_by, due, id) WHERE blocked_by <> '';
CREATE INDEX duty_task_closed ON duty_task (closed, id) WHERE closed > 0;

-- Which task stands for what is wrong.
CREATE TABLE duty_debt (
  debt text COLLATE "C" NOT NULL PRIMARY KEY,
  task text COLLATE "C" NOT NULL
);

CREATE TABLE duty_step (
  task  text COLLATE "C" NOT NULL,
  n     integer NOT NULL, -- the version of the task it made
  at    bigint NOT NULL,
  actor text COLLATE "C" NOT NULL,
  what  text COLLATE "C" NOT NULL,
  said  text COLLATE "C" NOT NULL, -- JSON
  PRIMARY KEY (task, n)
);

-- Units, their roles, programmes, settings: every version.
CREATE TABLE duty_item (
  sort    text COLLATE "C" NOT NULL,
  id      text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  at      bigint NOT NULL,
  actor   text COLLATE "C" NOT NULL,
  said    text COLLATE "C" NOT NULL, -- JSON
  PRIMARY KEY (sort, id, version)
);

-- +goose Down
DROP TABLE duty_item;
DROP TABLE duty_step;
DROP TABLE duty_debt;
DROP TABLE duty_task;
DROP TABLE duty_number;
