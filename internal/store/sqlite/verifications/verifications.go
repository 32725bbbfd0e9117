// Package verifications is the embedded engine's side of store.Verifications:
// what the population register said of persons. Asking it is done elsewhere.
package verifications

import (
	"context"
	"errors"
	"time"

	"lienthong/internal/identity"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
)

// Verifications implements store.Verifications.
type Verifications struct{ db *file.DB }

var _ store.Verifications = (*Verifications)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Verifications { return &Verifications{db} }

// PutVerified keeps an answer in place of the one before.
func (x *Verifications) PutVerified(ctx context.Context, v identity.Verified, act store.Act) error {
	differs, err := form.Verified(&v)
	if err := errors.Join(err, file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Routine, 1, func(tx *file.Tx) error {
		if _, err := tx.Exec(`INSERT INTO verified (person, at, register, answer, differs_in) VALUES (?, ?, ?, ?, ?)
 ON CONFLICT (person) DO UPDATE SET at = excluded.at, register = excluded.register, answer = excluded.answer, differs_in = excluded.differs_in`,
			v.Person[:], file.Micros(v.At), v.By, v.Answer, differs); err != nil {
			return err
		}
		return tx.ActOf(act)
	})
}

// Verified returns the last answer about a person.
func (x *Verifications) Verified(ctx context.Context, person store.PersonID) (*identity.Verified, error) {
	v := identity.Verified{Person: person}
	var at int64
	var differs string
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		return s.Row(`SELECT at, register, answer, differs_in FROM verified WHERE person = ?`, person[:]).Scan(&at, &v.By, &v.Answer, &differs)
	})
	if err != nil {
		return nil, err
	}
	v.At, v.Differs = file.Time(at), form.Differs(differs)
	return &v, nil
}

// Unverified returns persons to ask about.
func (x *Verifications) Unverified(ctx context.Context, after store.PersonID, since time.Time, limit int) (all []store.PersonID, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Select(`SELECT p.id FROM person p LEFT JOIN verified v ON v.person = p.id
 WHERE p.id > ? AND (v.person IS NULL OR v.at < ?) AND EXISTS (SELECT 1 FROM subject b JOIN link l ON l.facility = b.facility AND l.subject = b.key
  WHERE b.person = p.id AND l.person = p.id AND l.until IS NULL AND l.evidence = ?) ORDER BY p.id LIMIT ?`, []any{after[:], file.Micros(since), identity.CitizenNumber, form.Limit(limit)})
		return file.Each(rows, err, func(row file.Scanner) error {
			var id []byte
			var p store.PersonID
			if err := row.Scan(&id); err != nil {
				return err
			}
			err := file.Fill(p[:], id)
			all = append(all, p)
			return err
		})
	})
	return all, err
}

// Answers counts the last answers.
func (x *Verifications) Answers(ctx context.Context) (map[string]int, error) {
	all := map[string]int{}
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		clear(all)
		rows, err := s.Select(`SELECT answer, count(*) FROM verified GROUP BY answer`, nil)
		return file.Each(rows, err, func(row file.Scanner) error {
			var answer string
			var n int
			err := row.Scan(&answer, &n)
			all[answer] = n
			return err
		})
	})
	return all, err
}
