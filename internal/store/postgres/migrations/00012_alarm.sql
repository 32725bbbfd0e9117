-- What an operator looks after: alarms, how they are set, on which days
-- facilities send, and whose software is whose. Times are microseconds since 1970
-- in UTC, 0 where there is none.

-- +goose Up

-- Of the hub: small, the same on every node.

CREATE TABLE alarm (
  cause  text COLLATE "C" PRIMARY KEY,
  state  text COLLATE "C" NOT NULL,
  detail text COLLATE "C" NOT NULL, -- JSON: numbers and limits
  opened bigint NOT NULL,
  seen   bigint NOT NULL,
  closed bigint NOT NULL,
  told   bigint NOT NULL,
  owner  text COLLATE "C" NOT NULL,
  note   text COLLATE "C" NOT NULL
);
CREATE INDEX alarm_closed ON alarm (closed);

CREATE TABLE alarm_setting (
  id      smallint PRIMARY KEY CHECK (id = 1),
  setting text COLLATE "C" NOT NULL -- JSON; no secrets
);

CREATE TABLE vendor (
  id    text COLLATE "C" PRIMARY KEY,
  name  text COLLATE "C" NOT NULL,
  since bigint NOT NULL
);

-- By facility.

CREATE TABLE sending (
  facility text COLLATE "C" NOT NULL,
  day      integer NOT NULL,
  hours    bigint NOT NULL, -- bit h: in the hour from h o'clock
  PRIMARY KEY (facility, day)
);

-- Rejects of some days are read along this, not along all that came.
CREATE INDEX record_rejected ON record (received) WHERE state = 'rejected';

-- +goose Down
DROP INDEX record_rejected;
DROP TABLE alarm, alarm_setting, vendor, sending;
