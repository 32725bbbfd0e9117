-- +goose Up
-- Numbers by province and unit, folded in the write that folds counter and always
-- their sum: boards of places read some hundred rows a day instead of a nation's.

CREATE TABLE counter_place (
  measure  TEXT NOT NULL,
  day      INTEGER NOT NULL,
  province TEXT NOT NULL, -- of the facility's version
  unit     TEXT NOT NULL,
  kind     TEXT NOT NULL,
  purpose  TEXT NOT NULL,
  n        INTEGER NOT NULL,
  PRIMARY KEY (measure, day, province, unit, kind, purpose)
) STRICT, WITHOUT ROWID;
INSERT INTO counter_place (measure, day, province, unit, kind, purpose, n)
 SELECT c.measure, c.day, coalesce(v.province, ''), coalesce(v.unit, ''), c.kind, c.purpose, sum(c.n)
 FROM counter c LEFT JOIN facility_version v ON v.id = c.facility_version GROUP BY 1, 2, 3, 4, 5, 6;

-- +goose Down
DROP TABLE counter_place;
