// Package people keeps in PostgreSQL who is linked to whom, with history.
// Whether to link is decided elsewhere.
package people

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/vault"
)

// People is the store.People of a hub.
type People struct{ db *handle.DB }

var _ store.People = (*People)(nil)

// New returns the slice.
func New(db *handle.DB) *People { return &People{db: db} }

var nobody = handle.UUID(store.PersonID{})

// lock reads the subject's link under the lock intake takes too.
func lock(ctx context.Context, tx pgx.Tx, facility care.FacilityCode, subject vault.Keyed) (pgtype.UUID, error) {
	var person pgtype.UUID
	err := tx.QueryRow(ctx, `SELECT person FROM subject WHERE facility = $1 AND subject = $2 FOR UPDATE`, string(facility), handle.Hash(subject)).Scan(&person)
	return person, err
}

// Unlink ends the link of a subject and bars it from that person.
func (x *People) Unlink(ctx context.Context, facility care.FacilityCode, subject vault.Keyed, actor, reason string, at time.Time) error {
	if err := store.CheckText(string(facility), actor, reason); err != nil {
		return err
	}
	return handle.Fault(pgx.BeginFunc(ctx, x.db.Pool, func(tx pgx.Tx) error {
		person, err := lock(ctx, tx, facility, subject)
		if err != nil {
			return err
		}
		if person == nobody {
			return store.ErrAbsent
		}
		if err := end(ctx, tx, facility, subject, actor, reason, at); err != nil {
			return err
		}
		if err := point(ctx, tx, facility, subject, nobody); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO bar (facility, subject, person) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			string(facility), handle.Hash(subject), person)
		return err
	}))
}

// end ends the link that holds.
func end(ctx context.Context, tx pgx.Tx, facility care.FacilityCode, subject vault.Keyed, actor, reason string, at time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE link SET until = $3, ended_by = $4, why = $5 WHERE facility = $1 AND subject = $2 AND until = 0`,
		string(facility), handle.Hash(subject), handle.Micros(at), actor, reason)
	return err
}

func point(ctx context.Context, tx pgx.Tx, facility care.FacilityCode, subject vault.Keyed, person pgtype.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE subject SET person = $3 WHERE facility = $1 AND subject = $2`, string(facility), handle.Hash(subject), person)
	return err
}

// Link links a subject by hand: a link it has ends, a bar is lifted.
func (x *People) Link(ctx context.Context, facility care.FacilityCode, subject vault.Keyed, person store.PersonID, actor, reason string, at time.Time) error {
	if err := store.CheckText(string(facility), actor, reason); err != nil {
		return err
	}
	to := handle.UUID(person)
	return handle.Fault(pgx.BeginFunc(ctx, x.db.Pool, func(tx pgx.Tx) error {
		now, err := lock(ctx, tx, facility, subject)
		if err != nil {
			return err
		}
		var known bool
		if err := tx.QueryRow(ctx, `SELECT true FROM person WHERE person = $1`, to).Scan(&known); err != nil {
			return err
		}
		if now == to {
			return nil
		}
		if err := end(ctx, tx, facility, subject, actor, reason, at); err != nil {
			return err
		}
		if err := point(ctx, tx, facility, subject, to); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM bar WHERE facility = $1 AND subject = $2 AND person = $3`, string(facility), handle.Hash(subject), to); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO link (facility, subject, person, since, until, evidence, actor, reason, ended_by, why)
			VALUES ($1, $2, $3, $4, 0, 'by_hand', $5, $6, '', '')`, string(facility), handle.Hash(subject), to, handle.Micros(at), actor, reason)
		return err
	}))
}

// Links returns the history of a subject, oldest first. Of a link that was
// ended, actor and reason are those of its end.
func (x *People) Links(ctx context.Context, facility care.FacilityCode, subject vault.Keyed) ([]store.Link, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT person, since, until, evidence,
			CASE until WHEN 0 THEN actor ELSE ended_by END, CASE until WHEN 0 THEN reason ELSE why END
		FROM link WHERE facility = $1 AND subject = $2 ORDER BY id`, string(facility), handle.Hash(subject))
	if err != nil {
		return nil, handle.Fault(err)
	}
	links, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l store.Link, err error) {
		var person pgtype.UUID
		var since, until int64
		err = row.Scan(&person, &since, &until, &l.Evidence, &l.Actor, &l.Reason)
		l.Person, l.From, l.To = person.Bytes, handle.Moment(since), handle.Moment(until)
		return l, err
	})
	return links, handle.Fault(err)
}

// Find returns the persons that hold an identifier.
func (x *People) Find(ctx context.Context, claim []vault.Keyed) ([]store.PersonID, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT c.person FROM claim c WHERE c.hash = ANY ($1)
		GROUP BY c.person ORDER BY min(array_position($1, c.hash))`, handle.Hashes(claim))
	if err != nil {
		return nil, handle.Fault(err)
	}
	persons, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.PersonID, error) {
		var person pgtype.UUID
		err := row.Scan(&person)
		return person.Bytes, err
	})
	return persons, handle.Fault(err)
}

// Subjects returns the subjects linked to a person now, by facility and key.
func (x *People) Subjects(ctx context.Context, person store.PersonID) ([]store.SubjectOf, error) {
	if person == (store.PersonID{}) {
		return nil, nil // nobody has no subjects
	}
	rows, err := x.db.Pool.Query(ctx, `SELECT facility, subject FROM subject WHERE person = $1 ORDER BY facility, subject`, handle.UUID(person))
	if err != nil {
		return nil, handle.Fault(err)
	}
	subjects, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s store.SubjectOf, err error) {
		var key []byte
		if err := row.Scan(&s.Facility, &key); err != nil {
			return s, err
		}
		s.Key, err = handle.Keyed(key)
		return s, err
	})
	return subjects, handle.Fault(err)
}
