// Package services is the embedded engine's side of store.Services: the
// addresses outside that an operator approved. It calls none of them.
package services

import (
	"context"
	"crypto/sha256"
	"time"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Services implements store.Services.
type Services struct{ db *file.DB }

var _ store.Services = (*Services)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Services { return &Services{db: db} }

// Services returns every entry.
func (x *Services) Services(ctx context.Context) ([]store.Service, error) {
	var out []store.Service
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT kind, url, der, private, since, ended FROM service ORDER BY kind, url, hash`)
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var v store.Service
			var since, ended int64
			if err := rows.Scan(&v.Kind, &v.URL, &v.DER, &v.Private, &since, &ended); err != nil {
				return err
			}
			v.Since = file.Time(since)
			if ended != 0 {
				v.Ended = file.Time(ended)
			}
			out = append(out, v)
		}
		return rows.Err()
	})
	return out, err
}

// PutService keeps an entry with its act.
func (x *Services) PutService(ctx context.Context, s store.Service, act store.Act) error {
	if err := check(s.Kind, s.URL, act); err != nil {
		return err
	}
	hash := sha256.Sum256(s.DER)
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if _, err := tx.Exec(`INSERT INTO service (kind, url, hash, der, private, since, ended) VALUES (?, ?, ?, ?, ?, ?, 0)
 ON CONFLICT DO UPDATE SET private = excluded.private, since = excluded.since, ended = 0`,
			s.Kind, s.URL, hash[:], s.DER, s.Private, file.Micros(s.Since)); err != nil {
			return err
		}
		return tx.Act(act)
	})
}

// EndService ends the entries of an address.
func (x *Services) EndService(ctx context.Context, kind, url string, at time.Time, act store.Act) error {
	if err := check(kind, url, act); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE service SET ended = ? WHERE kind = ? AND url = ? AND ended = 0`, file.Micros(at), kind, url)
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrAbsent
		}
		return tx.Act(act)
	})
}

func check(kind, url string, act store.Act) error {
	if err := store.CheckText(kind, url); err != nil {
		return err
	}
	return file.CheckAct(act)
}
