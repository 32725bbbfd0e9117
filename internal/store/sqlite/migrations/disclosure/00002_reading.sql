-- +goose Up
-- Who at a facility, on which opening, for what, and what decided.
ALTER TABLE disclosure ADD COLUMN staff BLOB;
ALTER TABLE disclosure ADD COLUMN opening BLOB;
ALTER TABLE disclosure ADD COLUMN purpose TEXT NOT NULL DEFAULT '';
ALTER TABLE disclosure ADD COLUMN facts TEXT NOT NULL DEFAULT ''; -- JSON, or ''
CREATE INDEX disclosure_person ON disclosure (person) WHERE person IS NOT NULL;
CREATE INDEX disclosure_staff ON disclosure (staff) WHERE staff IS NOT NULL;
CREATE INDEX disclosure_opening ON disclosure (opening) WHERE opening IS NOT NULL;

-- +goose Down
DROP INDEX disclosure_opening;
DROP INDEX disclosure_staff;
DROP INDEX disclosure_person;
ALTER TABLE disclosure DROP COLUMN facts;
ALTER TABLE disclosure DROP COLUMN purpose;
ALTER TABLE disclosure DROP COLUMN opening;
ALTER TABLE disclosure DROP COLUMN staff;
