// Package people is the embedded engine's side of store.People: who is linked
// to whom, with history. Whether to link is decided elsewhere.
package people

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/vault"
)

// People implements store.People.
type People struct{ db *file.DB }

var _ store.People = (*People)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *People { return &People{db: db} }

// Unlink ends the link of a subject and bars it from that person.
func (x *People) Unlink(ctx context.Context, facility care.FacilityCode, subject vault.Keyed, actor, reason string, at time.Time) error {
	if err := store.CheckText(actor, reason); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		var p []byte
		if err := tx.Row(`SELECT person FROM subject WHERE facility = ? AND key = ?`, string(facility), subject[:]).Scan(&p); err != nil {
			return err
		}
		if p == nil {
			return store.ErrAbsent
		}
		if err := end(tx, facility, subject, actor, reason, at); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE subject SET person = NULL WHERE facility = ? AND key = ?`, string(facility), subject[:]); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO bar (facility, subject, person) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, string(facility), subject[:], p)
		return err
	})
}

func end(tx *file.Tx, facility care.FacilityCode, subject vault.Keyed, actor, reason string, at time.Time) error {
	_, err := tx.Exec(`UPDATE link SET until = ?, ended_by = ?, why = ? WHERE facility = ? AND subject = ? AND until IS NULL`,
		file.Micros(at), actor, reason, string(facility), subject[:])
	return err
}

// Link links a subject by hand: a link it has ends, a bar is lifted.
func (x *People) Link(ctx context.Context, facility care.FacilityCode, subject vault.Keyed, person store.PersonID, actor, reason string, at time.Time) error {
	if err := store.CheckText(actor, reason); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		var now []byte
		var one int
		if err := tx.Row(`SELECT person FROM subject WHERE facility = ? AND key = ?`, string(facility), subject[:]).Scan(&now); err != nil {
			return err
		}
		if err := tx.Row(`SELECT 1 FROM person WHERE id = ?`, person[:]).Scan(&one); err != nil {
			return err
		}
		if string(now) == string(person[:]) {
			return nil
		}
		if err := end(tx, facility, subject, actor, reason, at); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE subject SET person = ? WHERE facility = ? AND key = ?`, person[:], string(facility), subject[:]); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM bar WHERE facility = ? AND subject = ? AND person = ?`, string(facility), subject[:], person[:]); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO link (facility, subject, person, since, evidence, actor, reason) VALUES (?, ?, ?, ?, 'by_hand', ?, ?)`,
			string(facility), subject[:], person[:], file.Micros(at), actor, reason)
		return err
	})
}

// Links returns the history of a subject, oldest first. Of a link that was
// ended by hand, actor and reason are those of its end.
func (x *People) Links(ctx context.Context, facility care.FacilityCode, subject vault.Keyed) ([]store.Link, error) {
	var out []store.Link
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT person, since, until, evidence, actor, reason, ended_by, why FROM link WHERE facility = ? AND subject = ? ORDER BY id`, string(facility), subject[:])
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var l store.Link
			var p []byte
			var since int64
			var until sql.NullInt64
			var endedBy, why string
			if err := rows.Scan(&p, &since, &until, &l.Evidence, &l.Actor, &l.Reason, &endedBy, &why); err != nil {
				return err
			}
			if l.Person, err = file.PersonOf(p); err != nil {
				return err
			}
			l.From, l.To = file.Time(since), file.TimeOrZero(until)
			if until.Valid {
				l.Actor, l.Reason = endedBy, why
			}
			out = append(out, l)
		}
		return rows.Err()
	})
	return out, err
}

// Find returns the persons that hold an identifier.
func (x *People) Find(ctx context.Context, claim []vault.Keyed) ([]store.PersonID, error) {
	var out []store.PersonID
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		seen := map[store.PersonID]bool{}
		for _, k := range claim {
			var b []byte
			err := s.Row(`SELECT person FROM claim WHERE key = ?`, k[:]).Scan(&b)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			p, err := file.PersonOf(b)
			if err != nil {
				return err
			}
			if !seen[p] {
				seen[p] = true
				out = append(out, p)
			}
		}
		return nil
	})
	return out, err
}

// Subjects returns the subjects linked to a person now, by facility and key.
func (x *People) Subjects(ctx context.Context, person store.PersonID) ([]store.SubjectOf, error) {
	var out []store.SubjectOf
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT facility, key FROM subject WHERE person = ? ORDER BY facility, key`, person[:])
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var f string
			var k []byte
			if err := rows.Scan(&f, &k); err != nil {
				return err
			}
			key, err := file.KeyedOf(k)
			if err != nil {
				return err
			}
			out = append(out, store.SubjectOf{Facility: care.FacilityCode(f), Key: key})
		}
		return rows.Err()
	})
	return out, err
}
