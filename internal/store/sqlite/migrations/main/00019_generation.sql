-- +goose Up
-- A month key has generations: the newest seals, all open.
CREATE TABLE month_key_generation (
  class      TEXT NOT NULL,
  month      INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  master     TEXT NOT NULL, -- which master key wrapped it
  wrapped    BLOB NOT NULL,
  PRIMARY KEY (class, month, generation)
) STRICT, WITHOUT ROWID;
INSERT INTO month_key_generation SELECT class, month, 0, master, wrapped FROM month_key;
DROP TABLE month_key;
ALTER TABLE month_key_generation RENAME TO month_key;

-- +goose Down
CREATE TABLE month_key_first (
  class   TEXT NOT NULL,
  month   INTEGER NOT NULL,
  master  TEXT NOT NULL,
  wrapped BLOB NOT NULL,
  PRIMARY KEY (class, month)
) STRICT, WITHOUT ROWID;
INSERT INTO month_key_first SELECT class, month, master, wrapped FROM month_key WHERE generation = 0;
DROP TABLE month_key;
ALTER TABLE month_key_first RENAME TO month_key;
