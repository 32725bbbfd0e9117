-- Who may look, why, and what people were told of it. Times are microseconds
-- since 1970 in UTC, 0 where there is none; sixteen zero bytes name nobody.

-- +goose Up

-- What citizens say, as it stands. Its receipt lies with its version.
CREATE TABLE consent (
  person  uuid NOT NULL,
  id      uuid NOT NULL,
  version bigint NOT NULL,
  state   text COLLATE "C" NOT NULL,
  asker   text COLLATE "C" NOT NULL, -- facility; '': unasked
  asked   bigint NOT NULL,
  decided bigint NOT NULL,
  since   bigint NOT NULL,
  until   bigint NOT NULL,
  due     bigint NOT NULL, -- when time changes its state
  said    text COLLATE "C" NOT NULL, -- JSON: the whole of it
  PRIMARY KEY (person, id)
);
CREATE INDEX consent_id ON consent (id);
CREATE INDEX consent_open ON consent (person) WHERE state IN ('requested', 'shown', 'granted', 'active');
CREATE INDEX consent_asked ON consent (asker, asked) WHERE state IN ('requested', 'shown');
CREATE INDEX consent_due ON consent (due) WHERE due > 0;

CREATE TABLE consent_version (
  person  uuid NOT NULL,
  id      uuid NOT NULL,
  version bigint NOT NULL,
  said    text COLLATE "C" NOT NULL,
  receipt bytea NOT NULL, -- compact JWS over it
  PRIMARY KEY (person, id, version)
);

CREATE TABLE delegation (
  person   uuid NOT NULL,
  id       uuid NOT NULL,
  delegate uuid NOT NULL,
  kind     text COLLATE "C" NOT NULL,
  since    bigint NOT NULL,
  until    bigint NOT NULL,
  ended    bigint NOT NULL,
  proof    bytea NOT NULL, -- SHA-256 of a paper
  PRIMARY KEY (person, id)
);
CREATE INDEX delegation_delegate ON delegation (delegate);

CREATE TABLE opening (
  person   uuid NOT NULL,
  id       uuid NOT NULL,
  facility text COLLATE "C" NOT NULL,
  basis    text COLLATE "C" NOT NULL,
  purpose  text COLLATE "C" NOT NULL,
  staff    uuid NOT NULL,
  how      text COLLATE "C" NOT NULL,
  consent  uuid NOT NULL,
  referral text COLLATE "C" NOT NULL, -- of a record
  since    bigint NOT NULL,
  until    bigint NOT NULL,
  ended    bigint NOT NULL,
  ended_by text COLLATE "C" NOT NULL,
  renewed  uuid NOT NULL, -- by whom
  reason   text COLLATE "C" NOT NULL,
  PRIMARY KEY (person, id)
);
CREATE INDEX opening_id ON opening (id);
CREATE INDEX opening_facility ON opening (facility, since);
CREATE INDEX opening_since ON opening (since);
CREATE INDEX opening_staff ON opening (staff, since) WHERE staff <> '00000000-0000-0000-0000-000000000000';

CREATE TABLE notice (
  id     bigint GENERATED ALWAYS AS IDENTITY,
  person uuid NOT NULL,
  at     bigint NOT NULL,
  kind   text COLLATE "C" NOT NULL,
  about  text COLLATE "C" NOT NULL,
  detail text COLLATE "C" NOT NULL, -- JSON
  sent   bigint NOT NULL,
  tries  bigint NOT NULL,
  due    bigint NOT NULL, -- not to be taken before
  seen   bigint NOT NULL,
  PRIMARY KEY (person, id)
);
CREATE INDEX notice_id ON notice (id);
CREATE INDEX notice_unsent ON notice (due, id) WHERE sent = 0;

CREATE TABLE matter (
  number   text COLLATE "C" PRIMARY KEY,
  version  bigint NOT NULL,
  person   uuid NOT NULL,
  facility text COLLATE "C" NOT NULL, -- '': the hub's
  kind     text COLLATE "C" NOT NULL,
  state    text COLLATE "C" NOT NULL,
  due      bigint NOT NULL
);
CREATE INDEX matter_person ON matter (person, due) WHERE person <> '00000000-0000-0000-0000-000000000000';
CREATE INDEX matter_facility ON matter (facility, due);
CREATE INDEX matter_open ON matter (due) WHERE state <> 'closed';

CREATE TABLE matter_version (
  number  text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  said    text COLLATE "C" NOT NULL, -- JSON
  sealed  bytea NOT NULL, -- words
  wrapped bytea NOT NULL,
  PRIMARY KEY (number, version)
);

CREATE TABLE matter_number (
  year bigint PRIMARY KEY,
  n    bigint NOT NULL
);

CREATE TABLE staff (
  id       uuid PRIMARY KEY,
  version  bigint NOT NULL,
  facility text COLLATE "C" NOT NULL,
  login    bytea NOT NULL, -- keyed hash
  licence  bytea NOT NULL, -- keyed hash
  said     text COLLATE "C" NOT NULL, -- JSON
  sealed   bytea NOT NULL,
  wrapped  bytea NOT NULL
);
CREATE UNIQUE INDEX staff_login ON staff (login) WHERE login <> '';
CREATE UNIQUE INDEX staff_licence ON staff (facility, licence) WHERE licence <> '';

CREATE TABLE temporary (
  number   text COLLATE "C" PRIMARY KEY,
  version  bigint NOT NULL,
  person   uuid NOT NULL,
  facility text COLLATE "C" NOT NULL,
  state    text COLLATE "C" NOT NULL,
  made     bigint NOT NULL,
  said     text COLLATE "C" NOT NULL, -- JSON
  sealed   bytea NOT NULL,
  wrapped  bytea NOT NULL
);
CREATE INDEX temporary_state ON temporary (state, made);
CREATE INDEX temporary_facility ON temporary (facility, state, made);

CREATE TABLE feature (
  hash   bytea NOT NULL,
  person uuid NOT NULL,
  kind   text COLLATE "C" NOT NULL,
  PRIMARY KEY (hash, kind, person)
);
CREATE INDEX feature_person ON feature (person);

CREATE TABLE share (
  id      bytea PRIMARY KEY, -- SHA-256 of a path
  person  uuid NOT NULL,
  made    bigint NOT NULL,
  until   bigint NOT NULL,
  label   text COLLATE "C" NOT NULL,
  pin     bytea NOT NULL, -- slow hash
  most    bigint NOT NULL, -- tries in a row
  tries   bigint NOT NULL, -- left
  opened  bigint NOT NULL,
  ended   bigint NOT NULL,
  payload bytea NOT NULL -- under a key that is not here
);
CREATE INDEX share_person ON share (person, made);

-- +goose Down
DROP TABLE share, feature, temporary, staff, matter_number, matter_version, matter, notice, opening, delegation, consent_version, consent;
