-- +goose Up
-- What a destination that gives receipts of its own said of a record, sealed
-- under a data key of its own: its receipt document and its reference to the
-- person. Gone with the record's content.
CREATE TABLE leg_receipt (
  id          INTEGER PRIMARY KEY,
  facility    TEXT NOT NULL,
  serial      BLOB NOT NULL,
  destination TEXT NOT NULL,
  at          INTEGER NOT NULL, -- microseconds since 1970 in UTC
  wrapped     BLOB NOT NULL,
  sealed      BLOB NOT NULL,
  UNIQUE (facility, serial, destination)
) STRICT;

-- +goose Down
DROP TABLE leg_receipt;
