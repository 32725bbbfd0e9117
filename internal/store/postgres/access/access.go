// Package access keeps sessions and one-time tokens in PostgreSQL, all under
// their hash. It knows no role.
package access

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

// Access is the store.Access of a hub.
type Access struct{ db *handle.DB }

var _ store.Access = (*Access)(nil)

// New returns the slice.
func New(db *handle.DB) *Access { return &Access{db: db} }

// PutLink keeps a login link.
func (x *Access) PutLink(ctx context.Context, l store.LoginLink) error {
	if err := store.CheckText(l.Role, l.Next); err != nil {
		return err
	}
	_, err := x.db.Pool.Exec(ctx, `INSERT INTO login_link (hash, role, expires, next) VALUES ($1, $2, $3, $4)`,
		l.Hash[:], l.Role, handle.Micros(l.Expires), l.Next)
	return handle.Fault(err)
}

// UseLink takes a link away and returns it: of two who use it at once one gets
// it. Those that have expired go too.
func (x *Access) UseLink(ctx context.Context, hash [32]byte, now time.Time) (store.LoginLink, error) {
	l := store.LoginLink{Hash: hash}
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM login_link WHERE expires <= $1`, handle.Micros(now))
	b.Queue(`DELETE FROM login_link WHERE hash = $1 RETURNING role, expires, next`, hash[:]).QueryRow(func(row pgx.Row) error {
		var expires int64
		err := row.Scan(&l.Role, &expires, &l.Next)
		l.Expires = handle.Moment(expires)
		return err
	})
	if err := x.db.Pool.SendBatch(ctx, b).Close(); err != nil {
		return store.LoginLink{}, handle.Fault(err)
	}
	return l, nil
}

// PutSession keeps a session; those that ended before it began go.
func (x *Access) PutSession(ctx context.Context, s store.Session) error {
	if err := store.CheckText(s.Role, s.Name, s.Device); err != nil {
		return err
	}
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM session WHERE expires <= $1`, handle.Micros(s.Began))
	b.Queue(`INSERT INTO session (hash, role, name, began, expires, staff, person, level, stepped_up, device) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		s.Hash[:], s.Role, s.Name, handle.Micros(s.Began), handle.Micros(s.Expires), handle.UUID(s.Staff), handle.UUID(s.Person), s.Level, handle.Micros(s.SteppedUp), s.Device)
	return handle.Fault(x.db.Pool.SendBatch(ctx, b).Close())
}

// Session returns a session that holds now.
func (x *Access) Session(ctx context.Context, hash [32]byte, now time.Time) (store.Session, error) {
	s := store.Session{Hash: hash}
	var began, expires, up int64
	var staff, person pgtype.UUID
	err := x.db.Pool.QueryRow(ctx, `SELECT role, name, began, expires, staff, person, level, stepped_up, device FROM session WHERE hash = $1 AND expires > $2`, hash[:], handle.Micros(now)).
		Scan(&s.Role, &s.Name, &began, &expires, &staff, &person, &s.Level, &up, &s.Device)
	if err != nil {
		return store.Session{}, handle.Fault(err)
	}
	s.Began, s.Expires, s.SteppedUp = handle.Moment(began), handle.Moment(expires), handle.Moment(up)
	s.Staff, s.Person = staff.Bytes, person.Bytes
	return s, nil
}

// EndSession ends a session; one that is unknown has ended.
func (x *Access) EndSession(ctx context.Context, hash [32]byte) error {
	_, err := x.db.Pool.Exec(ctx, `DELETE FROM session WHERE hash = $1`, hash[:])
	return handle.Fault(err)
}

// Once remembers a token id and reports whether it was new. Those that ended an hour
// ago go: ends lie minutes ahead, or days.
func (x *Access) Once(ctx context.Context, client, jti string, until time.Time) (bool, error) {
	if err := store.CheckText(client, jti); err != nil {
		return false, err
	}
	tag, err := x.db.Pool.Exec(ctx, `INSERT INTO token (client, jti, until) VALUES ($1, $2, $3) ON CONFLICT (client, jti) DO NOTHING`,
		client, jti, handle.Micros(until))
	if err != nil {
		return false, handle.Fault(err)
	}
	// SKIP LOCKED: two hubs that clear up at once do not wait for each other.
	_, err = x.db.Pool.Exec(ctx, `DELETE FROM token t USING (
			SELECT client, jti FROM token WHERE until < $1 LIMIT 1000 FOR UPDATE SKIP LOCKED) old
		WHERE t.client = old.client AND t.jti = old.jti`, handle.Micros(x.db.Clock.Now().Add(-time.Hour)))
	return tag.RowsAffected() == 1, handle.Fault(err)
}
