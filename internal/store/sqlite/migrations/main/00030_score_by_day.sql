-- +goose Up
-- Sums of quality lie by day: the board of a nation reads a day's rows in one go, and
-- the fold writes where it wrote last.
ALTER TABLE score RENAME TO score_before;
CREATE TABLE score (
  scale   TEXT NOT NULL,
  day     INTEGER NOT NULL,
  member  TEXT NOT NULL,
  subject TEXT NOT NULL,
  sheet   BLOB NOT NULL,
  vector  BLOB NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY (scale, day, member, subject, sheet)
) STRICT, WITHOUT ROWID;
INSERT INTO score (scale, day, member, subject, sheet, vector, changed)
 SELECT scale, day, member, subject, sheet, vector, changed FROM score_before ORDER BY scale, day, member, subject, sheet;
DROP TABLE score_before;
CREATE INDEX score_member ON score (member, scale, day);

-- The meeting's report counts what ended in its days, and what is open, by owner.
DROP INDEX duty_task_closed;
CREATE INDEX duty_task_closed ON duty_task (closed, id, owner, state) WHERE closed > 0;
CREATE INDEX duty_task_open ON duty_task (owner, due, state) WHERE open = 1;

-- +goose Down
DROP INDEX duty_task_open;
DROP INDEX duty_task_closed;
CREATE INDEX duty_task_closed ON duty_task (closed, id) WHERE closed > 0;
ALTER TABLE score RENAME TO score_before;
CREATE TABLE score (
  scale   TEXT NOT NULL,
  member  TEXT NOT NULL,
  subject TEXT NOT NULL,
  day     INTEGER NOT NULL,
  sheet   BLOB NOT NULL,
  vector  BLOB NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY (member, scale, subject, day, sheet)
) STRICT, WITHOUT ROWID;
INSERT INTO score (scale, member, subject, day, sheet, vector, changed) SELECT scale, member, subject, day, sheet, vector, changed FROM score_before;
DROP TABLE score_before;
CREATE INDEX score_day ON score (scale, day);
