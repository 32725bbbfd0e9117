-- +goose Up
-- What the population register said when it was last asked about a person. Times
-- are microseconds since 1970 in UTC.
CREATE TABLE verified (
  person     BLOB PRIMARY KEY,
  at         INTEGER NOT NULL,
  register   TEXT NOT NULL, -- its approved entry
  answer     TEXT NOT NULL, -- match, differs, unknown, cancelled, replaced
  differs_in TEXT NOT NULL  -- of name, birth, sex; commas between
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE verified;
