-- A month key has generations: the newest seals, all open.

-- +goose Up
ALTER TABLE month_key ADD COLUMN generation integer NOT NULL DEFAULT 0;
ALTER TABLE month_key DROP CONSTRAINT month_key_pkey;
ALTER TABLE month_key ADD PRIMARY KEY (class, month, generation);

-- +goose Down
DELETE FROM month_key WHERE generation > 0;
ALTER TABLE month_key DROP CONSTRAINT month_key_pkey;
ALTER TABLE month_key DROP COLUMN generation;
ALTER TABLE month_key ADD PRIMARY KEY (class, month);
