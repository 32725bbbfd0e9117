-- Numbers by province and unit, folded in the statement that folds counter and always
-- their sum: boards of places read some hundred rows a day instead of a nation's.

-- +goose Up

CREATE TABLE counter_place (
  measure  text COLLATE "C" NOT NULL,
  day      integer NOT NULL,
  province text COLLATE "C" NOT NULL, -- of the facility's version
  unit     text COLLATE "C" NOT NULL,
  kind     text COLLATE "C" NOT NULL,
  purpose  text COLLATE "C" NOT NULL,
  n        bigint NOT NULL,
  PRIMARY KEY (measure, day, province, unit, kind, purpose)
);
INSERT INTO counter_place (measure, day, province, unit, kind, purpose, n)
	SELECT c.measure, c.day, coalesce(v.province, ''), coalesce(v.unit, ''), c.kind, c.purpose, sum(c.n)
	FROM counter c LEFT JOIN facility_version v ON v.id = c.facility_version GROUP BY 1, 2, 3, 4, 5, 6;

-- +goose Down
DROP TABLE counter_place;
