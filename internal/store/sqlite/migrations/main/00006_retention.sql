-- +goose Up
-- What is kept of a record that was erased. Times are microseconds since 1970 in UTC.
CREATE TABLE tombstone (
  facility TEXT NOT NULL,
  serial   BLOB NOT NULL,
  at       INTEGER NOT NULL,
  reason   TEXT NOT NULL, -- retention, court_order, subject_request, mistake
  number   TEXT NOT NULL, -- of the decision
  actor    TEXT NOT NULL,
  PRIMARY KEY (facility, serial)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE tombstone;
