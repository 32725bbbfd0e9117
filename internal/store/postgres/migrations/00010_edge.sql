-- Invites and who they let in, the sequences of senders, the order of a
-- facility's records, and how days compared.

-- +goose Up

-- By hash of the code.

CREATE TABLE invite (
  hash     bytea PRIMARY KEY,
  facility text COLLATE "C" NOT NULL,
  inviter  text COLLATE "C" NOT NULL,
  since    bigint NOT NULL,
  expires  bigint NOT NULL,
  used     bigint NOT NULL,
  key      bytea NOT NULL, -- SHA-256 of the public key it was used with
  client   text COLLATE "C" NOT NULL
);
CREATE INDEX invite_since ON invite (since);

-- Reference: small, the same on every node.

CREATE TABLE applicant (
  id         text COLLATE "C" PRIMARY KEY, -- of the client to be
  facility   text COLLATE "C" NOT NULL,
  key_id     text COLLATE "C" NOT NULL,
  public_key bytea NOT NULL,
  since      bigint NOT NULL,
  inviter    text COLLATE "C" NOT NULL,
  software   text COLLATE "C" NOT NULL
);

CREATE TABLE enrolment (
  one    integer PRIMARY KEY CHECK (one = 1),
  second boolean NOT NULL -- a second person approves
);
INSERT INTO enrolment (one, second) VALUES (1, false);

-- By client.

CREATE TABLE sender (
  client text COLLATE "C" PRIMARY KEY,
  n      bigint NOT NULL,
  prev   text COLLATE "C" NOT NULL,
  token  text COLLATE "C" NOT NULL,
  at     bigint NOT NULL,
  forked bigint NOT NULL -- last seen
) WITH (fillfactor = 70);
CREATE INDEX sender_forked ON sender (forked) WHERE forked > 0;

-- By facility.

-- The order of its records: a log's leaves are in the order of commits.
CREATE INDEX entry_feed ON entry (facility, log, idx);

CREATE TABLE manifest (
  facility text COLLATE "C" NOT NULL,
  day      integer NOT NULL,
  at       bigint NOT NULL,
  sender   text COLLATE "C" NOT NULL,
  equal    boolean NOT NULL,
  sent     integer NOT NULL,
  accepted integer NOT NULL,
  rejected integer NOT NULL,
  erased   integer NOT NULL,
  missing  integer NOT NULL,
  extra    integer NOT NULL,
  PRIMARY KEY (facility, day)
);
CREATE INDEX manifest_day ON manifest (day);

-- +goose Down
DROP TABLE manifest, sender, enrolment, applicant, invite;
DROP INDEX entry_feed;
