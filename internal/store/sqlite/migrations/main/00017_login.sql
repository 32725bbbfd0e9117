-- +goose Up
-- On which devices people logged in, and under which name a provider of
-- identities knows a person. Times are microseconds since 1970 in UTC.
CREATE TABLE login_device (
  owner  BLOB NOT NULL, -- 'S' and a member of staff, or 'P' and a person
  device BLOB NOT NULL, -- SHA-256 of a random number in a cookie
  first  INTEGER NOT NULL,
  last   INTEGER NOT NULL,
  PRIMARY KEY (owner, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE eid_address (
  person BLOB PRIMARY KEY,
  sealed BLOB NOT NULL -- by the vault
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE eid_address;
DROP TABLE login_device;
