// Package logins is the embedded engine's side of store.Logins: second factors,
// sessions by their owner, devices, names at providers. It judges nothing.
package logins

import (
	"context"
	"database/sql"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Logins implements store.Logins.
type Logins struct{ db *file.DB }

var _ store.Logins = (*Logins)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Logins { return &Logins{db} }

// StepUp keeps when a session's second factor was given.
func (x *Logins) StepUp(ctx context.Context, session [32]byte, at time.Time) error {
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE session SET stepped_up = ? WHERE hash = ?`, file.Micros(at), session[:])
		if err == nil && n == 0 {
			err = store.ErrAbsent
		}
		return err
	})
}

// whose is the condition on sessions of somebody.
func whose(who store.Owner) (column string, id []byte, ok bool) {
	switch {
	case who.Staff != care.Staff{}:
		return "staff", who.Staff[:], true
	case who.Person != store.PersonID{}:
		return "person", who.Person[:], true
	}
	return "", nil, false
}

// SessionsOf returns the live sessions of somebody.
func (x *Logins) SessionsOf(ctx context.Context, who store.Owner, now time.Time) ([]store.Session, error) {
	column, id, ok := whose(who)
	if !ok {
		return nil, nil
	}
	var out []store.Session
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT hash, role, name, began, expires, staff, person, level, stepped_up, device FROM session
			WHERE `+column+` = ? AND expires > ? ORDER BY began DESC, hash LIMIT 100`, id, file.Micros(now))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			one, err := session(rows)
			if err != nil {
				return err
			}
			out = append(out, one)
		}
		return rows.Err()
	})
	return out, err
}

func session(rows *sql.Rows) (s store.Session, err error) {
	var hash, staff, person []byte
	var began, expires, stepped int64
	if err := rows.Scan(&hash, &s.Role, &s.Name, &began, &expires, &staff, &person, &s.Level, &stepped, &s.Device); err != nil {
		return s, err
	}
	copy(s.Hash[:], hash)
	copy(s.Staff[:], staff)
	copy(s.Person[:], person)
	s.Began, s.Expires = file.Time(began), file.Time(expires)
	if stepped != 0 {
		s.SteppedUp = file.Time(stepped)
	}
	return s, nil
}

// EndSessions ends sessions of somebody.
func (x *Logins) EndSessions(ctx context.Context, who store.Owner, prefix []byte) (n int, err error) {
	column, id, ok := whose(who)
	if !ok {
		return 0, nil
	}
	if prefix == nil {
		prefix = []byte{}
	}
	err = x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		ended, err := tx.Exec(`DELETE FROM session WHERE `+column+` = ? AND substr(hash, 1, ?) = ?`, id, len(prefix), prefix)
		n = int(ended)
		return err
	})
	return n, err
}

// owner is the key of devices.
func owner(who store.Owner) ([]byte, bool) {
	switch column, id, ok := whose(who); {
	case !ok:
		return nil, false
	case column == "staff":
		return append([]byte("S"), id...), true
	default:
		return append([]byte("P"), id...), true
	}
}

// Device keeps a login on a device.
func (x *Logins) Device(ctx context.Context, who store.Owner, device [32]byte, at time.Time) (fresh bool, last time.Time, err error) {
	key, ok := owner(who)
	if !ok {
		return false, time.Time{}, nil
	}
	err = x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		fresh, last = false, time.Time{}
		var before sql.NullInt64
		if err := tx.Row(`SELECT max(last) FROM login_device WHERE owner = ?`, key).Scan(&before); err != nil {
			return err
		}
		if before.Valid {
			last = file.Time(before.Int64)
		}
		n, err := tx.Exec(`UPDATE login_device SET last = ? WHERE owner = ? AND device = ?`, file.Micros(at), key, device[:])
		if err != nil || n > 0 {
			return err
		}
		fresh = true
		_, err = tx.Exec(`INSERT INTO login_device (owner, device, first, last) VALUES (?, ?, ?, ?)`, key, device[:], file.Micros(at), file.Micros(at))
		return err
	})
	return fresh, last, err
}

// Newest returns when the newest device came.
func (x *Logins) Newest(ctx context.Context, who store.Owner) (first time.Time, n int, err error) {
	key, ok := owner(who)
	if !ok {
		return first, 0, nil
	}
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		var at sql.NullInt64
		if err := s.Row(`SELECT max(first), count(*) FROM login_device WHERE owner = ?`, key).Scan(&at, &n); err != nil || !at.Valid {
			return err
		}
		first = file.Time(at.Int64)
		return nil
	})
	return first, n, err
}

// Quiet returns staff who did not log in since before.
func (x *Logins) Quiet(ctx context.Context, before time.Time, after care.Staff, limit int) (out []store.Quiet, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(`SELECT s.id, coalesce(d.last, 0) FROM staff s
			LEFT JOIN (SELECT substr(owner, 2) AS id, max(last) AS last FROM login_device WHERE owner >= x'53' AND owner < x'54' GROUP BY owner) d ON d.id = s.id
			WHERE s.id > ? AND coalesce(d.last, 0) < ? ORDER BY s.id LIMIT ?`, after[:], file.Micros(before), limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id []byte
			var last int64
			if err := rows.Scan(&id, &last); err != nil {
				return err
			}
			q := store.Quiet{Staff: care.Staff(id)}
			if last != 0 {
				q.Last = file.Time(last)
			}
			out = append(out, q)
		}
		return rows.Err()
	})
	return out, err
}

// Since returns the first login on a device.
func (x *Logins) Since(ctx context.Context, who store.Owner, device [32]byte) (at time.Time, err error) {
	key, ok := owner(who)
	if !ok {
		return at, store.ErrAbsent
	}
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		var first int64
		if err := s.Row(`SELECT first FROM login_device WHERE owner = ? AND device = ?`, key, device[:]).Scan(&first); err != nil {
			return err
		}
		at = file.Time(first)
		return nil
	})
	return at, err
}

// PutAddress keeps under which name a provider knows a person.
func (x *Logins) PutAddress(ctx context.Context, person store.PersonID, sealed []byte) error {
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		_, err := tx.Exec(`INSERT INTO eid_address (person, sealed) VALUES (?, ?) ON CONFLICT (person) DO UPDATE SET sealed = excluded.sealed`, person[:], sealed)
		return err
	})
}

// Address returns it.
func (x *Logins) Address(ctx context.Context, person store.PersonID) (sealed []byte, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		return s.Row(`SELECT sealed FROM eid_address WHERE person = ?`, person[:]).Scan(&sealed)
	})
	return sealed, err
}
