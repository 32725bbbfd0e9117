-- +goose Up
-- Sums of quality lie by day: the board of a nation reads a day's rows in one go, and
-- the fold writes where it wrote last.
CREATE TABLE score_by_day (
  scale   TEXT NOT NULL,
  day     INTEGER NOT NULL,
  member  TEXT NOT NULL,
  subject TEXT NOT NULL,
  sheet   BLOB NOT NULL,
  vector  BLOB NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY (scale, day, member, subject, sheet)
) STRICT, WITHOUT ROWID;
INSERT INTO score_by_day (scale, day, member, subject, sheet, vector, changed)
 SELECT scale, day, member, subject, sheet, vector, changed FROM score ORDER BY scale, day, member, subject, sheet;
DROP TABLE score;
ALTER TABLE score_by_day RENAME TO score;
CREATE INDEX score_member ON score (member, scale, day);

-- +goose Down
CREATE TABLE score_by_member (
  scale   TEXT NOT NULL,
  member  TEXT NOT NULL,
  subject TEXT NOT NULL,
  day     INTEGER NOT NULL,
  sheet   BLOB NOT NULL,
  vector  BLOB NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY (member, scale, subject, day, sheet)
) STRICT, WITHOUT ROWID;
INSERT INTO score_by_member (scale, member, subject, day, sheet, vector, changed) SELECT scale, member, subject, day, sheet, vector, changed FROM score;
DROP TABLE score;
ALTER TABLE score_by_member RENAME TO score;
CREATE INDEX score_day ON score (scale, day);
