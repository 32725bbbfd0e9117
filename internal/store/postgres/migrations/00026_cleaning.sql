-- +goose Up
-- What jobs of nights did, and what cleaning proposes. Times are microseconds since
-- 1970 in UTC, 0 where there is none; a day is yyyyMMdd in Hanoi.

CREATE TABLE night_run (
  day     bigint NOT NULL,
  job     text COLLATE "C" NOT NULL,
  state   text COLLATE "C" NOT NULL,
  tries   bigint NOT NULL,
  started bigint NOT NULL,
  ended   bigint NOT NULL,
  seen    bigint NOT NULL,
  changed bigint NOT NULL,
  unequal bigint NOT NULL,
  note    text COLLATE "C" NOT NULL,
  code    text COLLATE "C" NOT NULL, -- of a fault
  PRIMARY KEY (day, job)
);

CREATE TABLE proposal (
  id       text COLLATE "C" PRIMARY KEY, -- digest of what it is about
  database text COLLATE "C" NOT NULL,
  detector text COLLATE "C" NOT NULL,
  kind     text COLLATE "C" NOT NULL,
  state    text COLLATE "C" NOT NULL,
  version  bigint NOT NULL,
  facts    bytea NOT NULL,    -- digest of what it rests on
  night    bigint NOT NULL, -- it was found last
  entries  bytea NOT NULL,    -- ids of 16 bytes
  at       bigint NOT NULL,
  changed  bigint NOT NULL,
  actor    text COLLATE "C" NOT NULL,
  reason   text COLLATE "C" NOT NULL,
  body     text COLLATE "C" NOT NULL,    -- JSON, no value of a sealed field
  undo     text COLLATE "C" NOT NULL
);
CREATE INDEX proposal_state ON proposal (database, detector, state, id);

CREATE TABLE proposal_entry (
  database text COLLATE "C" NOT NULL,
  entry    bytea NOT NULL,
  proposal text COLLATE "C" NOT NULL,
  PRIMARY KEY (database, entry, proposal)
);

CREATE TABLE proposal_step (
  proposal text COLLATE "C" NOT NULL,
  n        bigint NOT NULL,
  at       bigint NOT NULL,
  state    text COLLATE "C" NOT NULL,
  actor    text COLLATE "C" NOT NULL,
  reason   text COLLATE "C" NOT NULL,
  PRIMARY KEY (proposal, n)
);

-- +goose Down
DROP TABLE proposal_step, proposal_entry, proposal, night_run;
