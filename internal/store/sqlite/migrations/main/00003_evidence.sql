-- +goose Up
-- Approved services outside, time-stamps of checkpoints, what is known of
-- signers' certificates, and what was learned later about seals. Times are
-- microseconds since 1970 in UTC, 0 where there is none.

CREATE TABLE service (
  kind    TEXT NOT NULL,
  url     TEXT NOT NULL,
  hash    BLOB NOT NULL, -- SHA-256 of der
  der     BLOB NOT NULL, -- certificates, end to end
  private INTEGER NOT NULL,
  since   INTEGER NOT NULL,
  ended   INTEGER NOT NULL,
  PRIMARY KEY (kind, url, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE stamp (
  log       INTEGER NOT NULL,
  size      INTEGER NOT NULL,
  hash      BLOB NOT NULL, -- SHA-256 of token, empty without one
  state     TEXT NOT NULL,
  authority TEXT NOT NULL,
  at        INTEGER NOT NULL,
  gen_time  INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  attempts  INTEGER NOT NULL,
  code      TEXT NOT NULL,
  token     BLOB NOT NULL,
  PRIMARY KEY (log, size, hash)
) STRICT;
CREATE INDEX stamp_late ON stamp (log) WHERE state = 'late';

CREATE TABLE signer (
  fingerprint BLOB PRIMARY KEY,
  der         BLOB NOT NULL,
  seen        INTEGER NOT NULL,
  ask         INTEGER NOT NULL, -- when to ask next, 0: not any more
  failures    INTEGER NOT NULL,
  code        TEXT NOT NULL
) STRICT;
CREATE INDEX signer_ask ON signer (ask) WHERE ask > 0;

CREATE TABLE revocation (
  fingerprint BLOB NOT NULL,
  at          INTEGER NOT NULL,
  state       TEXT NOT NULL,
  since       INTEGER NOT NULL,
  invalid     INTEGER NOT NULL,
  reason      INTEGER NOT NULL,
  this_update INTEGER NOT NULL,
  next_update INTEGER NOT NULL,
  kind        TEXT NOT NULL,
  source      TEXT NOT NULL,
  answer      BLOB NOT NULL, -- hash of revocation_answer
  PRIMARY KEY (fingerprint, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX revocation_by_answer ON revocation (answer);

-- An issuer's list answers for many certificates: its bytes are kept once.
CREATE TABLE revocation_answer (
  hash BLOB PRIMARY KEY, -- SHA-256
  data BLOB NOT NULL
) STRICT;

CREATE TABLE annotation (
  facility    TEXT NOT NULL,
  serial      BLOB NOT NULL,
  what        TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  at          INTEGER NOT NULL,
  since       INTEGER NOT NULL,
  source      TEXT NOT NULL,
  PRIMARY KEY (facility, serial, what, fingerprint)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE annotation;
DROP TABLE revocation_answer;
DROP TABLE revocation;
DROP TABLE signer;
DROP TABLE stamp;
DROP TABLE service;
