-- +goose Up
-- What provinces mean to reach, as they said it: nothing is changed in place. Times
-- are microseconds since 1970 in UTC; a day is yyyyMMdd in Hanoi.

CREATE TABLE target (
  province TEXT NOT NULL,
  id       TEXT NOT NULL,    -- what is measured
  version  INTEGER NOT NULL, -- 1, 2, ...
  at       INTEGER NOT NULL,
  by       TEXT NOT NULL,
  value    INTEGER NOT NULL, -- a number, or per mille
  due      INTEGER NOT NULL,
  note     TEXT NOT NULL,
  ended    INTEGER NOT NULL,
  PRIMARY KEY (province, id, version)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE target;
