-- What provinces mean to reach, as they said it: nothing is changed in place. Times
-- are microseconds since 1970 in UTC; a day is yyyyMMdd in Hanoi.

-- +goose Up

CREATE TABLE target (
  province text COLLATE "C" NOT NULL,
  id       text COLLATE "C" NOT NULL, -- what is measured
  version  integer NOT NULL,          -- 1, 2, ...
  at       bigint NOT NULL,
  by       text COLLATE "C" NOT NULL,
  value    bigint NOT NULL,           -- a number, or per mille
  due      integer NOT NULL,
  note     text COLLATE "C" NOT NULL,
  ended    boolean NOT NULL,
  PRIMARY KEY (province, id, version)
);

-- +goose Down
DROP TABLE target;
