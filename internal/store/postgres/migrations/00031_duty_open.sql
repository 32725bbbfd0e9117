-- +goose Up
-- The column that an index is limited by has to be in it, else its rows are read.
DROP INDEX duty_task_open;
CREATE INDEX duty_task_open ON duty_task (owner, due) INCLUDE (open, state) WHERE open = 1;

-- +goose Down
DROP INDEX duty_task_open;
CREATE INDEX duty_task_open ON duty_task (owner, due) INCLUDE (state) WHERE open = 1;
