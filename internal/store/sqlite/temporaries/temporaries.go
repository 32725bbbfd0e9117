// Package temporaries is the embedded engine's side of store.Temporaries:
// patients without a name, and what people are looked for by. Who is who is
// decided elsewhere.
package temporaries

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/identity"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
)

// Temporaries implements store.Temporaries.
type Temporaries struct {
	db    *file.DB
	clock clock.Clock
}

var _ store.Temporaries = (*Temporaries)(nil)

// New returns the slice of an open file.
func New(db *file.DB, c clock.Clock) *Temporaries { return &Temporaries{db: db, clock: c} }

// PutTemporary keeps a new temporary identity with its person, or the next version.
func (x *Temporaries) PutTemporary(ctx context.Context, t identity.Temporary, act store.Act) error {
	text, err := form.Temporary(&t)
	if err := errors.Join(err, file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		var version int
		if err := tx.Row(`SELECT version FROM temporary WHERE number = ?`, t.Number).Scan(&version); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if version != t.Version-1 {
			return store.ErrChanged
		}
		if version == 0 {
			if _, err := tx.Exec(`INSERT INTO person (id, since) VALUES (?, ?) ON CONFLICT DO NOTHING`, t.Person[:], file.Micros(t.Made)); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(`INSERT INTO temporary (number, version, person, facility, state, made, said, sealed, wrapped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
 ON CONFLICT (number) DO UPDATE SET version = excluded.version, state = excluded.state, said = excluded.said, sealed = excluded.sealed, wrapped = excluded.wrapped`,
			t.Number, t.Version, t.Person[:], string(t.Facility), t.State, file.Micros(t.Made), text, file.Blob(t.Sealed), file.Blob(t.Wrapped)); err != nil {
			return err
		}
		return tx.ActOf(act)
	})
}

const columns = `SELECT number, version, person, facility, state, made, said, sealed, wrapped FROM temporary`

func scan(row file.Scanner) (t identity.Temporary, err error) {
	var person []byte
	var made int64
	var text string
	if err := row.Scan(&t.Number, &t.Version, &person, &t.Facility, &t.State, &made, &text, &t.Sealed, &t.Wrapped); err != nil {
		return t, err
	}
	t.Made = file.Time(made)
	return t, errors.Join(file.Fill(t.Person[:], person), form.ReadTemporary(&t, text))
}

// Temporary returns one.
func (x *Temporaries) Temporary(ctx context.Context, number string) (*identity.Temporary, error) {
	var t identity.Temporary
	err := x.db.Read(ctx, func(s *file.Snapshot) (err error) {
		t, err = scan(s.Row(columns+` WHERE number = ?`, number))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// Temporaries returns those of a facility in a state, oldest first.
func (x *Temporaries) Temporaries(ctx context.Context, facility care.FacilityCode, state string, limit int) (all []identity.Temporary, err error) {
	q := file.Select(columns).And(`state = ?`, state)
	if facility != "" {
		q.And(`facility = ?`, string(facility))
	}
	text, args := q.End(` ORDER BY made, number LIMIT ?`, form.Limit(limit))
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Select(text, args)
		return file.Each(rows, err, func(row file.Scanner) error {
			t, err := scan(row)
			all = append(all, t)
			return err
		})
	})
	return all, err
}

// PutFeatures adds what a person can be found by.
func (x *Temporaries) PutFeatures(ctx context.Context, person store.PersonID, features []identity.Feature) error {
	if err := form.CheckFeatures(features...); err != nil || len(features) == 0 {
		return err
	}
	return x.db.Write(ctx, file.Routine, 1, func(tx *file.Tx) error {
		for _, f := range features {
			if _, err := tx.Exec(`INSERT INTO feature (hash, kind, person) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, f.Hash[:], f.Kind, person[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Featureless returns persons with nothing to be found by.
func (x *Temporaries) Featureless(ctx context.Context, after store.PersonID, limit int) (without []store.PersonID, last store.PersonID, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		without, last = nil, store.PersonID{}
		n := 0
		rows, err := s.Select(`SELECT id, EXISTS (SELECT 1 FROM feature WHERE person = id) FROM person WHERE id > ? ORDER BY id LIMIT ?`, []any{after[:], form.Limit(limit)})
		err = file.Each(rows, err, func(row file.Scanner) error {
			var id []byte
			var has bool
			if err := row.Scan(&id, &has); err != nil {
				return err
			}
			n++
			if err := file.Fill(last[:], id); err != nil || has {
				return err
			}
			without = append(without, last)
			return nil
		})
		if n < form.Limit(limit) {
			last = store.PersonID{}
		}
		return err
	})
	return without, last, err
}

// Candidates returns persons with any of the features, those with most kinds first.
func (x *Temporaries) Candidates(ctx context.Context, features [][]identity.Feature, limit int) (all []identity.Candidate, err error) {
	flat := slices.Concat(features...)
	if err := form.CheckFeatures(flat...); err != nil || len(flat) == 0 {
		return nil, err
	}
	var either []string
	var args []any
	for _, f := range flat {
		either, args = append(either, `(hash = ? AND kind = ?)`), append(args, f.Hash[:], f.Kind)
	}
	q := `SELECT person, group_concat(DISTINCT kind) FROM feature WHERE ` + strings.Join(either, ` OR `) + ` GROUP BY person ORDER BY count(DISTINCT kind) DESC, person LIMIT ?`
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Select(q, append(args, form.Candidates(limit)))
		return file.Each(rows, err, func(row file.Scanner) error {
			var c identity.Candidate
			var person []byte
			var kinds string
			if err := row.Scan(&person, &kinds); err != nil {
				return err
			}
			c.Kinds = strings.Split(kinds, ",")
			slices.Sort(c.Kinds)
			err := file.Fill(c.Person[:], person)
			all = append(all, c)
			return err
		})
	})
	return all, err
}

// Ensure returns the person who holds a claim, made now where nobody does.
func (x *Temporaries) Ensure(ctx context.Context, claim store.Claim) (person store.PersonID, fresh bool, err error) {
	if claim.Key.IsZero() || claim.Name.IsZero() || claim.Birth.IsZero() {
		return person, false, errors.New("store: a claim without key, name or birth")
	}
	made := claim.Person
	if made == (store.PersonID{}) {
		rand.Read(made[:]) //nolint:errcheck // never fails
	}
	err = x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		person, fresh = store.PersonID{}, false
		var p, name, birth []byte
		switch err := tx.Row(`SELECT person, name, birth FROM claim WHERE key = ?`, claim.Key[:]).Scan(&p, &name, &birth); {
		case err == nil && string(name) == string(claim.Name[:]) && string(birth) == string(claim.Birth[:]):
			return file.Fill(person[:], p)
		case err == nil:
			return store.ErrAbsent
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		person, fresh = made, true
		if _, err := tx.Exec(`INSERT INTO person (id, since) VALUES (?, ?) ON CONFLICT DO NOTHING`, made[:], file.Micros(x.clock.Now())); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO claim (key, person, name, birth) VALUES (?, ?, ?, ?)`, claim.Key[:], made[:], claim.Name[:], claim.Birth[:])
		return err
	})
	if err != nil {
		return store.PersonID{}, false, err
	}
	return person, fresh, nil
}
