// Package verifications keeps in PostgreSQL what the population register said of
// persons. Asking it is done elsewhere.
package verifications

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/identity"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Verifications is the store.Verifications of a hub.
type Verifications struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Verifications = (*Verifications)(nil)

// New returns the slice; writer nil: what has an act with a leaf is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Verifications { return &Verifications{db, writer} }

// PutVerified keeps an answer in place of the one before.
func (x *Verifications) PutVerified(ctx context.Context, v identity.Verified, act store.Act) error {
	differs, err := form.Verified(&v)
	if err := errors.Join(err, ledger.CheckAct(act)); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	b.Queue(`INSERT INTO verified (person, at, register, answer, differs_in) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (person) DO UPDATE SET at = excluded.at, register = excluded.register, answer = excluded.answer, differs_in = excluded.differs_in`,
		handle.UUID(v.Person), handle.Micros(v.At), v.By, v.Answer, differs)
	return x.writer.CommitActOf(ctx, tx, b, act)
}

// Verified returns the last answer about a person.
func (x *Verifications) Verified(ctx context.Context, person store.PersonID) (*identity.Verified, error) {
	v := identity.Verified{Person: person}
	var at int64
	var differs string
	err := x.db.Pool.QueryRow(ctx, `SELECT at, register, answer, differs_in FROM verified WHERE person = $1`, handle.UUID(person)).Scan(&at, &v.By, &v.Answer, &differs)
	if err != nil {
		return nil, handle.Fault(err)
	}
	v.At, v.Differs = handle.Moment(at), form.Differs(differs)
	return &v, nil
}

// Unverified returns persons to ask about.
func (x *Verifications) Unverified(ctx context.Context, after store.PersonID, since time.Time, limit int) ([]store.PersonID, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT p.person FROM person p LEFT JOIN verified v ON v.person = p.person
		WHERE p.person > $1 AND (v.person IS NULL OR v.at < $2) AND EXISTS (SELECT 1 FROM subject b JOIN link l ON l.facility = b.facility AND l.subject = b.subject
			WHERE b.person = p.person AND l.person = p.person AND l.until = 0 AND l.evidence = $3) ORDER BY p.person LIMIT $4`,
		handle.UUID(after), handle.Micros(since), identity.CitizenNumber, form.Limit(limit))
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.PersonID, error) {
		var p pgtype.UUID
		err := row.Scan(&p)
		return p.Bytes, err
	})
	if len(all) == 0 {
		all = nil
	}
	return all, handle.Fault(err)
}

// Answers counts the last answers.
func (x *Verifications) Answers(ctx context.Context) (map[string]int, error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT answer, count(*) FROM verified GROUP BY answer`)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all := map[string]int{}
	var answer string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&answer, &n}, func() error {
		all[answer] = n
		return nil
	})
	return all, handle.Fault(err)
}
