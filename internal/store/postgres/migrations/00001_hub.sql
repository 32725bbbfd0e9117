-- What the first release keeps. Words: every text sorts by code point (COLLATE "C");
-- a moment is bigint, microseconds UTC, 0 where there is none; a record, a person is
-- uuid (16 bytes), all zero where there is none; a keyed hash is bytea, 17 bytes,
-- empty where there is none. No column is NULL. Every unique key begins with its
-- table's distribution column: the facility, or what the comment names.

-- +goose Up

-- Reference tables: small, the same on every node.

CREATE TABLE fact (
  name  text COLLATE "C" PRIMARY KEY,
  value bytea NOT NULL
);

CREATE TABLE month_key (
  class   text COLLATE "C" NOT NULL,
  month   integer NOT NULL,
  master  text COLLATE "C" NOT NULL,
  wrapped bytea NOT NULL,
  PRIMARY KEY (class, month)
);

CREATE TABLE directory (
  one   integer PRIMARY KEY CHECK (one = 1),
  epoch bigint NOT NULL
);
INSERT INTO directory (one, epoch) VALUES (1, 0);

CREATE TABLE anchor (
  hash bytea PRIMARY KEY, -- SHA-256
  id   bigint GENERATED ALWAYS AS IDENTITY,
  der  bytea NOT NULL
);

CREATE TABLE unit (
  id      text COLLATE "C" PRIMARY KEY,
  name_vi text COLLATE "C" NOT NULL,
  name_en text COLLATE "C" NOT NULL,
  kind    text COLLATE "C" NOT NULL
);

CREATE TABLE facility_version (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code         text COLLATE "C" NOT NULL,
  name         text COLLATE "C" NOT NULL,
  level        text COLLATE "C" NOT NULL,
  type         text COLLATE "C" NOT NULL,
  province     text COLLATE "C" NOT NULL,
  ward         text COLLATE "C" NOT NULL,
  unit         text COLLATE "C" NOT NULL,
  vendor       text COLLATE "C" NOT NULL,
  tax_code     text COLLATE "C" NOT NULL,
  migrating    boolean NOT NULL,
  predecessors text[] COLLATE "C" NOT NULL,
  since        bigint NOT NULL
);
CREATE INDEX facility_version_code ON facility_version (code, since, id);

CREATE TABLE certificate (
  facility    text COLLATE "C" NOT NULL,
  fingerprint bytea NOT NULL,
  der         bytea NOT NULL,
  since       bigint NOT NULL,
  revoked     bigint NOT NULL,
  PRIMARY KEY (facility, fingerprint, since)
);

CREATE TABLE carrier (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client   text COLLATE "C" NOT NULL,
  facility text COLLATE "C" NOT NULL,
  kinds    text[] COLLATE "C" NOT NULL,
  since    bigint NOT NULL,
  until    bigint NOT NULL
);

CREATE TABLE client (
  id         text COLLATE "C" PRIMARY KEY,
  facility   text COLLATE "C" NOT NULL,
  key_id     text COLLATE "C" NOT NULL,
  public_key bytea NOT NULL,
  since      bigint NOT NULL,
  revoked    bigint NOT NULL
);

CREATE TABLE act (
  id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at     bigint NOT NULL,
  actor  text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  object text COLLATE "C" NOT NULL,
  detail text COLLATE "C" NOT NULL
);

-- By their own hash, name or client: sessions and tokens.

CREATE TABLE login_link (
  hash    bytea PRIMARY KEY,
  role    text COLLATE "C" NOT NULL,
  expires bigint NOT NULL,
  next    text COLLATE "C" NOT NULL
);

CREATE TABLE session (
  hash    bytea PRIMARY KEY,
  role    text COLLATE "C" NOT NULL,
  name    text COLLATE "C" NOT NULL,
  began   bigint NOT NULL,
  expires bigint NOT NULL
);

CREATE TABLE token (
  client text COLLATE "C" NOT NULL,
  jti    text COLLATE "C" NOT NULL,
  until  bigint NOT NULL,
  PRIMARY KEY (client, jti)
);
CREATE INDEX token_until ON token (until);

-- By log.

CREATE TABLE log ( -- the head row: locked last in every commit
  log        integer PRIMARY KEY,
  epoch      bigint NOT NULL,
  size       bigint NOT NULL,
  checkpoint bytea NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE lease (
  log   integer PRIMARY KEY,
  owner text COLLATE "C" NOT NULL, -- empty: free
  epoch bigint NOT NULL,
  beat  bigint NOT NULL            -- by the server's clock
);

CREATE TABLE leaf (
  log      integer NOT NULL,
  idx      bigint NOT NULL,
  size     bigint NOT NULL, -- of the log after the commit it was in
  data     bytea NOT NULL,
  facility text COLLATE "C" NOT NULL, -- of the record it is about, else empty
  serial   uuid NOT NULL,
  PRIMARY KEY (log, idx)
);

CREATE TABLE tile (
  log   integer NOT NULL,
  level integer NOT NULL,
  n     bigint NOT NULL,
  data  bytea NOT NULL,
  PRIMARY KEY (log, level, n)
);
ALTER TABLE tile ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE checkpoint (
  log  integer NOT NULL,
  size bigint NOT NULL,
  note bytea NOT NULL,
  PRIMARY KEY (log, size)
);

CREATE TABLE receipt_key (
  log  integer NOT NULL,
  kid  text COLLATE "C" NOT NULL,
  spki bytea NOT NULL,
  idx  bigint NOT NULL,
  PRIMARY KEY (log, kid)
);

-- By facility: what was sent and what became of it.

CREATE TABLE file (
  facility     text COLLATE "C" NOT NULL,
  hash         bytea NOT NULL,
  digest       bytea NOT NULL,
  size         bigint NOT NULL,
  received     bigint NOT NULL,
  sender       text COLLATE "C" NOT NULL,
  lane         smallint NOT NULL,
  wrapped      bytea NOT NULL,
  class        text COLLATE "C" NOT NULL,
  month        integer NOT NULL,
  skeleton     bytea NOT NULL,
  certificates bytea NOT NULL, -- SHA-256 after SHA-256, see blob
  seals        text COLLATE "C" NOT NULL, -- JSON
  dossiers     integer NOT NULL,
  PRIMARY KEY (facility, hash)
);
ALTER TABLE file ALTER COLUMN skeleton SET STORAGE EXTERNAL;

CREATE TABLE place ( -- of a dossier in a file
  facility text COLLATE "C" NOT NULL,
  file     bytea NOT NULL,
  idx      integer NOT NULL,
  serial   uuid NOT NULL,
  PRIMARY KEY (facility, file, idx)
);

CREATE TABLE episode (
  facility         text COLLATE "C" NOT NULL,
  kind             text COLLATE "C" NOT NULL,
  episode          bytea NOT NULL,
  version          integer NOT NULL,
  current          uuid NOT NULL,
  ord              text COLLATE "C" NOT NULL,
  facility_version bigint NOT NULL,
  day              integer NOT NULL,
  PRIMARY KEY (facility, kind, episode)
) WITH (fillfactor = 70);

CREATE TABLE content ( -- the record last made of an episode's content
  facility text COLLATE "C" NOT NULL,
  kind     text COLLATE "C" NOT NULL,
  episode  bytea NOT NULL,
  content  bytea NOT NULL,
  serial   uuid NOT NULL,
  PRIMARY KEY (facility, kind, episode, content)
);

CREATE TABLE record (
  facility         text COLLATE "C" NOT NULL,
  serial           uuid NOT NULL,
  kind             text COLLATE "C" NOT NULL,
  facility_version bigint NOT NULL,
  received         bigint NOT NULL,
  day              integer NOT NULL, -- of received, in Hanoi
  state            text COLLATE "C" NOT NULL, -- the verdict's
  findings         text COLLATE "C" NOT NULL, -- JSON
  pack             text COLLATE "C" NOT NULL,
  trust_epoch      bigint NOT NULL,
  version          integer NOT NULL,
  current          boolean NOT NULL,
  late             boolean NOT NULL, -- came after a newer version
  ord              text COLLATE "C" NOT NULL,
  supersedes       uuid NOT NULL,
  superseded_by    uuid NOT NULL,
  withdraws        uuid NOT NULL,
  withdrawn_by     uuid NOT NULL,
  erased           bigint NOT NULL,
  documents        bigint NOT NULL,
  lane             smallint NOT NULL,
  file             bytea NOT NULL,
  file_idx         integer NOT NULL,
  episode          bytea NOT NULL,
  content          bytea NOT NULL,
  subject          bytea NOT NULL,
  class            text COLLATE "C" NOT NULL,
  month            integer NOT NULL,
  wrapped          bytea NOT NULL,
  head             bytea NOT NULL,
  PRIMARY KEY (facility, serial)
) WITH (fillfactor = 90);
ALTER TABLE record ALTER COLUMN head SET STORAGE EXTERNAL;
CREATE INDEX record_received ON record (received, facility, serial);
CREATE INDEX record_facility ON record (facility, received, serial);
CREATE INDEX record_episode ON record (episode, facility);
CREATE INDEX record_superseded ON record (received, facility, serial)
  WHERE state <> 'rejected' AND (late OR superseded_by <> '00000000-0000-0000-0000-000000000000');
CREATE INDEX record_withdrawn ON record (received, facility, serial) WHERE withdrawn_by <> '00000000-0000-0000-0000-000000000000';
CREATE INDEX record_subject ON record (facility, subject) WHERE subject <> '';

CREATE TABLE body (
  facility text COLLATE "C" NOT NULL,
  serial   uuid NOT NULL,
  data     bytea NOT NULL,
  PRIMARY KEY (facility, serial)
);
ALTER TABLE body ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE entry ( -- where a record's leaf is
  facility text COLLATE "C" NOT NULL,
  serial   uuid NOT NULL,
  log      integer NOT NULL,
  idx      bigint NOT NULL,
  size     bigint NOT NULL,
  PRIMARY KEY (facility, serial)
);

CREATE TABLE tag (
  facility text COLLATE "C" NOT NULL,
  tag      text COLLATE "C" NOT NULL,
  serial   uuid NOT NULL,
  received bigint NOT NULL, -- the record's
  PRIMARY KEY (facility, tag, serial)
);
CREATE INDEX tag_received ON tag (tag, received, facility, serial);

CREATE TABLE transition (
  facility text COLLATE "C" NOT NULL,
  serial   uuid NOT NULL,
  id       bigint GENERATED ALWAYS AS IDENTITY,
  at       bigint NOT NULL,
  what     text COLLATE "C" NOT NULL,
  by       uuid NOT NULL,
  actor    text COLLATE "C" NOT NULL,
  detail   text COLLATE "C" NOT NULL,
  PRIMARY KEY (facility, serial, id)
);

CREATE TABLE refusal (
  facility         text COLLATE "C" NOT NULL,
  serial           uuid NOT NULL,
  facility_version bigint NOT NULL,
  at               bigint NOT NULL,
  day              integer NOT NULL,
  sender           text COLLATE "C" NOT NULL,
  size             bigint NOT NULL,
  digest           bytea NOT NULL,
  code             text COLLATE "C" NOT NULL,
  lane             smallint NOT NULL,
  PRIMARY KEY (facility, serial)
);
CREATE INDEX refusal_at ON refusal (at, facility, serial);

CREATE TABLE subject (
  facility text COLLATE "C" NOT NULL,
  subject  bytea NOT NULL,
  person   uuid NOT NULL,
  PRIMARY KEY (facility, subject)
) WITH (fillfactor = 80);
CREATE INDEX subject_person ON subject (person) WHERE person <> '00000000-0000-0000-0000-000000000000';

CREATE TABLE bar ( -- unlinked by hand: not to be linked again by itself
  facility text COLLATE "C" NOT NULL,
  subject  bytea NOT NULL,
  person   uuid NOT NULL,
  PRIMARY KEY (facility, subject, person)
);

CREATE TABLE counter (
  facility         text COLLATE "C" NOT NULL,
  facility_version bigint NOT NULL,
  day              integer NOT NULL,
  kind             text COLLATE "C" NOT NULL,
  measure          text COLLATE "C" NOT NULL,
  purpose          text COLLATE "C" NOT NULL,
  n                bigint NOT NULL,
  PRIMARY KEY (facility, facility_version, day, kind, measure, purpose)
) WITH (fillfactor = 50);

CREATE TABLE minute (
  facility         text COLLATE "C" NOT NULL,
  facility_version bigint NOT NULL,
  minute           bigint NOT NULL, -- its first microsecond
  measure          text COLLATE "C" NOT NULL,
  n                bigint NOT NULL,
  PRIMARY KEY (facility, facility_version, minute, measure)
) WITH (fillfactor = 50);
CREATE INDEX minute_minute ON minute (minute);

CREATE TABLE last_seen (
  facility text COLLATE "C" PRIMARY KEY,
  at       bigint NOT NULL
);

CREATE TABLE delta ( -- not yet folded; minute 0: none; -1: n is the moment a facility was heard of
  facility         text COLLATE "C" NOT NULL,
  facility_version bigint NOT NULL,
  day              integer NOT NULL,
  minute           bigint NOT NULL,
  kind             text COLLATE "C" NOT NULL,
  measure          text COLLATE "C" NOT NULL,
  purpose          text COLLATE "C" NOT NULL,
  n                bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- By hash: public bytes, and strong identifiers taken by a person.

CREATE TABLE blob (
  hash bytea PRIMARY KEY,
  data bytea NOT NULL
);

CREATE TABLE claim (
  hash   bytea PRIMARY KEY,
  person uuid NOT NULL,
  name   bytea NOT NULL,
  birth  bytea NOT NULL
);
CREATE INDEX claim_person ON claim (person);

-- By person.

CREATE TABLE person (
  person uuid PRIMARY KEY,
  made   bigint NOT NULL
);

CREATE TABLE link (
  person   uuid NOT NULL,
  id       bigint GENERATED ALWAYS AS IDENTITY,
  facility text COLLATE "C" NOT NULL,
  subject  bytea NOT NULL,
  since    bigint NOT NULL,
  until    bigint NOT NULL, -- 0: holds
  evidence text COLLATE "C" NOT NULL,
  actor    text COLLATE "C" NOT NULL,
  reason   text COLLATE "C" NOT NULL,
  ended_by text COLLATE "C" NOT NULL,
  why      text COLLATE "C" NOT NULL,
  PRIMARY KEY (person, id)
);
CREATE INDEX link_subject ON link (facility, subject, id);

CREATE TABLE disclosure (
  person   uuid NOT NULL, -- zero: not linked
  id       bigint GENERATED ALWAYS AS IDENTITY,
  instance integer NOT NULL, -- the log of the process that disclosed, -1 none
  at       bigint NOT NULL,
  reader   text COLLATE "C" NOT NULL,
  role     text COLLATE "C" NOT NULL,
  facility text COLLATE "C" NOT NULL,
  serial   uuid NOT NULL,
  basis    text COLLATE "C" NOT NULL,
  policy   text COLLATE "C" NOT NULL,
  reason   text COLLATE "C" NOT NULL,
  route    text COLLATE "C" NOT NULL,
  count    integer NOT NULL,
  root_log integer NOT NULL, -- of the leaf that covers it, -1 none yet
  root_idx bigint NOT NULL,
  PRIMARY KEY (person, id)
);
CREATE INDEX disclosure_id ON disclosure (id);
CREATE INDEX disclosure_record ON disclosure (facility, serial, id);
CREATE INDEX disclosure_unrooted ON disclosure (instance, id) WHERE root_log = -1;
CREATE INDEX disclosure_root ON disclosure (root_log, root_idx, id);

-- +goose Down
DROP TABLE disclosure, link, person, claim, blob, delta, last_seen, minute, counter, bar, subject, refusal,
  transition, tag, entry, body, record, content, episode, place, file, receipt_key, checkpoint, tile,
  leaf, lease, log, token, session, login_link, act, client, carrier, certificate, facility_version,
  unit, anchor, directory, month_key, fact;
