-- What a destination that gives receipts of its own said of a record, sealed
-- under a data key of its own: its receipt document and its reference to the
-- person. Gone with the record's content.

-- +goose Up

-- By facility.

CREATE TABLE leg_receipt (
  facility    text COLLATE "C" NOT NULL,
  serial      uuid NOT NULL,
  destination text COLLATE "C" NOT NULL,
  at          bigint NOT NULL,
  wrapped     bytea NOT NULL,
  sealed      bytea NOT NULL,
  PRIMARY KEY (facility, serial, destination)
);

-- +goose Down
DROP TABLE leg_receipt;
