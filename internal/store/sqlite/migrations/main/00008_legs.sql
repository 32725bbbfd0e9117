-- +goose Up
-- Where records go from the hub and how their delivery stands. Times are
-- microseconds since 1970 in UTC, 0 where there is none.

-- One row: what moves with every change of destinations, the number given last
-- to a change of a leg, and the name of this order of changes, another one
-- after a restore.
CREATE TABLE exchange (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  epoch      INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  generation BLOB NOT NULL
) STRICT;
INSERT INTO exchange (id, epoch, seq, generation) VALUES (1, 0, 0, randomblob(8));

CREATE TABLE destination (
  id         TEXT PRIMARY KEY,
  adapter    TEXT NOT NULL,
  name_vi    TEXT NOT NULL,
  name_en    TEXT NOT NULL,
  url        TEXT NOT NULL,
  private    INTEGER NOT NULL,
  options    TEXT NOT NULL, -- JSON object, empty without
  purpose    TEXT NOT NULL,
  closed     INTEGER NOT NULL,
  per_second REAL NOT NULL,
  parallel   INTEGER NOT NULL,
  since      INTEGER NOT NULL,
  paused     INTEGER NOT NULL,
  ended      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE route (
  id          INTEGER PRIMARY KEY,
  destination TEXT NOT NULL,
  facility    TEXT NOT NULL, -- empty: all
  kind        TEXT NOT NULL, -- empty: all
  mode        TEXT NOT NULL,
  since       INTEGER NOT NULL,
  until       INTEGER NOT NULL -- 0: holds
) STRICT;
CREATE INDEX route_holds ON route (destination, facility, kind) WHERE until = 0;

CREATE TABLE secret (
  facility    TEXT NOT NULL, -- empty: the hub's own
  destination TEXT NOT NULL,
  sealed      BLOB NOT NULL,
  since       INTEGER NOT NULL,
  PRIMARY KEY (facility, destination)
) STRICT, WITHOUT ROWID;

-- What was delivered in each minute of the last day.
CREATE TABLE leg_sent (
  destination TEXT NOT NULL,
  minute      INTEGER NOT NULL, -- since 1970
  n           INTEGER NOT NULL,
  PRIMARY KEY (destination, minute)
) STRICT, WITHOUT ROWID;

CREATE TABLE leg (
  id               INTEGER PRIMARY KEY,
  facility         TEXT NOT NULL,
  serial           BLOB NOT NULL,
  destination      TEXT NOT NULL,
  facility_version INTEGER NOT NULL, -- the record's; so are the following to withdraws
  kind             TEXT NOT NULL,
  episode          BLOB NOT NULL,
  file             BLOB NOT NULL,
  ord              INTEGER NOT NULL, -- record.id: the order of versions
  withdraws        BLOB,
  lane             INTEGER NOT NULL,
  state            TEXT NOT NULL,
  due              INTEGER NOT NULL,
  free             INTEGER NOT NULL, -- when it may be claimed: due, or the end of its lease, or when to look again for an older leg
  lease            INTEGER NOT NULL, -- end of the claim not settled yet, 0 none
  holder           TEXT NOT NULL,    -- of the lease
  attempts         INTEGER NOT NULL,
  code             TEXT NOT NULL,
  reference        TEXT NOT NULL,
  created          INTEGER NOT NULL,
  sent             INTEGER NOT NULL,
  received         INTEGER NOT NULL,
  finalized        INTEGER NOT NULL,
  opened           INTEGER NOT NULL,
  changed          INTEGER NOT NULL,
  seq              INTEGER NOT NULL, -- of its last change, in the order of commits
  UNIQUE (facility, serial, destination)
) STRICT;
-- Waiting legs only: what is done costs nothing at a claim.
CREATE INDEX leg_due ON leg (destination, lane, free, lease, created) WHERE state = 'waiting';
CREATE INDEX leg_episode ON leg (facility, episode, destination) WHERE state = 'waiting';
CREATE INDEX leg_file ON leg (facility, file, destination) WHERE state = 'waiting';
CREATE INDEX leg_stuck ON leg (destination, state, created) WHERE state IN ('held', 'parked');
CREATE INDEX leg_created ON leg (created);
CREATE INDEX leg_facility ON leg (facility, created);
CREATE INDEX leg_changed ON leg (facility, seq);

-- +goose Down
DROP TABLE leg;
DROP TABLE leg_sent;
DROP TABLE secret;
DROP TABLE route;
DROP TABLE destination;
DROP TABLE exchange;
