-- Where records go from the hub and how their delivery stands.

-- +goose Up

-- Reference: small, the same on every node.

CREATE TABLE exchange (
  one        integer PRIMARY KEY CHECK (one = 1),
  epoch      bigint NOT NULL, -- moves with every change of destinations
  generation uuid NOT NULL    -- names the order of changes of legs: another one after a restore
);
INSERT INTO exchange (one, epoch, generation) VALUES (1, 0, gen_random_uuid());

CREATE TABLE destination (
  id         text COLLATE "C" PRIMARY KEY,
  adapter    text COLLATE "C" NOT NULL,
  name_vi    text COLLATE "C" NOT NULL,
  name_en    text COLLATE "C" NOT NULL,
  url        text COLLATE "C" NOT NULL,
  private    boolean NOT NULL,
  options    text COLLATE "C" NOT NULL, -- JSON object, empty without
  purpose    text COLLATE "C" NOT NULL,
  closed     boolean NOT NULL,
  per_second text COLLATE "C" NOT NULL, -- a number
  parallel   integer NOT NULL,
  since      bigint NOT NULL,
  paused     bigint NOT NULL,
  ended      bigint NOT NULL
);

CREATE TABLE route (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  destination text COLLATE "C" NOT NULL,
  facility    text COLLATE "C" NOT NULL, -- empty: all
  kind        text COLLATE "C" NOT NULL, -- empty: all
  mode        text COLLATE "C" NOT NULL,
  since       bigint NOT NULL,
  until       bigint NOT NULL
);
CREATE INDEX route_holds ON route (destination, facility, kind) WHERE until = 0;

-- By destination: what was delivered in each minute of the last day.

CREATE TABLE leg_sent (
  destination text COLLATE "C" NOT NULL,
  minute      bigint NOT NULL, -- its first microsecond
  n           bigint NOT NULL,
  PRIMARY KEY (destination, minute)
) WITH (fillfactor = 50);

-- By facility.

CREATE TABLE secret (
  facility    text COLLATE "C" NOT NULL, -- empty: the hub's own
  destination text COLLATE "C" NOT NULL,
  sealed      bytea NOT NULL,
  since       bigint NOT NULL,
  PRIMARY KEY (facility, destination)
);

CREATE TABLE leg_seq ( -- the number given last to a change of a leg: locked after the legs, until the commit
  facility text COLLATE "C" PRIMARY KEY,
  seq      bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE leg (
  facility         text COLLATE "C" NOT NULL,
  serial           uuid NOT NULL,
  destination      text COLLATE "C" NOT NULL,
  facility_version bigint NOT NULL, -- the record's; so are the following to withdraws
  kind             text COLLATE "C" NOT NULL,
  episode          bytea NOT NULL,
  file             bytea NOT NULL,
  ord              bigint NOT NULL,  -- received, then version: the order of versions
  version          integer NOT NULL, -- of a withdrawal the greatest
  withdraws        uuid NOT NULL,
  lane             smallint NOT NULL,
  state            text COLLATE "C" NOT NULL,
  due              bigint NOT NULL,
  free             bigint NOT NULL, -- when it may be claimed: due, or the end of its lease, or when to look again for an older leg
  lease            bigint NOT NULL, -- end of the claim not settled yet
  holder           text COLLATE "C" NOT NULL, -- of the lease
  attempts         integer NOT NULL,
  code             text COLLATE "C" NOT NULL,
  reference        text COLLATE "C" NOT NULL,
  created          bigint NOT NULL,
  sent             bigint NOT NULL,
  received         bigint NOT NULL,
  finalized        bigint NOT NULL,
  opened           bigint NOT NULL,
  changed          bigint NOT NULL,
  seq              bigint NOT NULL, -- of its last change, by facility in the order of commits
  PRIMARY KEY (facility, serial, destination)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
-- Waiting legs only: what is done costs nothing at a claim.
CREATE INDEX leg_due ON leg (destination, lane, free) INCLUDE (lease, created) WHERE state = 'waiting';
CREATE INDEX leg_episode ON leg (episode, destination) WHERE state = 'waiting';
CREATE INDEX leg_file ON leg (file, destination) WHERE state = 'waiting';
CREATE INDEX leg_stuck ON leg (destination, state, created) WHERE state IN ('held', 'parked');
CREATE INDEX leg_created ON leg (created, facility, serial);
-- All rows. The conditions keep a planner without statistics from taking these
-- for the primary key: only what is asked with them is read by them.
CREATE INDEX leg_facility ON leg (facility, created, serial) WHERE created > 0;
CREATE INDEX leg_changed ON leg (facility, seq) WHERE seq > 0;

-- What made a file, as its sender says; empty: unknown.
ALTER TABLE file ADD COLUMN software text COLLATE "C" NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE file DROP COLUMN software;
DROP TABLE leg, leg_seq, secret, leg_sent, route, destination, exchange;
