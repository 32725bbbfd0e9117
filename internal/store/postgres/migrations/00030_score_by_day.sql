-- Sums of quality lie by day in the embedded engine; here rows lie where they are
-- written, and the index by day is enough.

-- +goose Up

-- The meeting's report counts what ended in its days, and what is open, by owner.
DROP INDEX duty_task_closed;
CREATE INDEX duty_task_closed ON duty_task (closed, id) INCLUDE (owner, state) WHERE closed > 0;
CREATE INDEX duty_task_open ON duty_task (owner, due) INCLUDE (state) WHERE open = 1;

-- +goose Down
DROP INDEX duty_task_open;
DROP INDEX duty_task_closed;
CREATE INDEX duty_task_closed ON duty_task (closed, id) WHERE closed > 0;
