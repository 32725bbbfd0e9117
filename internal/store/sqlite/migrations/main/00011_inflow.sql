-- +goose Up
-- Credentials of organisations that are no facility and carry files for some,
-- and what comes in from destinations: how far each was read, and how its days
-- compared with the hub's. Times are microseconds since 1970 in UTC.

ALTER TABLE client ADD COLUMN unit TEXT NOT NULL DEFAULT ''; -- whose it is where facility is ''

CREATE TABLE inflow (
  facility    TEXT NOT NULL, -- '' of the hub as a whole
  destination TEXT NOT NULL,
  cursor      TEXT NOT NULL, -- the other side's own
  at          INTEGER NOT NULL,
  code        TEXT NOT NULL, -- why the last round ended, '' when all was read
  taken       INTEGER NOT NULL, -- files taken in
  refused     INTEGER NOT NULL,
  PRIMARY KEY (facility, destination)
) STRICT, WITHOUT ROWID;

CREATE TABLE mirror (
  facility    TEXT NOT NULL,
  day         INTEGER NOT NULL,
  destination TEXT NOT NULL,
  at          INTEGER NOT NULL,
  here        INTEGER NOT NULL,
  there       INTEGER NOT NULL,
  equal       INTEGER NOT NULL, -- how many are at both
  only_here   TEXT NOT NULL, -- JSON: the first of them
  only_there  TEXT NOT NULL,
  PRIMARY KEY (facility, day, destination)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE mirror;
DROP TABLE inflow;
ALTER TABLE client DROP COLUMN unit;
