-- Approved services outside, time-stamps of checkpoints, what is known of
-- signers' certificates, and what was learned later about seals.

-- +goose Up

-- Reference: small, the same on every node.

CREATE TABLE service (
  kind    text COLLATE "C" NOT NULL,
  url     text COLLATE "C" NOT NULL,
  hash    bytea NOT NULL, -- SHA-256 of der
  der     bytea NOT NULL, -- certificates, end to end
  private boolean NOT NULL,
  since   bigint NOT NULL,
  ended   bigint NOT NULL,
  PRIMARY KEY (kind, url, hash)
);

-- By log.

CREATE TABLE stamp (
  log       integer NOT NULL,
  size      bigint NOT NULL,
  hash      bytea NOT NULL, -- SHA-256 of token, empty without one
  state     text COLLATE "C" NOT NULL,
  authority text COLLATE "C" NOT NULL,
  at        bigint NOT NULL,
  gen_time  bigint NOT NULL,
  not_after bigint NOT NULL,
  attempts  integer NOT NULL,
  code      text COLLATE "C" NOT NULL,
  token     bytea NOT NULL,
  PRIMARY KEY (log, size, hash)
);
CREATE INDEX stamp_late ON stamp (log) WHERE state = 'late';

-- By fingerprint of a certificate.

CREATE TABLE signer (
  fingerprint bytea PRIMARY KEY,
  der         bytea NOT NULL,
  seen        bigint NOT NULL,
  ask         bigint NOT NULL, -- when to ask next, 0: not any more
  failures    integer NOT NULL,
  code        text COLLATE "C" NOT NULL
);
CREATE INDEX signer_ask ON signer (ask) WHERE ask > 0;

CREATE TABLE revocation (
  fingerprint bytea NOT NULL,
  at          bigint NOT NULL,
  state       text COLLATE "C" NOT NULL,
  since       bigint NOT NULL,
  invalid     bigint NOT NULL,
  reason      integer NOT NULL,
  this_update bigint NOT NULL,
  next_update bigint NOT NULL,
  kind        text COLLATE "C" NOT NULL,
  source      text COLLATE "C" NOT NULL,
  answer      bytea NOT NULL, -- hash of revocation_answer
  PRIMARY KEY (fingerprint, at)
);
CREATE INDEX revocation_by_answer ON revocation (answer);

-- By hash: an issuer's list answers for many certificates, its bytes are kept once.

CREATE TABLE revocation_answer (
  hash bytea PRIMARY KEY,
  data bytea NOT NULL
);
ALTER TABLE revocation_answer ALTER COLUMN data SET STORAGE EXTERNAL;

-- By facility.

CREATE TABLE annotation (
  facility    text COLLATE "C" NOT NULL,
  serial      uuid NOT NULL,
  what        text COLLATE "C" NOT NULL,
  fingerprint bytea NOT NULL,
  at          bigint NOT NULL,
  since       bigint NOT NULL,
  source      text COLLATE "C" NOT NULL,
  PRIMARY KEY (facility, serial, what, fingerprint)
);

-- +goose Down
DROP TABLE annotation, revocation_answer, revocation, signer, stamp, service;
