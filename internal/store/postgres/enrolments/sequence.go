package enrolments

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Sequence moves a client's sequence, in one statement: it says what it found,
// under the row's lock, and what it wrote.
func (x *Enrolments) Sequence(ctx context.Context, s store.Step) (token string, ok bool, err error) {
	if err := store.CheckText(s.Client, s.Prev, s.Next); err != nil {
		return "", false, err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return "", false, err
	}
	defer tx.End()
	b := tx.Batch()
	if s.N == 1 || s.Known { // who begins, or goes on where this store knows nothing
		b.Queue(`INSERT INTO sender (client, n, prev, token, at, forked) VALUES ($1, 0, '', '-', $2, 0) ON CONFLICT (client) DO NOTHING`, s.Client, handle.Micros(s.At))
	}
	var n, forked int64
	var prev, last string
	b.Queue(`SELECT n, prev, token, forked FROM sender WHERE client = $1 FOR UPDATE`, s.Client).QueryRow(func(row pgx.Row) error {
		if err := row.Scan(&n, &prev, &last, &forked); !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return nil
	})
	if err := tx.Send(ctx, b); err != nil {
		return "", false, err
	}
	switch {
	case forked != 0:
		return "", false, nil
	case n > 0 && s.N == n && s.Prev == prev:
		return last, true, nil
	case s.N == n+1 && s.Prev == last, s.N > n+1 && s.Known:
		b := tx.Batch()
		b.Queue(`UPDATE sender SET n = $2, prev = $3, token = $4, at = $5 WHERE client = $1`, s.Client, s.N, s.Prev, s.Next, handle.Micros(s.At))
		if err := tx.Commit(ctx, b); err != nil {
			return "", false, handle.Fault(err)
		}
		return s.Next, true, nil
	}
	return "", false, nil
}

// Fork keeps that a client's sequence forked.
func (x *Enrolments) Fork(ctx context.Context, client string, at time.Time, act store.Act) (fresh bool, err error) {
	if err := errors.Join(store.CheckText(client), ledger.CheckAct(act)); err != nil {
		return false, err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return false, err
	}
	defer tx.End()
	b := tx.Batch()
	b.Queue(`INSERT INTO sender (client, n, prev, token, at, forked) VALUES ($1, 0, '', '-', $2, 0) ON CONFLICT (client) DO NOTHING`, client, handle.Micros(at))
	b.Queue(`UPDATE sender SET forked = $2 WHERE client = $1 AND forked = 0`, client, handle.Micros(at)).Exec(func(tag pgconn.CommandTag) error {
		fresh = tag.RowsAffected() > 0
		return nil
	})
	b.Queue(`UPDATE sender SET forked = $2 WHERE client = $1 AND forked < $2`, client, handle.Micros(at))
	if err := tx.Send(ctx, b); err != nil {
		return false, err
	}
	if !fresh {
		return false, handle.Fault(tx.Commit(ctx, tx.Batch()))
	}
	return true, x.writer.CommitAct(ctx, tx, tx.Batch(), act)
}

// Forks lists clients in use whose sequence forked.
func (x *Enrolments) Forks(ctx context.Context) (map[string]time.Time, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT s.client, s.forked FROM sender s JOIN client c ON c.id = s.client WHERE s.forked > 0 AND c.revoked = 0`)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all := map[string]time.Time{}
	var client string
	var at int64
	_, err = pgx.ForEachRow(rows, []any{&client, &at}, func() error {
		all[client] = handle.Moment(at)
		return nil
	})
	return all, handle.Fault(err)
}
