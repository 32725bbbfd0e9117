// Package retention is the PostgreSQL engine's side of store.Retention: it
// destroys records, keeps their tombstones, and vacuums the tables that held
// what was destroyed. What may be destroyed is decided above.
package retention

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Retention is the store.Retention of a hub.
type Retention struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Retention = (*Retention)(nil)

// New returns the slice; writer nil: what needs a leaf is store.ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Retention {
	return &Retention{db: db, writer: writer}
}

// allLimit is how long a query over a whole table may take.
const allLimit = time.Hour

// Due returns records to be erased, oldest first.
func (x *Retention) Due(ctx context.Context, class string, month int, limit int) ([]store.Record, error) {
	if err := store.CheckText(class); err != nil {
		return nil, err
	}
	from := time.Date(month/100, time.Month(month%100), 1, 0, 0, 0, 0, clock.Hanoi)
	var all []store.Record
	err := x.db.Scan(ctx, allLimit, `SELECT `+handle.RecordColumns+` FROM record r `+handle.RecordJoins+` WHERE r.received >= $1 AND r.received < $2
		AND r.class = $3 AND r.month = $4 AND r.erased = 0 ORDER BY r.received, r.facility, r.serial LIMIT $5`,
		[]any{handle.Micros(from), handle.Micros(from.AddDate(0, 1, 0)), class, month, limit}, func(rows pgx.Rows) (err error) {
			all, err = handle.CollectRecords(rows)
			return err
		})
	return all, err
}

// Terms counts what is kept by class and month.
func (x *Retention) Terms(ctx context.Context) ([]store.Term, error) {
	var out []store.Term
	err := x.db.Scan(ctx, allLimit, `SELECT class, month, sum(records)::bigint, sum(erased)::bigint, sum(files)::bigint, sum(keys) > 0 FROM (
			SELECT class, month, count(*) FILTER (WHERE erased = 0) AS records, count(*) FILTER (WHERE erased <> 0) AS erased, 0 AS files, 0 AS keys FROM record GROUP BY 1, 2
			UNION ALL SELECT class, month, 0, 0, count(*), 0 FROM file WHERE wrapped <> '' GROUP BY 1, 2
			UNION ALL SELECT DISTINCT class, month, 0, 0, 0, 1 FROM month_key) t GROUP BY class, month ORDER BY class, month`, nil, func(rows pgx.Rows) (err error) {
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (t store.Term, err error) {
			err = row.Scan(&t.Class, &t.Month, &t.Records, &t.Erased, &t.Files, &t.Key)
			return t, err
		})
		return err
	})
	return out, err
}

// DropMonth destroys a month key that nothing needs.
func (x *Retention) DropMonth(ctx context.Context, class string, month int, act store.Act) ([]store.Residue, error) {
	if err := ledger.CheckAct(act); err != nil {
		return nil, err
	}
	if err := store.CheckText(class); err != nil {
		return nil, err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.End()
	var used bool
	b := tx.Batch()
	// Sealing under it needs no row of it, but its month is long over.
	b.Queue(`SELECT 1 FROM month_key WHERE class = $1 AND month = $2 ORDER BY generation LIMIT 1 FOR UPDATE`, class, month).QueryRow(func(row pgx.Row) error {
		var one int
		return row.Scan(&one)
	})
	b.Queue(`SELECT set_config('enable_seqscan', 'on', true), set_config('statement_timeout', '3600000', true)`)
	b.Queue(`SELECT EXISTS (SELECT 1 FROM record WHERE class = $1 AND month = $2 AND wrapped <> '')
		OR EXISTS (SELECT 1 FROM file WHERE class = $1 AND month = $2 AND wrapped <> '')
		OR EXISTS (SELECT 1 FROM db_entry WHERE class = $1 AND month = $2 AND wrapped <> '')
		OR EXISTS (SELECT 1 FROM db_entry_version WHERE class = $1 AND month = $2 AND wrapped <> '')`, class, month).QueryRow(func(row pgx.Row) error {
		return row.Scan(&used)
	})
	if err := tx.Send(ctx, b); err != nil {
		return nil, err
	}
	if used {
		return nil, store.ErrKeyInUse
	}
	b = tx.Batch()
	b.Queue(`DELETE FROM month_key WHERE class = $1 AND month = $2`, class, month)
	return nil, x.writer.CommitAct(ctx, tx, b, act)
}

// cleaned are the tables that erasure takes from.
var cleaned = []string{"record", "body", "body_archive", "tag", "file", "skeleton_archive", "subject", "link", "bar", "claim", "feature", "matter_version", "month_key"}

// Clean vacuums the tables that erasure takes from: no dead row is left, nor an
// index entry of one. Their bytes stay in the free space of pages until it is
// used again; only VACUUM FULL, which locks a table, writes pages anew. What the
// write-ahead log and standbys hold is not reached from here.
func (x *Retention) Clean(ctx context.Context, _ []store.Residue) error {
	conn, err := x.db.Pool.Acquire(ctx)
	if err != nil {
		return handle.Fault(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SET statement_timeout = 0`); err != nil {
		return handle.Fault(err)
	}
	defer func() {
		if _, err := conn.Exec(context.WithoutCancel(ctx), `RESET statement_timeout`); err != nil {
			x.db.Logger.WarnContext(ctx, "retention: a connection keeps no limit", "err", err)
		}
	}()
	for _, table := range cleaned {
		// Constant names: VACUUM takes no parameters.
		if _, err := conn.Exec(ctx, `VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) `+pgx.Identifier{table}.Sanitize()); err != nil {
			return handle.Fault(err)
		}
	}
	_, err = conn.Exec(ctx, `CHECKPOINT`)
	if err != nil {
		x.db.Logger.InfoContext(ctx, "retention: the server checkpoints by itself", "err", handle.Fault(err)) // not a superuser
	}
	return nil
}

const selectTombstone = `SELECT facility, serial, at, reason, number, actor FROM tombstone`

func scan(row pgx.Row) (*store.Tombstone, error) {
	var t store.Tombstone
	var facility string
	var serial pgtype.UUID
	var at int64
	if err := row.Scan(&facility, &serial, &at, &t.Reason, &t.Case, &t.Actor); err != nil {
		return nil, handle.Fault(err)
	}
	t.Record, t.At = handle.ID(facility, serial), handle.Moment(at)
	return &t, nil
}

// Tombstone returns the tombstone of one record.
func (x *Retention) Tombstone(ctx context.Context, id dossier.ID) (*store.Tombstone, error) {
	if err := store.CheckText(string(id.Facility)); err != nil {
		return nil, store.ErrAbsent
	}
	return scan(x.db.Pool.QueryRow(ctx, selectTombstone+` WHERE facility = $1 AND serial = $2`, string(id.Facility), handle.UUID(id.Serial)))
}

// Tombstones gives every tombstone.
func (x *Retention) Tombstones(ctx context.Context, fn func(*store.Tombstone) error) error {
	rows, err := x.db.Pool.Query(ctx, selectTombstone+` ORDER BY facility, serial`)
	if err != nil {
		return handle.Fault(err)
	}
	defer rows.Close()
	for rows.Next() {
		t, err := scan(rows)
		if err != nil {
			return err
		}
		if err := fn(t); err != nil {
			return err
		}
	}
	return handle.Fault(rows.Err())
}
