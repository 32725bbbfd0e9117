-- +goose Up
-- What the data are worth (doc/design/quality.md). Marks are two bits for each
-- check of a sheet, after four bytes that name the sheet; a vector is how often each
-- check applied and failed. Times are microseconds since 1970 in UTC.
ALTER TABLE record ADD COLUMN marks BLOB;

CREATE TABLE score_sheet (
  subject TEXT NOT NULL, -- a kind of dossier, or db: and a database
  sheet   BLOB NOT NULL, -- first four bytes of the SHA-256 of body
  body    TEXT NOT NULL, -- JSON
  since   INTEGER NOT NULL,
  actor   TEXT NOT NULL, -- '' for one that came with the program
  PRIMARY KEY (subject, sheet)
) STRICT, WITHOUT ROWID;

-- Appended with every commit, added up into score by the fold.
CREATE TABLE score_delta (
  id               INTEGER PRIMARY KEY,
  facility_version INTEGER NOT NULL,
  day              INTEGER NOT NULL,
  subject          TEXT NOT NULL,
  sheet            BLOB NOT NULL,
  vector           BLOB NOT NULL
) STRICT;

-- scale: 'd' facility versions by day, 'm' by month (yyyymm00); of a day: 'p'
-- provinces, 'v' vendors, 'l' levels, 'u' units, 'a' all together.
CREATE TABLE score (
  scale   TEXT NOT NULL,
  member  TEXT NOT NULL,
  subject TEXT NOT NULL,
  day     INTEGER NOT NULL,
  sheet   BLOB NOT NULL,
  vector  BLOB NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY (member, scale, subject, day, sheet)
) STRICT, WITHOUT ROWID;
CREATE INDEX score_day ON score (scale, day);

-- What counting a day again gave.
CREATE TABLE score_recount (
  day       INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  seen      INTEGER NOT NULL,
  unequal   INTEGER NOT NULL,
  sampled   INTEGER NOT NULL,
  differing INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE score_recount;
DROP TABLE score;
DROP TABLE score_delta;
DROP TABLE score_sheet;
ALTER TABLE record DROP COLUMN marks;
