-- +goose Up
-- A log that a restored store cannot prove it holds to its end is closed: null
-- while it goes on, else the last checkpoint known of it.
ALTER TABLE log ADD COLUMN closed bytea;
