-- Accounts of the drop-in gateway, the sessions of their tokens (hashes only)
-- and logins that failed. Times are microseconds since 1970 in UTC.

-- +goose Up

-- By user.

CREATE TABLE gateway_account (
  name     text COLLATE "C" PRIMARY KEY,
  facility text COLLATE "C" NOT NULL,
  hash     text COLLATE "C" NOT NULL, -- slow, with its parameters
  roaming  boolean NOT NULL,
  since    bigint NOT NULL,
  revoked  bigint NOT NULL -- 0: in use
);

-- By token.

CREATE TABLE gateway_session (
  token    bytea PRIMARY KEY,
  id       bytea NOT NULL,
  bound    bytea NOT NULL,
  facility text COLLATE "C" NOT NULL,
  name     text COLLATE "C" NOT NULL,
  address  text COLLATE "C" NOT NULL,
  expires  bigint NOT NULL
);
CREATE INDEX ON gateway_session (expires);
CREATE INDEX ON gateway_session (name);

-- By name or address.

CREATE TABLE gateway_failure (
  who  text COLLATE "C" PRIMARY KEY, -- a hash, of a name or address
  n    bigint NOT NULL,
  last bigint NOT NULL
);
CREATE INDEX ON gateway_failure (last);

CREATE TABLE gateway_pair (
  who text COLLATE "C" PRIMARY KEY, -- a hash, of a name and an address it was let in from
  at  bigint NOT NULL
);
CREATE INDEX ON gateway_pair (at);

-- +goose Down
DROP TABLE gateway_pair, gateway_failure, gateway_session, gateway_account;
