-- Bodies and skeletons of older records, out of the tables used every day. An
-- operator may put these two on a slower tablespace.

-- +goose Up

-- By facility.

CREATE TABLE body_archive (
  facility text COLLATE "C" NOT NULL,
  serial   uuid NOT NULL,
  data     bytea NOT NULL,
  PRIMARY KEY (facility, serial)
);
ALTER TABLE body_archive ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE body_archive SET (toast_tuple_target = 8160);

CREATE TABLE skeleton_archive (
  facility text COLLATE "C" NOT NULL,
  hash     bytea NOT NULL, -- of the file
  data     bytea NOT NULL,
  PRIMARY KEY (facility, hash)
);
ALTER TABLE skeleton_archive ALTER COLUMN data SET STORAGE EXTERNAL;

-- +goose Down
UPDATE file f SET skeleton = a.data FROM skeleton_archive a WHERE a.facility = f.facility AND a.hash = f.hash;
INSERT INTO body SELECT * FROM body_archive ON CONFLICT DO NOTHING;
DROP TABLE skeleton_archive;
DROP TABLE body_archive;
