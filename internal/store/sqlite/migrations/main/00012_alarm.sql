-- +goose Up
-- What an operator looks after: alarms, how they are set, on which days
-- facilities send, and whose software is whose. Times are microseconds since 1970
-- in UTC, 0 where there is none.

CREATE TABLE alarm (
  cause  TEXT PRIMARY KEY,
  state  TEXT NOT NULL,
  detail TEXT NOT NULL, -- JSON: numbers and limits
  opened INTEGER NOT NULL,
  seen   INTEGER NOT NULL,
  closed INTEGER NOT NULL,
  told   INTEGER NOT NULL,
  owner  TEXT NOT NULL,
  note   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX alarm_closed ON alarm (closed);

CREATE TABLE alarm_setting (
  id      INTEGER PRIMARY KEY CHECK (id = 1),
  setting TEXT NOT NULL -- JSON; no secrets
) STRICT;

CREATE TABLE sending (
  facility TEXT NOT NULL,
  day      INTEGER NOT NULL,
  hours    INTEGER NOT NULL, -- bit h: in the hour from h o'clock
  PRIMARY KEY (facility, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE vendor (
  id    TEXT PRIMARY KEY,
  name  TEXT NOT NULL,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Rejects of some days are read along this, not along all that came.
CREATE INDEX record_rejected ON record (received) WHERE state = 'rejected';

-- +goose Down
DROP INDEX record_rejected;
DROP TABLE vendor;
DROP TABLE sending;
DROP TABLE alarm_setting;
DROP TABLE alarm;
