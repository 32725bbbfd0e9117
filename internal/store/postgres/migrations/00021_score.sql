-- What the data are worth (doc/design/quality.md). Marks are two bits for each
-- check of a sheet, after four bytes that name the sheet; a vector is how often each
-- check applied and failed. Times are microseconds since 1970 in UTC.

-- +goose Up
ALTER TABLE record ADD COLUMN marks bytea NOT NULL DEFAULT '';

CREATE TABLE score_sheet (
  subject text COLLATE "C" NOT NULL, -- a kind of dossier, or db: and a database
  sheet   bytea NOT NULL,            -- first four bytes of the SHA-256 of body
  body    text COLLATE "C" NOT NULL, -- JSON
  since   bigint NOT NULL,
  actor   text COLLATE "C" NOT NULL, -- '' for one that came with the program
  PRIMARY KEY (subject, sheet)
);

-- Appended with every commit, added up into score by the fold.
CREATE TABLE score_delta (
  facility_version bigint NOT NULL,
  day              integer NOT NULL,
  subject          text COLLATE "C" NOT NULL,
  sheet            bytea NOT NULL,
  vector           bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- scale: 'd' facility versions by day, 'm' by month (yyyymm00); of a day: 'p'
-- provinces, 'v' vendors, 'l' levels, 'u' units, 'a' all together.
CREATE TABLE score (
  scale   text COLLATE "C" NOT NULL,
  member  text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  day     integer NOT NULL,
  sheet   bytea NOT NULL,
  vector  bytea NOT NULL,
  changed bigint NOT NULL,
  PRIMARY KEY (member, scale, subject, day, sheet)
) WITH (fillfactor = 80);
CREATE INDEX score_day ON score (scale, day);

-- What counting a day again gave.
CREATE TABLE score_recount (
  day       integer PRIMARY KEY,
  at        bigint NOT NULL,
  seen      bigint NOT NULL,
  unequal   bigint NOT NULL,
  sampled   bigint NOT NULL,
  differing bigint NOT NULL
);

-- +goose Down
DROP TABLE score_recount;
DROP TABLE score;
DROP TABLE score_delta;
DROP TABLE score_sheet;
ALTER TABLE record DROP COLUMN marks;
