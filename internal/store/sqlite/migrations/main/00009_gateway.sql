-- +goose Up
-- Accounts of the drop-in gateway, the sessions of their tokens (hashes only)
-- and logins that failed. Times are microseconds since 1970 in UTC.
CREATE TABLE gateway_account (
  user     TEXT NOT NULL PRIMARY KEY,
  facility TEXT NOT NULL,
  hash     TEXT NOT NULL, -- slow, with its parameters
  roaming  INTEGER NOT NULL,
  since    INTEGER NOT NULL,
  revoked  INTEGER NOT NULL -- 0: in use
) STRICT, WITHOUT ROWID;

CREATE TABLE gateway_session (
  token    BLOB NOT NULL PRIMARY KEY,
  id       BLOB NOT NULL,
  bound    BLOB NOT NULL,
  facility TEXT NOT NULL,
  user     TEXT NOT NULL,
  address  TEXT NOT NULL,
  expires  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX gateway_session_expires ON gateway_session (expires);
CREATE INDEX gateway_session_user ON gateway_session (user);

CREATE TABLE gateway_failure (
  who  TEXT NOT NULL PRIMARY KEY, -- a hash, of a name or address
  n    INTEGER NOT NULL,
  last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX gateway_failure_last ON gateway_failure (last);

CREATE TABLE gateway_pair (
  who TEXT NOT NULL PRIMARY KEY, -- a hash, of a name and an address it was let in from
  at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX gateway_pair_at ON gateway_pair (at);

-- +goose Down
DROP TABLE gateway_pair;
DROP TABLE gateway_failure;
DROP TABLE gateway_session;
DROP TABLE gateway_account;
