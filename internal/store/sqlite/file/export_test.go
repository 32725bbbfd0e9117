package file

import "database/sql"

// Waiting counts the writes in line, for tests that need an order.
func Waiting(d *DB) int {
	d.queue.mu.Lock()
	defer d.queue.mu.Unlock()
	n := 0
	for _, line := range d.queue.lines {
		n += len(line)
	}
	return n
}

// Stopped reports whether the end has begun.
func Stopped(d *DB) bool {
	d.queue.mu.Lock()
	defer d.queue.mu.Unlock()
	return d.queue.stopped
}

// Text is a text column that is not null.
func Text(s string) sql.NullString { return sql.NullString{String: s, Valid: true} }
