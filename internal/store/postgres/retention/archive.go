package retention

import (
	"context"
	"time"

	"lienthong/internal/store/postgres/handle"
)

// moves take rows to the tables of the archive: bodies, then skeletons. What was
// moved is out of the first table and in the second in one statement.
var moves = [...]string{
	`WITH u AS (SELECT b.facility, b.serial FROM body b JOIN record r ON r.facility = b.facility AND r.serial = b.serial WHERE r.received < $1 LIMIT $2),
	gone AS (DELETE FROM body b USING u WHERE b.facility = u.facility AND b.serial = u.serial RETURNING b.facility, b.serial, b.data)
	INSERT INTO body_archive (facility, serial, data) SELECT facility, serial, data FROM gone`,
	`WITH u AS (SELECT facility, hash, skeleton FROM file WHERE received < $1 AND skeleton <> '' LIMIT $2 FOR UPDATE),
	gone AS (UPDATE file f SET skeleton = '' FROM u WHERE f.facility = u.facility AND f.hash = u.hash RETURNING f.facility, f.hash, u.skeleton)
	INSERT INTO skeleton_archive (facility, hash, data) SELECT facility, hash, skeleton FROM gone`,
}

// archiveAtOnce is how many rows one transaction moves at most.
const archiveAtOnce = 1000

// Archive moves bodies and skeletons of older records to the tables of the
// archive, each with its own transaction.
func (x *Retention) Archive(ctx context.Context, before time.Time, limit int) (int, error) {
	moved := 0
	for _, move := range moves {
		n, err := x.move(ctx, move, before, max(1, min(limit-moved, archiveAtOnce)))
		if moved += n; err != nil || moved >= limit {
			return moved, err
		}
	}
	return moved, nil
}

func (x *Retention) move(ctx context.Context, query string, before time.Time, limit int) (int, error) {
	tx, err := x.db.Pool.Begin(ctx)
	if err != nil {
		return 0, handle.Fault(err)
	}
	defer tx.Rollback(ctx) //nolint:errcheck // after Commit there is nothing to roll back; before it, the server does
	// The oldest rows stand first: they are found by reading along the table.
	if _, err := tx.Exec(ctx, `SELECT set_config('enable_seqscan', 'on', true), set_config('statement_timeout', '600000', true)`); err != nil {
		return 0, handle.Fault(err)
	}
	tag, err := tx.Exec(ctx, query, handle.Micros(before), limit)
	if err != nil {
		return 0, handle.Fault(err)
	}
	return int(tag.RowsAffected()), handle.Fault(tx.Commit(ctx))
}
