-- Records that were erased and whose entries of databases are still to be wiped:
-- written with the erasure, taken away when all databases were gone through.

-- +goose Up

CREATE TABLE db_erased (
  facility text COLLATE "C" NOT NULL,
  serial   bytea NOT NULL,
  PRIMARY KEY (facility, serial)
);
INSERT INTO db_erased (facility, serial) SELECT facility, uuid_send(serial) FROM tombstone;

CREATE INDEX db_entry_record ON db_entry (record_facility, record) WHERE record <> '';
CREATE INDEX db_entry_version_record ON db_entry_version (record_facility, record) WHERE record <> '';

-- +goose Down
DROP INDEX db_entry_version_record;
DROP INDEX db_entry_record;
DROP TABLE db_erased;
