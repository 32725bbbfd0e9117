// Package logins keeps in PostgreSQL second factors, sessions by their owner,
// devices, names at providers. It judges nothing.
package logins

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

// Logins implements store.Logins.
type Logins struct{ db *handle.DB }

var _ store.Logins = (*Logins)(nil)

// New returns the slice.
func New(db *handle.DB) *Logins { return &Logins{db} }

// StepUp keeps when a session's second factor was given.
func (x *Logins) StepUp(ctx context.Context, session [32]byte, at time.Time) error {
	tag, err := x.db.Pool.Exec(ctx, `UPDATE session SET stepped_up = $1 WHERE hash = $2`, handle.Micros(at), session[:])
	if err == nil && tag.RowsAffected() == 0 {
		return store.ErrAbsent
	}
	return handle.Fault(err)
}

// whose is the condition on sessions of somebody.
func whose(who store.Owner) (column string, id [16]byte, ok bool) {
	switch {
	case who.Staff != care.Staff{}:
		return "staff", who.Staff, true
	case who.Person != store.PersonID{}:
		return "person", who.Person, true
	}
	return "", id, false
}

// SessionsOf returns the live sessions of somebody.
func (x *Logins) SessionsOf(ctx context.Context, who store.Owner, now time.Time) ([]store.Session, error) {
	column, id, ok := whose(who)
	if !ok {
		return nil, nil
	}
	rows, err := x.db.Pool.Query(ctx, `SELECT hash, role, name, began, expires, staff, person, level, stepped_up, device FROM session
		WHERE `+column+` = $1 AND expires > $2 ORDER BY began DESC, hash LIMIT 100`, handle.UUID(id), handle.Micros(now))
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s store.Session, err error) {
		var hash []byte
		var staff, person pgtype.UUID
		var began, expires, stepped int64
		if err := row.Scan(&hash, &s.Role, &s.Name, &began, &expires, &staff, &person, &s.Level, &stepped, &s.Device); err != nil {
			return s, err
		}
		s.Staff, s.Person = staff.Bytes, person.Bytes
		s.Began, s.Expires = handle.Moment(began), handle.Moment(expires)
		if stepped != 0 {
			s.SteppedUp = handle.Moment(stepped)
		}
		return s, handle.Digest(&s.Hash, hash)
	})
	return all, handle.Fault(err)
}

// EndSessions ends sessions of somebody.
func (x *Logins) EndSessions(ctx context.Context, who store.Owner, prefix []byte) (int, error) {
	column, id, ok := whose(who)
	if !ok {
		return 0, nil
	}
	if prefix == nil {
		prefix = []byte{}
	}
	tag, err := x.db.Pool.Exec(ctx, `DELETE FROM session WHERE `+column+` = $1 AND substring(hash FROM 1 FOR $2) = $3`, handle.UUID(id), len(prefix), prefix)
	return int(tag.RowsAffected()), handle.Fault(err)
}

// Device keeps a login on a device. Two at once are told one after the other:
// of both, one is the first.
func (x *Logins) Device(ctx context.Context, who store.Owner, device [32]byte, at time.Time) (fresh bool, last time.Time, err error) {
	column, id, ok := whose(who)
	if !ok {
		return false, time.Time{}, nil
	}
	key := append([]byte("P"), id[:]...)
	if column == "staff" {
		key[0] = 'S'
	}
	b := &pgx.Batch{}
	b.Queue(`SELECT max(last) FROM login_device WHERE owner = $1`, key).QueryRow(func(row pgx.Row) error {
		var before *int64
		err := row.Scan(&before)
		if before != nil {
			last = handle.Moment(*before)
		}
		return err
	})
	b.Queue(`INSERT INTO login_device (owner, device, first, last) VALUES ($1, $2, $3, $3)
		ON CONFLICT (owner, device) DO UPDATE SET last = excluded.last RETURNING xmax = 0`, key, device[:], handle.Micros(at)).QueryRow(func(row pgx.Row) error {
		return row.Scan(&fresh)
	})
	return fresh, last, handle.Fault(x.db.Pool.SendBatch(ctx, b).Close())
}

// Newest returns when the newest device came.
func (x *Logins) Newest(ctx context.Context, who store.Owner) (first time.Time, n int, err error) {
	column, id, ok := whose(who)
	if !ok {
		return first, 0, nil
	}
	key := append([]byte("P"), id[:]...)
	if column == "staff" {
		key[0] = 'S'
	}
	var at *int64
	if err := x.db.Pool.QueryRow(ctx, `SELECT max(first), count(*) FROM login_device WHERE owner = $1`, key).Scan(&at, &n); err != nil {
		return first, 0, handle.Fault(err)
	}
	if at != nil {
		first = handle.Moment(*at)
	}
	return first, n, nil
}

// Quiet returns staff who did not log in since before.
func (x *Logins) Quiet(ctx context.Context, before time.Time, after care.Staff, limit int) ([]store.Quiet, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT uuid_send(s.id), coalesce(d.last, 0) FROM staff s
		LEFT JOIN (SELECT substr(owner, 2) AS id, max(last) AS last FROM login_device WHERE owner >= '\x53' AND owner < '\x54' GROUP BY owner) d ON d.id = uuid_send(s.id)
		WHERE s.id > $1 AND coalesce(d.last, 0) < $2 ORDER BY s.id LIMIT $3`, handle.UUID(after), handle.Micros(before), limit)
	if err != nil {
		return nil, handle.Fault(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (q store.Quiet, err error) {
		var id []byte
		var last int64
		if err := row.Scan(&id, &last); err != nil {
			return q, err
		}
		q.Staff = care.Staff(id)
		if last != 0 {
			q.Last = handle.Moment(last)
		}
		return q, nil
	})
	return out, handle.Fault(err)
}

// Since returns the first login on a device.
func (x *Logins) Since(ctx context.Context, who store.Owner, device [32]byte) (time.Time, error) {
	column, id, ok := whose(who)
	if !ok {
		return time.Time{}, store.ErrAbsent
	}
	key := append([]byte("P"), id[:]...)
	if column == "staff" {
		key[0] = 'S'
	}
	var first int64
	err := x.db.Pool.QueryRow(ctx, `SELECT first FROM login_device WHERE owner = $1 AND device = $2`, key, device[:]).Scan(&first)
	if err != nil {
		return time.Time{}, handle.Fault(err)
	}
	return handle.Moment(first), nil
}

// PutAddress keeps under which name a provider knows a person.
func (x *Logins) PutAddress(ctx context.Context, person store.PersonID, sealed []byte) error {
	_, err := x.db.Pool.Exec(ctx, `INSERT INTO eid_address (person, sealed) VALUES ($1, $2) ON CONFLICT (person) DO UPDATE SET sealed = excluded.sealed`,
		handle.UUID(person), sealed)
	return handle.Fault(err)
}

// Address returns it.
func (x *Logins) Address(ctx context.Context, person store.PersonID) (sealed []byte, err error) {
	err = x.db.Pool.QueryRow(ctx, `SELECT sealed FROM eid_address WHERE person = $1`, handle.UUID(person)).Scan(&sealed)
	return sealed, handle.Fault(err)
}
