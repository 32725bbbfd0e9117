-- +goose Up
-- Invites and who they let in, the sequences of senders, the order of a
-- facility's records, and how days compared. Times are microseconds since 1970
-- in UTC, 0 where there is none.

CREATE TABLE invite (
  hash     BLOB PRIMARY KEY, -- SHA-256 of the code
  facility TEXT NOT NULL,
  inviter  TEXT NOT NULL,
  since    INTEGER NOT NULL,
  expires  INTEGER NOT NULL,
  used     INTEGER NOT NULL,
  key      BLOB NOT NULL, -- SHA-256 of the public key it was used with
  client   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX invite_since ON invite (since);

CREATE TABLE applicant (
  id         TEXT PRIMARY KEY, -- of the client to be
  facility   TEXT NOT NULL,
  key_id     TEXT NOT NULL,
  public_key BLOB NOT NULL,
  since      INTEGER NOT NULL,
  inviter    TEXT NOT NULL,
  software   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE enrolment (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  second INTEGER NOT NULL -- 1: a second person approves
) STRICT;
INSERT INTO enrolment (id, second) VALUES (1, 0);

CREATE TABLE sender (
  client TEXT PRIMARY KEY,
  n      INTEGER NOT NULL,
  prev   TEXT NOT NULL,
  token  TEXT NOT NULL,
  at     INTEGER NOT NULL,
  forked INTEGER NOT NULL -- last seen
) STRICT, WITHOUT ROWID;
CREATE INDEX sender_forked ON sender (forked) WHERE forked > 0;

-- The order of a facility's records: a log's leaves are in the order of commits.
CREATE INDEX record_feed ON record (facility, log, leaf);

CREATE TABLE manifest (
  facility TEXT NOT NULL,
  day      INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  sender   TEXT NOT NULL,
  equal    INTEGER NOT NULL,
  sent     INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  rejected INTEGER NOT NULL,
  erased   INTEGER NOT NULL,
  missing  INTEGER NOT NULL,
  extra    INTEGER NOT NULL,
  PRIMARY KEY (facility, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_day ON manifest (day);

-- +goose Down
DROP TABLE manifest;
DROP INDEX record_feed;
DROP TABLE sender;
DROP TABLE enrolment;
DROP TABLE applicant;
DROP TABLE invite;
