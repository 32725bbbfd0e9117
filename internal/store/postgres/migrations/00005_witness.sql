-- Logs of other hubs that this one witnesses, alarms about logs, and the nodes
-- that cosign this hub's checkpoints.

-- +goose Up

-- By origin of a log.

CREATE TABLE watched_log (
  origin     text COLLATE "C" NOT NULL,
  key        text COLLATE "C" NOT NULL, -- verifier line
  size       bigint NOT NULL,
  checkpoint bytea NOT NULL,
  at         bigint NOT NULL,
  since      bigint NOT NULL,
  ended      bigint NOT NULL,
  PRIMARY KEY (origin, key)
);

CREATE TABLE log_alarm (
  origin text COLLATE "C" NOT NULL,
  hash   bytea NOT NULL, -- SHA-256 of kind and what was seen
  kind   text COLLATE "C" NOT NULL,
  at     bigint NOT NULL,
  sender text COLLATE "C" NOT NULL,
  known  bytea NOT NULL,
  seen   bytea NOT NULL,
  PRIMARY KEY (origin, hash)
);

-- Reference: small, the same on every node.

CREATE TABLE witness_peer (
  key     text COLLATE "C" PRIMARY KEY, -- verifier line
  url     text COLLATE "C" NOT NULL,
  private boolean NOT NULL,
  since   bigint NOT NULL,
  ended   bigint NOT NULL
);

-- By log.

CREATE TABLE cosignature (
  log      integer NOT NULL,
  key      text COLLATE "C" NOT NULL,
  size     bigint NOT NULL, -- cosigned last, 0 none
  at       bigint NOT NULL,
  failures integer NOT NULL,
  code     text COLLATE "C" NOT NULL,
  line     text COLLATE "C" NOT NULL,
  PRIMARY KEY (log, key)
);

-- +goose Down
DROP TABLE cosignature, witness_peer, log_alarm, watched_log;
