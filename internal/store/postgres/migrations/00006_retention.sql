-- What is kept of a record that was erased.

-- +goose Up

-- By facility.

CREATE TABLE tombstone (
  facility text COLLATE "C" NOT NULL,
  serial   uuid NOT NULL,
  at       bigint NOT NULL,
  reason   text COLLATE "C" NOT NULL, -- retention, court_order, subject_request, mistake
  number   text COLLATE "C" NOT NULL, -- of the decision
  actor    text COLLATE "C" NOT NULL,
  PRIMARY KEY (facility, serial)
);

-- +goose Down
DROP TABLE tombstone;
