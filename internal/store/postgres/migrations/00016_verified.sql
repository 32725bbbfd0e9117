-- What the population register said when it was last asked about a person. Times
-- are microseconds since 1970 in UTC.

-- +goose Up
CREATE TABLE verified (
  person     uuid PRIMARY KEY,
  at         bigint NOT NULL,
  register   text COLLATE "C" NOT NULL, -- its approved entry
  answer     text COLLATE "C" NOT NULL, -- match, differs, unknown, cancelled, replaced
  differs_in text COLLATE "C" NOT NULL  -- of name, birth, sex; commas between
);

-- +goose Down
DROP TABLE verified;
