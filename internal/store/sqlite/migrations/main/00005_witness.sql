-- +goose Up
-- Logs of other hubs that this one witnesses, alarms about logs, and the nodes
-- that cosign this hub's checkpoints. Times are microseconds since 1970 in UTC,
-- 0 where there is none.

CREATE TABLE watched_log (
  origin     TEXT NOT NULL,
  key        TEXT NOT NULL, -- verifier line
  size       INTEGER NOT NULL,
  checkpoint BLOB NOT NULL,
  at         INTEGER NOT NULL,
  since      INTEGER NOT NULL,
  ended      INTEGER NOT NULL,
  PRIMARY KEY (origin, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_alarm (
  origin TEXT NOT NULL,
  hash   BLOB NOT NULL, -- SHA-256 of kind and what was seen
  kind   TEXT NOT NULL,
  at     INTEGER NOT NULL,
  sender TEXT NOT NULL,
  known  BLOB NOT NULL,
  seen   BLOB NOT NULL,
  PRIMARY KEY (origin, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE witness_peer (
  key     TEXT PRIMARY KEY, -- verifier line
  url     TEXT NOT NULL,
  private INTEGER NOT NULL,
  since   INTEGER NOT NULL,
  ended   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cosignature (
  log      INTEGER NOT NULL,
  key      TEXT NOT NULL,
  size     INTEGER NOT NULL, -- cosigned last, 0 none
  at       INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  code     TEXT NOT NULL,
  line     TEXT NOT NULL,
  PRIMARY KEY (log, key)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE cosignature;
DROP TABLE witness_peer;
DROP TABLE log_alarm;
DROP TABLE watched_log;
