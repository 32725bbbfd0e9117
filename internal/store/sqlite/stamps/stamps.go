// Package stamps is the embedded engine's side of store.Stamps: time-stamps of
// checkpoints and the demands for them. It verifies none.
package stamps

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"math"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Stamps implements store.Stamps.
type Stamps struct{ db *file.DB }

var _ store.Stamps = (*Stamps)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Stamps { return &Stamps{db: db} }

// Keep keeps a token with its leaf.
func (x *Stamps) Keep(ctx context.Context, s store.Stamp) error {
	if err := store.CheckText(s.Authority, s.Code); err != nil {
		return err
	}
	hash, leaf := sha256.Sum256(s.Token), s.Leaf()
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`INSERT INTO stamp (log, size, hash, state, authority, at, gen_time, not_after, attempts, code, token)
 VALUES (?, ?, ?, 'stamped', ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, s.Log, int64(s.Size), hash[:], s.Authority, file.Micros(s.At),
			file.Micros(s.GenTime), file.Micros(s.NotAfter), s.Attempts, s.Code, s.Token)
		if err != nil || n == 0 {
			return err
		}
		if _, err := tx.Exec(`UPDATE stamp SET state = 'covered' WHERE log = ? AND state = 'late' AND size <= ?`, s.Log, int64(s.Size)); err != nil {
			return err
		}
		_, _, err = tx.Leaf(leaf, nil)
		return err
	})
}

// Late notes a demand that failed.
func (x *Stamps) Late(ctx context.Context, s store.Stamp) error {
	if err := store.CheckText(s.Authority, s.Code); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE stamp SET attempts = attempts + 1, code = ?, authority = ? WHERE log = ? AND state = 'late'`, s.Code, s.Authority, s.Log)
		if err != nil || n > 0 {
			return err
		}
		_, err = tx.Exec(`INSERT INTO stamp (log, size, hash, state, authority, at, gen_time, not_after, attempts, code, token)
 VALUES (?, ?, x'', 'late', ?, ?, 0, 0, 1, ?, x'') ON CONFLICT DO UPDATE SET state = 'late', authority = excluded.authority, attempts = attempts + 1, code = excluded.code`,
			s.Log, int64(s.Size), s.Authority, file.Micros(s.At), s.Code)
		return err
	})
}

const columns = `log, size, state, authority, at, gen_time, not_after, attempts, code`

// Last returns the newest stamp of a log and its open demand.
func (x *Stamps) Last(ctx context.Context, log int) (last, late *store.Stamp, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		if last, err = one(s.Row(`SELECT `+columns+`, token FROM stamp WHERE log = ? AND state = 'stamped' ORDER BY size DESC, gen_time DESC LIMIT 1`, log)); err != nil {
			return err
		}
		late, err = one(s.Row(`SELECT `+columns+`, token FROM stamp WHERE log = ? AND state = 'late' LIMIT 1`, log))
		return err
	})
	return last, late, err
}

// one reads a row, nil without one.
func one(row interface{ Scan(...any) error }) (*store.Stamp, error) {
	s, err := scan(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return s, err
}

func scan(row func(...any) error) (*store.Stamp, error) {
	var s store.Stamp
	var size, at, gen, after int64
	var token []byte
	if err := row(&s.Log, &size, &s.State, &s.Authority, &at, &gen, &after, &s.Attempts, &s.Code, &token); err != nil {
		return nil, err
	}
	s.Size, s.At = uint64(size), file.Time(at)
	if gen != 0 {
		s.GenTime, s.NotAfter = file.Time(gen), file.Time(after)
	}
	if len(token) > 0 {
		s.Token = token
	}
	return &s, nil
}

// List returns a page of a log's stamps.
func (x *Stamps) List(ctx context.Context, log int, before uint64, limit int) ([]store.Stamp, bool, error) {
	if before == 0 || before > 1<<62 {
		before = 1 << 62
	}
	limit = file.Limit(limit)
	var out []store.Stamp
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT `+columns+`, x'' FROM stamp WHERE log = ? AND size < ? ORDER BY size DESC, gen_time DESC, hash LIMIT ?`, log, int64(before), limit+1)
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			v, err := scan(rows.Scan)
			if err != nil {
				return err
			}
			out = append(out, *v)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, false, err
	}
	page, more := file.Page(out, limit)
	return page, more, nil
}

// Covering returns the first stamp at or above a size.
func (x *Stamps) Covering(ctx context.Context, log int, size uint64) (found *store.Stamp, err error) {
	if size > math.MaxInt64 {
		return nil, store.ErrAbsent
	}
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		found, err = scan(s.Row(`SELECT `+columns+`, token FROM stamp WHERE log = ? AND size >= ? AND state = 'stamped' ORDER BY size, gen_time LIMIT 1`, log, int64(size)).Scan)
		return err
	})
	return found, err
}

// EachStamp gives every kept token.
func (x *Stamps) EachStamp(ctx context.Context, fn func(*store.Stamp) error) error {
	return x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT ` + columns + `, token FROM stamp WHERE state = 'stamped' ORDER BY log, size, gen_time`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			v, err := scan(rows.Scan)
			if err != nil {
				return err
			}
			if err := fn(v); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
