-- +goose Up
-- A log that a restored store cannot prove it holds to its end is closed: empty
-- while it goes on, else a byte and the last checkpoint known of it.
ALTER TABLE log ADD COLUMN closed bytea NOT NULL DEFAULT '';
