-- +goose Up
-- Who may look, why, and what people were told of it. Times are microseconds
-- since 1970 in UTC, 0 where there is none.

-- What citizens say, as it stands. Its receipt lies with its version.
CREATE TABLE consent (
  person  BLOB NOT NULL,
  id      BLOB NOT NULL,
  version INTEGER NOT NULL,
  state   TEXT NOT NULL,
  asker   TEXT NOT NULL, -- facility; '': unasked
  asked   INTEGER NOT NULL,
  decided INTEGER NOT NULL,
  since   INTEGER NOT NULL,
  until   INTEGER NOT NULL,
  due     INTEGER NOT NULL, -- when time changes its state
  said    TEXT NOT NULL, -- JSON: the whole of it
  PRIMARY KEY (person, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX consent_id ON consent (id);
CREATE INDEX consent_open ON consent (person) WHERE state IN ('requested', 'shown', 'granted', 'active');
CREATE INDEX consent_asked ON consent (asker, asked) WHERE state IN ('requested', 'shown');
CREATE INDEX consent_due ON consent (due) WHERE due > 0;

CREATE TABLE consent_version (
  person  BLOB NOT NULL,
  id      BLOB NOT NULL,
  version INTEGER NOT NULL,
  said    TEXT NOT NULL,
  receipt BLOB, -- compact JWS over it
  PRIMARY KEY (person, id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE delegation (
  person   BLOB NOT NULL,
  id       BLOB NOT NULL,
  delegate BLOB NOT NULL,
  kind     TEXT NOT NULL,
  since    INTEGER NOT NULL,
  until    INTEGER NOT NULL,
  ended    INTEGER NOT NULL,
  proof    BLOB, -- SHA-256 of a paper
  PRIMARY KEY (person, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX delegation_delegate ON delegation (delegate);

CREATE TABLE opening (
  person   BLOB NOT NULL,
  id       BLOB NOT NULL,
  facility TEXT NOT NULL,
  basis    TEXT NOT NULL,
  purpose  TEXT NOT NULL,
  staff    BLOB,
  how      TEXT NOT NULL,
  consent  BLOB,
  referral TEXT NOT NULL, -- of a record
  since    INTEGER NOT NULL,
  until    INTEGER NOT NULL,
  ended    INTEGER NOT NULL,
  ended_by TEXT NOT NULL,
  renewed  BLOB, -- by whom
  reason   TEXT NOT NULL,
  PRIMARY KEY (person, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX opening_id ON opening (id);
CREATE INDEX opening_facility ON opening (facility, since);
CREATE INDEX opening_since ON opening (since);
CREATE INDEX opening_staff ON opening (staff, since) WHERE staff IS NOT NULL;

CREATE TABLE notice (
  id     INTEGER PRIMARY KEY,
  person BLOB NOT NULL,
  at     INTEGER NOT NULL,
  kind   TEXT NOT NULL,
  about  TEXT NOT NULL,
  detail TEXT NOT NULL, -- JSON
  sent   INTEGER NOT NULL,
  tries  INTEGER NOT NULL,
  due    INTEGER NOT NULL, -- not to be taken before
  seen   INTEGER NOT NULL
) STRICT;
CREATE INDEX notice_person ON notice (person, id);
CREATE INDEX notice_unsent ON notice (due, id) WHERE sent = 0;

CREATE TABLE matter (
  number   TEXT PRIMARY KEY,
  version  INTEGER NOT NULL,
  person   BLOB,
  facility TEXT NOT NULL, -- '': the hub's
  kind     TEXT NOT NULL,
  state    TEXT NOT NULL,
  due      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX matter_person ON matter (person, due) WHERE person IS NOT NULL;
CREATE INDEX matter_facility ON matter (facility, due);
CREATE INDEX matter_open ON matter (due) WHERE state <> 'closed';

CREATE TABLE matter_version (
  number  TEXT NOT NULL,
  version INTEGER NOT NULL,
  said    TEXT NOT NULL, -- JSON
  sealed  BLOB, -- words
  wrapped BLOB,
  PRIMARY KEY (number, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE matter_number (
  year INTEGER PRIMARY KEY,
  n    INTEGER NOT NULL
) STRICT;

CREATE TABLE staff (
  id       BLOB PRIMARY KEY,
  version  INTEGER NOT NULL,
  facility TEXT NOT NULL,
  login    BLOB, -- keyed hash
  licence  BLOB, -- keyed hash
  said     TEXT NOT NULL, -- JSON
  sealed   BLOB,
  wrapped  BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX staff_login ON staff (login) WHERE login IS NOT NULL;
CREATE INDEX staff_licence ON staff (facility, licence) WHERE licence IS NOT NULL;

CREATE TABLE temporary (
  number   TEXT PRIMARY KEY,
  version  INTEGER NOT NULL,
  person   BLOB NOT NULL,
  facility TEXT NOT NULL,
  state    TEXT NOT NULL,
  made     INTEGER NOT NULL,
  said     TEXT NOT NULL, -- JSON
  sealed   BLOB,
  wrapped  BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX temporary_state ON temporary (state, made);
CREATE INDEX temporary_facility ON temporary (facility, state, made);

CREATE TABLE feature (
  hash   BLOB NOT NULL,
  person BLOB NOT NULL,
  kind   TEXT NOT NULL,
  PRIMARY KEY (hash, kind, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX feature_person ON feature (person);

CREATE TABLE share (
  id      BLOB PRIMARY KEY, -- SHA-256 of a path
  person  BLOB NOT NULL,
  made    INTEGER NOT NULL,
  until   INTEGER NOT NULL,
  label   TEXT NOT NULL,
  pin     BLOB, -- slow hash
  most    INTEGER NOT NULL, -- tries in a row
  tries   INTEGER NOT NULL, -- left
  opened  INTEGER NOT NULL,
  ended   INTEGER NOT NULL,
  payload BLOB -- under a key that is not here
) STRICT, WITHOUT ROWID;
CREATE INDEX share_person ON share (person, made);

-- +goose Down
DROP TABLE share;
DROP TABLE feature;
DROP TABLE temporary;
DROP TABLE staff;
DROP TABLE matter_number;
DROP TABLE matter_version;
DROP TABLE matter;
DROP TABLE notice;
DROP TABLE opening;
DROP TABLE delegation;
DROP TABLE consent_version;
DROP TABLE consent;
