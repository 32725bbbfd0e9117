-- +goose Up
-- Every unique key begins with its distribution column (DESIGN §5): the
-- facility, or the own key of what lies by itself. "id INTEGER PRIMARY KEY" is
-- an address in this file, growing with time, and no key of the data.
-- Times are microseconds since 1970 in UTC.

CREATE TABLE directory (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL
) STRICT;
INSERT INTO directory (id, epoch) VALUES (1, 0);

CREATE TABLE anchor (
  hash BLOB PRIMARY KEY, -- SHA-256 of der
  der  BLOB NOT NULL
) STRICT;

CREATE TABLE unit (
  id   TEXT PRIMARY KEY,
  vi   TEXT NOT NULL,
  en   TEXT NOT NULL,
  kind TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE facility_version (
  id           INTEGER PRIMARY KEY,
  code         TEXT NOT NULL,
  name         TEXT NOT NULL,
  level        TEXT NOT NULL,
  type         TEXT NOT NULL,
  province     TEXT NOT NULL,
  ward         TEXT NOT NULL,
  unit         TEXT NOT NULL,
  vendor       TEXT NOT NULL,
  tax_code     TEXT NOT NULL,
  migrating    INTEGER NOT NULL,
  predecessors TEXT NOT NULL, -- JSON array of codes
  since        INTEGER NOT NULL
) STRICT;
CREATE INDEX facility_version_code ON facility_version (code);
CREATE INDEX facility_version_province ON facility_version (province);
CREATE INDEX facility_version_unit ON facility_version (unit);

CREATE TABLE certificate (
  facility    TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  since       INTEGER NOT NULL,
  der         BLOB NOT NULL,
  revoked     INTEGER,
  PRIMARY KEY (facility, fingerprint, since)
) STRICT;
CREATE INDEX certificate_fingerprint ON certificate (fingerprint);

CREATE TABLE carrier (
  id       INTEGER PRIMARY KEY,
  client   TEXT NOT NULL,
  facility TEXT NOT NULL,
  kinds    TEXT NOT NULL, -- JSON array
  since    INTEGER NOT NULL,
  until    INTEGER
) STRICT;

CREATE TABLE client (
  id         TEXT PRIMARY KEY,
  facility   TEXT NOT NULL,
  key_id     TEXT NOT NULL,
  public_key BLOB NOT NULL,
  since      INTEGER NOT NULL,
  revoked    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE head (
  log        INTEGER PRIMARY KEY,
  origin     TEXT NOT NULL,
  epoch      INTEGER NOT NULL,
  size       INTEGER NOT NULL,
  checkpoint BLOB, -- signed note of that size, null at size 0
  owner      TEXT NOT NULL
) STRICT;

CREATE TABLE leaf (
  log  INTEGER NOT NULL,
  idx  INTEGER NOT NULL,
  size INTEGER NOT NULL, -- of the log after the commit it was in
  data BLOB NOT NULL,
  PRIMARY KEY (log, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE tile (
  log   INTEGER NOT NULL,
  level INTEGER NOT NULL,
  n     INTEGER NOT NULL,
  data  BLOB NOT NULL,
  PRIMARY KEY (log, level, n)
) STRICT;

-- One row a commit: the commit of a leaf is the smallest size above its index.
CREATE TABLE checkpoint (
  log  INTEGER NOT NULL,
  size INTEGER NOT NULL,
  note BLOB NOT NULL,
  PRIMARY KEY (log, size)
) STRICT, WITHOUT ROWID;

CREATE TABLE receipt_key (
  kid  TEXT NOT NULL,
  log  INTEGER NOT NULL,
  spki BLOB NOT NULL,
  idx  INTEGER NOT NULL,
  PRIMARY KEY (kid, log)
) STRICT, WITHOUT ROWID;

CREATE TABLE month_key (
  class   TEXT NOT NULL,
  month   INTEGER NOT NULL,
  master  TEXT NOT NULL, -- which master key wrapped it
  wrapped BLOB NOT NULL,
  PRIMARY KEY (class, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE fact (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE act (
  id     INTEGER PRIMARY KEY,
  at     INTEGER NOT NULL,
  actor  TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL,
  log    INTEGER,
  leaf   INTEGER
) STRICT;

CREATE TABLE public_blob (
  hash BLOB PRIMARY KEY, -- SHA-256 of data
  data BLOB NOT NULL
) STRICT;

CREATE TABLE file (
  id           INTEGER PRIMARY KEY,
  facility     TEXT NOT NULL,
  hash         BLOB NOT NULL, -- keyed
  digest       BLOB NOT NULL,
  size         INTEGER NOT NULL,
  received     INTEGER NOT NULL,
  sender       TEXT NOT NULL,
  lane         INTEGER NOT NULL,
  wrapped      BLOB,
  class        TEXT NOT NULL,
  month        INTEGER NOT NULL,
  certificates BLOB NOT NULL, -- hashes of public_blob, end to end
  seals        TEXT NOT NULL, -- JSON
  dossiers     INTEGER NOT NULL,
  skeleton     BLOB,
  UNIQUE (facility, hash)
) STRICT;

CREATE TABLE record (
  id               INTEGER PRIMARY KEY,
  facility         TEXT NOT NULL,
  serial           BLOB NOT NULL,
  kind             TEXT NOT NULL,
  facility_version INTEGER NOT NULL,
  received         INTEGER NOT NULL,
  state            TEXT NOT NULL,    -- of the verdict
  version          INTEGER NOT NULL, -- 0: none
  current          INTEGER NOT NULL,
  late             INTEGER NOT NULL, -- had a version and was not current when it came
  supersedes       BLOB,             -- serials of records of the same facility
  superseded_by    BLOB,
  withdraws        BLOB,
  withdrawn_by     BLOB,
  erased           INTEGER,
  documents        INTEGER NOT NULL,
  lane             INTEGER NOT NULL,
  file             BLOB NOT NULL,
  idx              INTEGER NOT NULL,
  subject          BLOB,
  episode          BLOB NOT NULL,
  content          BLOB NOT NULL,
  log              INTEGER NOT NULL,
  leaf             INTEGER NOT NULL,
  pack             TEXT NOT NULL,
  trust_epoch      INTEGER NOT NULL,
  findings         TEXT, -- JSON arrays [code, severity, [blocks], table, row, field, line]
  class            TEXT NOT NULL,
  month            INTEGER NOT NULL,
  wrapped          BLOB,
  head             BLOB,
  UNIQUE (facility, serial)
) STRICT;
CREATE INDEX record_time ON record (received, facility, serial);
CREATE INDEX record_facility_time ON record (facility, received, serial);
CREATE INDEX record_subject ON record (facility, subject) WHERE subject IS NOT NULL;
CREATE INDEX record_leaf ON record (log, leaf);

CREATE TABLE body (
  record INTEGER PRIMARY KEY, -- record.id
  data   BLOB NOT NULL
) STRICT;

-- The records made of one content; the one made last has the greatest id.
CREATE TABLE dossier (
  facility TEXT NOT NULL,
  episode  BLOB NOT NULL,
  kind     TEXT NOT NULL,
  content  BLOB NOT NULL,
  record   INTEGER NOT NULL,
  PRIMARY KEY (facility, episode, kind, content, record)
) STRICT, WITHOUT ROWID;

CREATE TABLE episode (
  facility TEXT NOT NULL,
  episode  BLOB NOT NULL,
  kind     TEXT NOT NULL,
  version  INTEGER NOT NULL,
  current  BLOB, -- serial
  sequence TEXT NOT NULL, -- what versions are ordered by, of current
  PRIMARY KEY (facility, episode, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE place (
  facility TEXT NOT NULL,
  file     BLOB NOT NULL,
  idx      INTEGER NOT NULL,
  record   INTEGER NOT NULL,
  PRIMARY KEY (facility, file, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE tag (
  facility TEXT NOT NULL,
  tag      TEXT NOT NULL,
  received INTEGER NOT NULL,
  record   INTEGER NOT NULL,
  PRIMARY KEY (facility, tag, received, record)
) STRICT, WITHOUT ROWID;

CREATE TABLE transition (
  id     INTEGER PRIMARY KEY,
  record INTEGER NOT NULL,
  at     INTEGER NOT NULL,
  what   TEXT NOT NULL,
  by     BLOB, -- serial
  actor  TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX transition_record ON transition (record);

CREATE TABLE refusal (
  id               INTEGER PRIMARY KEY,
  facility         TEXT NOT NULL,
  serial           BLOB NOT NULL,
  at               INTEGER NOT NULL,
  sender           TEXT NOT NULL,
  size             INTEGER NOT NULL,
  digest           BLOB NOT NULL,
  code             TEXT NOT NULL,
  lane             INTEGER NOT NULL,
  facility_version INTEGER NOT NULL -- 0: unknown
) STRICT;
CREATE INDEX refusal_time ON refusal (at, facility, serial);
CREATE INDEX refusal_facility_time ON refusal (facility, at, serial);

CREATE TABLE person (
  id    BLOB PRIMARY KEY,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE claim (
  key    BLOB PRIMARY KEY,
  person BLOB NOT NULL,
  name   BLOB NOT NULL,
  birth  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE subject (
  facility TEXT NOT NULL,
  key      BLOB NOT NULL,
  person   BLOB, -- null: not linked
  PRIMARY KEY (facility, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX subject_person ON subject (person) WHERE person IS NOT NULL;

CREATE TABLE link (
  id       INTEGER PRIMARY KEY,
  facility TEXT NOT NULL,
  subject  BLOB NOT NULL,
  person   BLOB NOT NULL,
  since    INTEGER NOT NULL,
  until    INTEGER, -- null: holds now
  evidence TEXT NOT NULL,
  actor    TEXT NOT NULL, -- who linked by hand, else ''
  reason   TEXT NOT NULL,
  ended_by TEXT NOT NULL DEFAULT '',
  why      TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX link_subject ON link (facility, subject);

CREATE TABLE bar (
  facility TEXT NOT NULL,
  subject  BLOB NOT NULL,
  person   BLOB NOT NULL,
  PRIMARY KEY (facility, subject, person)
) STRICT, WITHOUT ROWID;

CREATE TABLE last_seen (
  facility TEXT PRIMARY KEY,
  at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Appended with every commit, added up into counter and minute by Fold.
CREATE TABLE delta (
  id               INTEGER PRIMARY KEY,
  facility_version INTEGER NOT NULL,
  day              INTEGER NOT NULL,
  kind             TEXT NOT NULL,
  measure          TEXT NOT NULL,
  purpose          TEXT NOT NULL,
  minute           INTEGER, -- since 1970, of records received
  n                INTEGER NOT NULL
) STRICT;

CREATE TABLE counter (
  facility_version INTEGER NOT NULL,
  day              INTEGER NOT NULL,
  kind             TEXT NOT NULL,
  measure          TEXT NOT NULL,
  purpose          TEXT NOT NULL,
  n                INTEGER NOT NULL,
  PRIMARY KEY (facility_version, day, kind, measure, purpose)
) STRICT, WITHOUT ROWID;

CREATE TABLE minute (
  facility_version INTEGER NOT NULL,
  minute           INTEGER NOT NULL,
  measure          TEXT NOT NULL,
  n                INTEGER NOT NULL,
  PRIMARY KEY (facility_version, minute, measure)
) STRICT, WITHOUT ROWID;
CREATE INDEX minute_minute ON minute (minute);

CREATE TABLE login_link (
  hash    BLOB PRIMARY KEY,
  role    TEXT NOT NULL,
  expires INTEGER NOT NULL,
  next    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
  hash    BLOB PRIMARY KEY,
  role    TEXT NOT NULL,
  name    TEXT NOT NULL,
  began   INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
  client TEXT NOT NULL,
  jti    TEXT NOT NULL,
  until  INTEGER NOT NULL,
  PRIMARY KEY (client, jti)
) STRICT, WITHOUT ROWID;
CREATE INDEX token_until ON token (until);
