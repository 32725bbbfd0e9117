// Package shares is the embedded engine's side of store.Shares: links of
// citizens' own. Neither a link's path nor its key is here.
package shares

import (
	"context"
	"errors"
	"time"

	"lienthong/internal/consent"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
)

// Shares implements store.Shares.
type Shares struct{ db *file.DB }

var _ store.Shares = (*Shares)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Shares { return &Shares{db: db} }

// PutShare keeps a link.
func (x *Shares) PutShare(ctx context.Context, s consent.Share, act store.Act) error {
	if err := errors.Join(form.CheckShare(&s), file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`INSERT INTO share (id, person, made, until, label, pin, most, tries, opened, ended, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			s.ID[:], s.Person[:], file.Micros(s.Made), file.Micros(s.Until), s.Label, file.Blob(s.PIN), s.Tries, s.Tries, s.Opened, file.MicrosOrZero(s.Ended), file.Blob(s.Payload))
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrTaken
		}
		return tx.ActOf(act)
	})
}

func scan(row file.Scanner) (s consent.Share, err error) {
	var id, person []byte
	var made, until, ended int64
	if err := row.Scan(&id, &person, &made, &until, &s.Label, &s.PIN, &s.Tries, &s.Opened, &ended, &s.Payload); err != nil {
		return s, err
	}
	s.Made, s.Until, s.Ended = file.Time(made), file.Time(until), file.Moment(ended)
	return s, errors.Join(file.Fill(s.ID[:], id), file.Fill(s.Person[:], person))
}

// Share returns a link, also one that is over.
func (x *Shares) Share(ctx context.Context, id [32]byte) (*consent.Share, error) {
	var out consent.Share
	err := x.db.Read(ctx, func(s *file.Snapshot) (err error) {
		out, err = scan(s.Row(`SELECT id, person, made, until, label, pin, tries, opened, ended, payload FROM share WHERE id = ?`, id[:]))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// Shares returns those of a person without what they hold, newest first.
func (x *Shares) Shares(ctx context.Context, person store.PersonID) (all []consent.Share, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Rows(`SELECT id, person, made, until, label, pin, tries, opened, ended, NULL FROM share WHERE person = ? ORDER BY made DESC, id LIMIT 1000`, person[:])
		return file.Each(rows, err, func(row file.Scanner) error {
			s, err := scan(row)
			all = append(all, s)
			return err
		})
	})
	return all, err
}

// TryShare takes one try off or, where right, gives all back and counts an opening.
func (x *Shares) TryShare(ctx context.Context, id [32]byte, right bool, at time.Time) (left int, err error) {
	err = x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		return tx.Row(`UPDATE share SET tries = CASE WHEN ?2 THEN most ELSE tries - 1 END, opened = opened + ?2
 WHERE id = ?1 AND ended = 0 AND until > ?3 AND tries > 0 RETURNING tries`, id[:], file.Bool(right), file.Micros(at)).Scan(&left)
	})
	if err != nil {
		return 0, err
	}
	return left, nil
}

// EndShare ends a link and forgets what it held.
func (x *Shares) EndShare(ctx context.Context, id [32]byte, at time.Time, act store.Act) error {
	if err := file.CheckAct(act); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE share SET ended = ?, payload = NULL, pin = NULL WHERE id = ? AND ended = 0`, file.Micros(at), id[:])
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrAbsent
		}
		return tx.ActOf(act)
	})
}
