// Package keys keeps wrapped month keys, the hub's own facts and administrative
// acts in PostgreSQL. It opens no key.
package keys

import (
	"context"
	"math"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Keys is the store.Keys of a hub.
type Keys struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Keys = (*Keys)(nil)

// New returns the slice; writer nil: acts with a leaf are ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Keys { return &Keys{db: db, writer: writer} }

// Months returns every wrapped month key, by class and month.
func (x *Keys) Months(ctx context.Context) ([]store.MonthKey, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT class, month, generation, master, wrapped FROM month_key ORDER BY class, month, generation`)
	if err != nil {
		return nil, handle.Fault(err)
	}
	months, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (k store.MonthKey, err error) {
		err = row.Scan(&k.Class, &k.Month, &k.Generation, &k.Master, &k.Wrapped)
		return k, err
	})
	return months, handle.Fault(err)
}

// PutMonth keeps a month key unless one is there, and returns the one that is.
func (x *Keys) PutMonth(ctx context.Context, key store.MonthKey) (store.MonthKey, error) {
	if err := store.CheckText(key.Class, key.Master); err != nil {
		return store.MonthKey{}, err
	}
	kept := store.MonthKey{Class: key.Class, Month: key.Month, Generation: key.Generation}
	b := &pgx.Batch{}
	b.Queue(`INSERT INTO month_key (class, month, generation, master, wrapped) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (class, month, generation) DO NOTHING`,
		key.Class, key.Month, key.Generation, key.Master, handle.Bytes(key.Wrapped))
	b.Queue(`SELECT master, wrapped FROM month_key WHERE class = $1 AND month = $2 AND generation = $3`, key.Class, key.Month, key.Generation).QueryRow(func(row pgx.Row) error {
		return row.Scan(&kept.Master, &kept.Wrapped)
	})
	if err := x.db.Pool.SendBatch(ctx, b).Close(); err != nil {
		return store.MonthKey{}, handle.Fault(err)
	}
	return kept, nil
}

// Fact returns a fact of the hub.
func (x *Keys) Fact(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := x.db.Pool.QueryRow(ctx, `SELECT value FROM fact WHERE name = $1`, name).Scan(&value)
	return value, handle.Fault(err)
}

// PutFact keeps a fact unless it is there, and returns what is.
func (x *Keys) PutFact(ctx context.Context, name string, value []byte) ([]byte, error) {
	if err := store.CheckText(name); err != nil {
		return nil, err
	}
	var kept []byte
	b := &pgx.Batch{}
	b.Queue(`INSERT INTO fact (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, handle.Bytes(value))
	b.Queue(`SELECT value FROM fact WHERE name = $1`, name).QueryRow(func(row pgx.Row) error { return row.Scan(&kept) })
	if err := x.db.Pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, handle.Fault(err)
	}
	return kept, nil
}

// Act keeps an act with its leaf.
func (x *Keys) Act(ctx context.Context, act store.Act) error {
	if err := ledger.CheckAct(act); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	return x.writer.CommitAct(ctx, tx, tx.Batch(), act)
}

// Acts returns a page of acts, newest first.
func (x *Keys) Acts(ctx context.Context, before int64, limit int) ([]store.Act, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	rows, err := x.db.Pool.Query(ctx, `SELECT id, at, actor, action, object, detail FROM act WHERE id < $1 ORDER BY id DESC LIMIT $2`, before, handle.Limit(limit))
	if err != nil {
		return nil, handle.Fault(err)
	}
	acts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a store.Act, err error) {
		var at int64
		err = row.Scan(&a.ID, &at, &a.Actor, &a.Action, &a.Object, &a.Detail)
		a.At = handle.Moment(at)
		return a, err
	})
	return acts, handle.Fault(err)
}
