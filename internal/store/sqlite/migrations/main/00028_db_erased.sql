-- +goose Up
-- Records that were erased and whose entries of databases are still to be wiped:
-- written with the erasure, taken away when all databases were gone through.

CREATE TABLE db_erased (
  facility TEXT NOT NULL,
  serial   BLOB NOT NULL,
  PRIMARY KEY (facility, serial)
) STRICT, WITHOUT ROWID;
INSERT INTO db_erased (facility, serial) SELECT facility, serial FROM tombstone;

CREATE INDEX db_entry_record ON db_entry (record_facility, record) WHERE record <> x'';
CREATE INDEX db_entry_version_record ON db_entry_version (record_facility, record) WHERE record <> x'';

-- +goose Down
DROP INDEX db_entry_version_record;
DROP INDEX db_entry_record;
DROP TABLE db_erased;
