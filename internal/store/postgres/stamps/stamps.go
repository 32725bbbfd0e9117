// Package stamps keeps time-stamps of checkpoints, and the demands for them, in
// PostgreSQL. It verifies none.
package stamps

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Stamps is the store.Stamps of a hub.
type Stamps struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Stamps = (*Stamps)(nil)

// New returns the slice; writer nil: keeping a token is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Stamps { return &Stamps{db, writer} }

// Keep keeps a token with its leaf.
func (x *Stamps) Keep(ctx context.Context, s store.Stamp) error {
	if err := store.CheckText(s.Authority, s.Code); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	hash := sha256.Sum256(s.Token)
	fresh := false
	b := tx.Batch()
	b.Queue(`INSERT INTO stamp (log, size, hash, state, authority, at, gen_time, not_after, attempts, code, token)
		VALUES ($1, $2, $3, 'stamped', $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (log, size, hash) DO NOTHING`,
		s.Log, int64(s.Size), hash[:], s.Authority, handle.Micros(s.At), handle.Micros(s.GenTime), handle.Micros(s.NotAfter), s.Attempts, s.Code,
		handle.Bytes(s.Token)).Exec(func(tag pgconn.CommandTag) error {
		fresh = tag.RowsAffected() == 1
		return nil
	})
	b.Queue(`UPDATE stamp SET state = 'covered' WHERE log = $1 AND state = 'late' AND size <= $2`, s.Log, int64(s.Size))
	if err := tx.Send(ctx, b); err != nil {
		return err
	}
	if !fresh {
		return nil // End rolls back
	}
	_, err = x.writer.Commit(ctx, tx, []ledger.Leaf{{Data: s.Leaf()}})
	return err
}

// Late notes a demand that failed.
func (x *Stamps) Late(ctx context.Context, s store.Stamp) error {
	if err := store.CheckText(s.Authority, s.Code); err != nil {
		return err
	}
	_, err := x.db.Pool.Exec(ctx, `WITH again AS (
			UPDATE stamp SET attempts = attempts + 1, code = $4, authority = $3 WHERE log = $1 AND state = 'late' RETURNING log)
		INSERT INTO stamp (log, size, hash, state, authority, at, gen_time, not_after, attempts, code, token)
		SELECT $1, $2, '', 'late', $3, $5, 0, 0, 1, $4, '' WHERE NOT EXISTS (SELECT 1 FROM again)
		ON CONFLICT (log, size, hash) DO UPDATE SET state = 'late', authority = excluded.authority, attempts = stamp.attempts + 1, code = excluded.code`,
		s.Log, int64(s.Size), s.Authority, s.Code, handle.Micros(s.At))
	return handle.Fault(err)
}

const columns = `log, size, state, authority, at, gen_time, not_after, attempts, code`

func scan(row pgx.Row) (*store.Stamp, error) {
	var s store.Stamp
	var size, at, gen, after int64
	if err := row.Scan(&s.Log, &size, &s.State, &s.Authority, &at, &gen, &after, &s.Attempts, &s.Code, &s.Token); err != nil {
		return nil, err
	}
	s.Size, s.At, s.GenTime, s.NotAfter, s.Token = uint64(size), handle.Moment(at), handle.Moment(gen), handle.Moment(after), handle.OrNil(s.Token)
	return &s, nil
}

// Last returns the newest stamp of a log and its open demand.
func (x *Stamps) Last(ctx context.Context, log int) (last, late *store.Stamp, err error) {
	err = x.db.Read(ctx, func(tx pgx.Tx) error {
		if last, err = one(tx.QueryRow(ctx, `SELECT `+columns+`, token FROM stamp WHERE log = $1 AND state = 'stamped' ORDER BY size DESC, gen_time DESC LIMIT 1`, log)); err != nil {
			return err
		}
		late, err = one(tx.QueryRow(ctx, `SELECT `+columns+`, token FROM stamp WHERE log = $1 AND state = 'late' LIMIT 1`, log))
		return err
	})
	return last, late, err
}

// one reads a row, nil without one.
func one(row pgx.Row) (*store.Stamp, error) {
	s, err := scan(row)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return s, err
}

// List returns a page of a log's stamps.
func (x *Stamps) List(ctx context.Context, log int, before uint64, limit int) ([]store.Stamp, bool, error) {
	if before == 0 || before > math.MaxInt64 {
		before = math.MaxInt64
	}
	limit = handle.Limit(limit)
	rows, err := x.db.Pool.Query(ctx, `SELECT `+columns+`, ''::bytea FROM stamp WHERE log = $1 AND size < $2 ORDER BY size DESC, gen_time DESC, hash LIMIT $3`,
		log, int64(before), limit+1)
	if err != nil {
		return nil, false, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Stamp, error) {
		s, err := scan(row)
		if err != nil {
			return store.Stamp{}, err
		}
		return *s, nil
	})
	if err != nil {
		return nil, false, handle.Fault(err)
	}
	if len(all) > limit {
		return all[:limit], true, nil
	}
	return all, false, nil
}

// Covering returns the first stamp at or above a size.
func (x *Stamps) Covering(ctx context.Context, log int, size uint64) (*store.Stamp, error) {
	if size > math.MaxInt64 {
		return nil, store.ErrAbsent
	}
	s, err := scan(x.db.Pool.QueryRow(ctx, `SELECT `+columns+`, token FROM stamp WHERE log = $1 AND size >= $2 AND state = 'stamped' ORDER BY size, gen_time LIMIT 1`, log, int64(size)))
	return s, handle.Fault(err)
}

// EachStamp gives every kept token.
func (x *Stamps) EachStamp(ctx context.Context, fn func(*store.Stamp) error) error {
	rows, err := x.db.Pool.Query(ctx, `SELECT `+columns+`, token FROM stamp WHERE state = 'stamped' ORDER BY log, size, gen_time`)
	if err != nil {
		return handle.Fault(err)
	}
	defer rows.Close()
	for rows.Next() {
		s, err := scan(rows)
		if err != nil {
			return handle.Fault(err)
		}
		if err := fn(s); err != nil {
			return err
		}
	}
	return handle.Fault(rows.Err())
}
