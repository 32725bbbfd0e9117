// Package services keeps in PostgreSQL the addresses outside that an operator
// approved. It calls none of them.
package services

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Services is the store.Services of a hub.
type Services struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Services = (*Services)(nil)

// New returns the slice; writer nil: changes are ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Services { return &Services{db, writer} }

// Services returns every entry.
func (x *Services) Services(ctx context.Context) ([]store.Service, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT kind, url, der, private, since, ended FROM service ORDER BY kind, url, hash`)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s store.Service, err error) {
		var since, ended int64
		err = row.Scan(&s.Kind, &s.URL, &s.DER, &s.Private, &since, &ended)
		s.Since, s.Ended = handle.Moment(since), handle.Moment(ended)
		return s, err
	})
	return all, handle.Fault(err)
}

// PutService keeps an entry with its act.
func (x *Services) PutService(ctx context.Context, s store.Service, act store.Act) error {
	hash := sha256.Sum256(s.DER)
	return x.change(ctx, s.Kind, s.URL, act, func(b *pgx.Batch) {
		b.Queue(`INSERT INTO service (kind, url, hash, der, private, since, ended) VALUES ($1, $2, $3, $4, $5, $6, 0)
			ON CONFLICT (kind, url, hash) DO UPDATE SET private = excluded.private, since = excluded.since, ended = 0`,
			s.Kind, s.URL, hash[:], handle.Bytes(s.DER), s.Private, handle.Micros(s.Since))
	})
}

// EndService ends the entries of an address.
func (x *Services) EndService(ctx context.Context, kind, url string, at time.Time, act store.Act) error {
	return x.change(ctx, kind, url, act, func(b *pgx.Batch) {
		b.Queue(`UPDATE service SET ended = $3 WHERE kind = $1 AND url = $2 AND ended = 0`, kind, url, handle.Micros(at)).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 0 {
				return store.ErrAbsent
			}
			return nil
		})
	})
}

func (x *Services) change(ctx context.Context, kind, url string, act store.Act, queue func(*pgx.Batch)) error {
	if err := store.CheckText(kind, url); err != nil {
		return err
	}
	if err := ledger.CheckAct(act); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	queue(b)
	return x.writer.CommitAct(ctx, tx, b, act)
}
