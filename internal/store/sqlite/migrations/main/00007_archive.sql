-- +goose Up
-- Pieces that moved out of this file into archive files (file/archive.go).
CREATE TABLE archive (
  first   INTEGER PRIMARY KEY, -- of the pieces, by piece.id
  last    INTEGER NOT NULL,
  name    TEXT NOT NULL,       -- of the file
  written INTEGER NOT NULL     -- 1: the file is on disk and holds all of them
) STRICT;

-- Bytes of archived pieces whose record or file was erased, until they are
-- overwritten in the archive file too.
CREATE TABLE archive_blank (
  id         INTEGER PRIMARY KEY,
  piece      INTEGER NOT NULL,
  piece_from INTEGER NOT NULL,
  piece_size INTEGER NOT NULL -- bytes, within the piece
) STRICT;

-- +goose Down
DROP TABLE archive_blank;
DROP TABLE archive;
