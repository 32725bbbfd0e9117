-- On which devices people logged in, and under which name a provider of
-- identities knows a person. Times are microseconds since 1970 in UTC.

-- +goose Up
CREATE TABLE login_device (
  owner  bytea NOT NULL, -- 'S' and a member of staff, or 'P' and a person
  device bytea NOT NULL, -- SHA-256 of a random number in a cookie
  first  bigint NOT NULL,
  last   bigint NOT NULL,
  PRIMARY KEY (owner, device)
);

CREATE TABLE eid_address (
  person uuid PRIMARY KEY,
  sealed bytea NOT NULL -- by the vault
);

-- +goose Down
DROP TABLE eid_address, login_device;
