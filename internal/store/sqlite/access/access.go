// Package access is the embedded engine's side of store.Access: sessions and
// one-time tokens, all under their hash. It knows no role.
package access

import (
	"context"
	"errors"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Access implements store.Access.
type Access struct {
	db    *file.DB
	clock clock.Clock
}

var _ store.Access = (*Access)(nil)

// New returns the slice of an open file.
func New(db *file.DB, c clock.Clock) *Access { return &Access{db, c} }

// PutLink keeps a login link.
func (x *Access) PutLink(ctx context.Context, l store.LoginLink) error {
	if err := store.CheckText(l.Role, l.Next); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		_, err := tx.Exec(`INSERT INTO login_link (hash, role, expires, next) VALUES (?, ?, ?, ?)`, l.Hash[:], l.Role, file.Micros(l.Expires), l.Next)
		return err
	})
}

// UseLink takes a link away and returns it; those that have expired go too.
func (x *Access) UseLink(ctx context.Context, hash [32]byte, now time.Time) (store.LoginLink, error) {
	l := store.LoginLink{Hash: hash}
	err := x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		if _, err := tx.Exec(`DELETE FROM login_link WHERE expires <= ?`, file.Micros(now)); err != nil {
			return err
		}
		var expires int64
		if err := tx.Row(`SELECT role, expires, next FROM login_link WHERE hash = ?`, hash[:]).Scan(&l.Role, &expires, &l.Next); err != nil {
			return err
		}
		l.Expires = file.Time(expires)
		_, err := tx.Exec(`DELETE FROM login_link WHERE hash = ?`, hash[:])
		return err
	})
	if err != nil {
		return store.LoginLink{}, err
	}
	return l, nil
}

// PutSession keeps a session; those that ended before it began go.
func (x *Access) PutSession(ctx context.Context, s store.Session) error {
	if err := store.CheckText(s.Role, s.Name, s.Device); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		if _, err := tx.Exec(`DELETE FROM session WHERE expires <= ?`, file.Micros(s.Began)); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO session (hash, role, name, began, expires, staff, person, level, stepped_up, device) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			s.Hash[:], s.Role, s.Name, file.Micros(s.Began), file.Micros(s.Expires), file.Some(s.Staff[:]), file.Some(s.Person[:]), s.Level, file.MicrosOrZero(s.SteppedUp), s.Device)
		return err
	})
}

// Session returns a session that holds now.
func (x *Access) Session(ctx context.Context, hash [32]byte, now time.Time) (store.Session, error) {
	out := store.Session{Hash: hash}
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		var began, expires, up int64
		var staff, person []byte
		err := s.Row(`SELECT role, name, began, expires, staff, person, level, stepped_up, device FROM session WHERE hash = ? AND expires > ?`, hash[:], file.Micros(now)).
			Scan(&out.Role, &out.Name, &began, &expires, &staff, &person, &out.Level, &up, &out.Device)
		out.Began, out.Expires, out.SteppedUp = file.Time(began), file.Time(expires), file.Moment(up)
		return errors.Join(err, file.Fill(out.Staff[:], staff), file.Fill(out.Person[:], person))
	})
	if err != nil {
		return store.Session{}, err
	}
	return out, nil
}

// EndSession ends a session; one that is unknown has ended.
func (x *Access) EndSession(ctx context.Context, hash [32]byte) error {
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		_, err := tx.Exec(`DELETE FROM session WHERE hash = ?`, hash[:])
		return err
	})
}

// Once remembers a token id and reports whether it was new. Those that ended an hour
// ago go: ends lie minutes ahead, or days.
func (x *Access) Once(ctx context.Context, client, jti string, until time.Time) (fresh bool, err error) {
	if err := store.CheckText(client, jti); err != nil {
		return false, err
	}
	err = x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`INSERT INTO token (client, jti, until) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, client, jti, file.Micros(until))
		if err != nil {
			return err
		}
		fresh = n == 1
		_, err = tx.Exec(`DELETE FROM token WHERE until < ?`, file.Micros(x.clock.Now().Add(-time.Hour)))
		return err
	})
	return fresh, err
}
