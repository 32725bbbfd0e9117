-- Credentials of organisations that are no facility and carry files for some,
-- and what comes in from destinations: how far each was read, and how its days
-- compared with the hub's.

-- +goose Up

-- Reference: small, the same on every node.

ALTER TABLE client ADD COLUMN unit text COLLATE "C" NOT NULL DEFAULT ''; -- whose it is where facility is ''

-- By facility.

CREATE TABLE inflow (
  facility    text COLLATE "C" NOT NULL,
  destination text COLLATE "C" NOT NULL,
  cursor      text COLLATE "C" NOT NULL, -- the other side's own
  at          bigint NOT NULL,
  code        text COLLATE "C" NOT NULL, -- why the last round ended, '' when all was read
  taken       bigint NOT NULL, -- files taken in
  refused     bigint NOT NULL,
  PRIMARY KEY (facility, destination)
);

CREATE TABLE mirror (
  facility    text COLLATE "C" NOT NULL,
  day         integer NOT NULL,
  destination text COLLATE "C" NOT NULL,
  at          bigint NOT NULL,
  here        integer NOT NULL,
  there       integer NOT NULL,
  equal       integer NOT NULL, -- how many are at both
  only_here   text COLLATE "C" NOT NULL, -- JSON: the first of them
  only_there  text COLLATE "C" NOT NULL,
  PRIMARY KEY (facility, day, destination)
);

-- +goose Down
DROP TABLE mirror, inflow;
ALTER TABLE client DROP COLUMN unit;
