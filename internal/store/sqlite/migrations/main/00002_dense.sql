-- +goose Up
-- Fewer bytes and fewer rows for each dossier (doc/design/store.md).

-- Sealed bodies of one commit laid end to end and cut to fill pages
-- (file/body.go). A record without a piece has its body, if any, in body.
CREATE TABLE piece (
  id   INTEGER PRIMARY KEY,
  data BLOB NOT NULL
) STRICT;
ALTER TABLE record ADD COLUMN piece INTEGER;
ALTER TABLE record ADD COLUMN piece_from INTEGER; -- byte of the piece
ALTER TABLE record ADD COLUMN piece_size INTEGER; -- bytes, also beyond the piece

-- Skeletons lie in pieces too; then skeleton is null.
ALTER TABLE file ADD COLUMN piece INTEGER;
ALTER TABLE file ADD COLUMN piece_from INTEGER;
ALTER TABLE file ADD COLUMN piece_size INTEGER;

-- What is the same for nearly all files of a facility, each once: file.seals is
-- the address of one, as text, and file.sender and file.certificates are empty.
CREATE TABLE seal (
  id   INTEGER PRIMARY KEY,
  note TEXT NOT NULL UNIQUE -- JSON: sender, hashes of certificates, what verifying found
) STRICT;

-- What nearly every dossier has is said by record.documents alone (store.CommonDocuments).
DELETE FROM tag WHERE tag IN ('doc:XML0', 'doc:XML1', 'doc:XML2', 'doc:XML3', 'doc:XML4', 'doc:XML5', 'doc:XML7', 'doc:XML8');

-- Records of one moment are few: they are sorted when they are read.
DROP INDEX record_time;
CREATE INDEX record_time ON record (received);
DROP INDEX record_facility_time;
CREATE INDEX record_facility_time ON record (facility, received);
