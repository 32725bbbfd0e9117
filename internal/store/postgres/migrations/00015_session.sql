-- Whose session it is, how surely, and on which device; who at a facility looked,
-- on which opening, for what, and what decided.

-- +goose Up
ALTER TABLE session ADD COLUMN staff uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  ADD COLUMN person uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  ADD COLUMN level integer NOT NULL DEFAULT 0,
  ADD COLUMN stepped_up bigint NOT NULL DEFAULT 0,
  ADD COLUMN device text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX session_staff ON session (staff) WHERE staff <> '00000000-0000-0000-0000-000000000000';
CREATE INDEX session_person ON session (person) WHERE person <> '00000000-0000-0000-0000-000000000000';
CREATE INDEX session_expires ON session (expires);

ALTER TABLE disclosure ADD COLUMN staff uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  ADD COLUMN opening uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  ADD COLUMN purpose text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN facts text COLLATE "C" NOT NULL DEFAULT ''; -- JSON, or ''
CREATE INDEX disclosure_staff ON disclosure (staff, id) WHERE staff <> '00000000-0000-0000-0000-000000000000';
CREATE INDEX disclosure_opening ON disclosure (opening, id) WHERE opening <> '00000000-0000-0000-0000-000000000000';

-- +goose Down
DROP INDEX disclosure_opening, disclosure_staff, session_expires, session_person, session_staff;
ALTER TABLE disclosure DROP COLUMN staff, DROP COLUMN opening, DROP COLUMN purpose, DROP COLUMN facts;
ALTER TABLE session DROP COLUMN staff, DROP COLUMN person, DROP COLUMN level, DROP COLUMN stepped_up, DROP COLUMN device;
