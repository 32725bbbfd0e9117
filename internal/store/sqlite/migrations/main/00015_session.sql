-- +goose Up
-- Whose session it is, how surely, and on which device.
ALTER TABLE session ADD COLUMN staff BLOB;  -- null: nobody known
ALTER TABLE session ADD COLUMN person BLOB; -- of a citizen
ALTER TABLE session ADD COLUMN level INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN stepped_up INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN device TEXT NOT NULL DEFAULT '';
CREATE INDEX session_staff ON session (staff) WHERE staff IS NOT NULL;
CREATE INDEX session_person ON session (person) WHERE person IS NOT NULL;
CREATE INDEX session_expires ON session (expires);

-- +goose Down
DROP INDEX session_expires;
DROP INDEX session_person;
DROP INDEX session_staff;
ALTER TABLE session DROP COLUMN device;
ALTER TABLE session DROP COLUMN stepped_up;
ALTER TABLE session DROP COLUMN level;
ALTER TABLE session DROP COLUMN person;
ALTER TABLE session DROP COLUMN staff;
