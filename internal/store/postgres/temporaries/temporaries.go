// Package temporaries keeps in PostgreSQL patients without a name, and what
// people are looked for by. Who is who is decided elsewhere.
package temporaries

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/care"
	"lienthong/internal/identity"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Temporaries is the store.Temporaries of a hub.
type Temporaries struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Temporaries = (*Temporaries)(nil)

// New returns the slice; writer nil: what has an act with a leaf is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Temporaries { return &Temporaries{db, writer} }

const insertPerson = `INSERT INTO person (person, made) VALUES ($1, $2) ON CONFLICT (person) DO NOTHING`

// PutTemporary keeps a new temporary identity with its person, or the next version.
func (x *Temporaries) PutTemporary(ctx context.Context, t identity.Temporary, act store.Act) error {
	text, err := form.Temporary(&t)
	if err := errors.Join(err, ledger.CheckAct(act)); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	if t.Version == 1 {
		b.Queue(`INSERT INTO temporary (number, version, person, facility, state, made, said, sealed, wrapped)
			VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (number) DO NOTHING`,
			t.Number, handle.UUID(t.Person), string(t.Facility), t.State, handle.Micros(t.Made), text, handle.Bytes(t.Sealed), handle.Bytes(t.Wrapped)).Exec(handle.OrChanged)
		b.Queue(insertPerson, handle.UUID(t.Person), handle.Micros(t.Made))
	} else {
		b.Queue(`UPDATE temporary SET version = $2, state = $3, said = $4, sealed = $5, wrapped = $6 WHERE number = $1 AND version = $2 - 1`,
			t.Number, int64(t.Version), t.State, text, handle.Bytes(t.Sealed), handle.Bytes(t.Wrapped)).Exec(handle.OrChanged)
	}
	return x.writer.CommitActOf(ctx, tx, b, act)
}

const columns = `SELECT number, version, person, facility, state, made, said, sealed, wrapped FROM temporary`

func scan(row pgx.Row) (t identity.Temporary, err error) {
	var person pgtype.UUID
	var made int64
	var text string
	if err := row.Scan(&t.Number, &t.Version, &person, &t.Facility, &t.State, &made, &text, &t.Sealed, &t.Wrapped); err != nil {
		return t, err
	}
	t.Person, t.Made, t.Sealed, t.Wrapped = person.Bytes, handle.Moment(made), handle.OrNil(t.Sealed), handle.OrNil(t.Wrapped)
	return t, form.ReadTemporary(&t, text)
}

// Temporary returns one.
func (x *Temporaries) Temporary(ctx context.Context, number string) (*identity.Temporary, error) {
	if err := store.CheckText(number); err != nil {
		return nil, store.ErrAbsent // none has such a number
	}
	t, err := scan(x.db.Pool.QueryRow(ctx, columns+` WHERE number = $1`, number))
	if err != nil {
		return nil, handle.Fault(err)
	}
	return &t, nil
}

// Temporaries returns those of a facility in a state, oldest first.
func (x *Temporaries) Temporaries(ctx context.Context, facility care.FacilityCode, state string, limit int) ([]identity.Temporary, error) {
	if err := store.CheckText(string(facility), state); err != nil {
		return nil, err
	}
	var w handle.Where
	w.And("state = ?", state)
	if facility != "" {
		w.And("facility = ?", string(facility))
	}
	rows, err := x.db.Pool.Query(ctx, columns+w.String()+` ORDER BY made, number LIMIT `+w.Arg(form.Limit(limit)), w.Args...)
	if err != nil {
		return nil, handle.Fault(err)
	}
	defer rows.Close()
	var all []identity.Temporary
	for rows.Next() {
		t, err := scan(rows)
		if err != nil {
			return nil, handle.Fault(err)
		}
		all = append(all, t)
	}
	return all, handle.Fault(rows.Err())
}

// PutFeatures adds what a person can be found by.
func (x *Temporaries) PutFeatures(ctx context.Context, person store.PersonID, features []identity.Feature) error {
	if err := form.CheckFeatures(features...); err != nil || len(features) == 0 {
		return err
	}
	_, err := x.db.Pool.Exec(ctx, `INSERT INTO feature (hash, kind, person) SELECT DISTINCT u.hash, u.kind, $3::uuid FROM unnest($1::bytea[], $2::text[]) AS u (hash, kind)
		ON CONFLICT (hash, kind, person) DO NOTHING`, hashes(features), kinds(features), handle.UUID(person))
	return handle.Fault(err)
}

func hashes(all []identity.Feature) [][]byte {
	return handle.Column(all, func(f identity.Feature) []byte { return f.Hash[:] })
}

func kinds(all []identity.Feature) []string {
	return handle.Column(all, func(f identity.Feature) string { return f.Kind })
}

// Featureless returns persons with nothing to be found by.
func (x *Temporaries) Featureless(ctx context.Context, after store.PersonID, limit int) (without []store.PersonID, last store.PersonID, err error) {
	rows, err := x.db.Pool.Query(ctx, `SELECT p.person, EXISTS (SELECT 1 FROM feature f WHERE f.person = p.person) FROM person p WHERE p.person > $1 ORDER BY p.person LIMIT $2`,
		handle.UUID(after), form.Limit(limit))
	if err != nil {
		return nil, last, handle.Fault(err)
	}
	n := 0
	var id pgtype.UUID
	var has bool
	_, err = pgx.ForEachRow(rows, []any{&id, &has}, func() error {
		n++
		if last = id.Bytes; !has {
			without = append(without, last)
		}
		return nil
	})
	if err != nil {
		return nil, store.PersonID{}, handle.Fault(err)
	}
	if n < form.Limit(limit) {
		last = store.PersonID{}
	}
	return without, last, nil
}

// Candidates returns persons with any of the features, those with most kinds first.
func (x *Temporaries) Candidates(ctx context.Context, features [][]identity.Feature, limit int) ([]identity.Candidate, error) {
	flat := slices.Concat(features...)
	if err := form.CheckFeatures(flat...); err != nil || len(flat) == 0 {
		return nil, err
	}
	rows, err := x.db.Pool.Query(ctx, `SELECT f.person, array_agg(DISTINCT f.kind ORDER BY f.kind)
		FROM unnest($1::bytea[], $2::text[]) AS u (hash, kind) JOIN feature f ON f.hash = u.hash AND f.kind = u.kind
		GROUP BY f.person ORDER BY count(DISTINCT f.kind) DESC, f.person LIMIT $3`, hashes(flat), kinds(flat), form.Candidates(limit))
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c identity.Candidate, err error) {
		var person pgtype.UUID
		err = row.Scan(&person, &c.Kinds)
		c.Person = person.Bytes
		return c, err
	})
	if len(all) == 0 {
		all = nil
	}
	return all, handle.Fault(err)
}

// Ensure returns the person who holds a claim, made now where nobody does. Of
// many at once one makes it: the others wait at the key for what became of it.
func (x *Temporaries) Ensure(ctx context.Context, claim store.Claim) (person store.PersonID, fresh bool, err error) {
	if claim.Key.IsZero() || claim.Name.IsZero() || claim.Birth.IsZero() {
		return person, false, errors.New("store: a claim without key, name or birth")
	}
	made := claim.Person
	if made == (store.PersonID{}) {
		rand.Read(made[:]) //nolint:errcheck // never fails
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return person, false, err
	}
	defer tx.End()
	var holder pgtype.UUID
	var name, birth []byte
	b := tx.Batch()
	b.Queue(`INSERT INTO claim (hash, person, name, birth) VALUES ($1, $2, $3, $4) ON CONFLICT (hash) DO NOTHING`,
		claim.Key.Bytes(), handle.UUID(made), claim.Name.Bytes(), claim.Birth.Bytes()).Exec(func(tag pgconn.CommandTag) error {
		fresh = tag.RowsAffected() == 1
		return nil
	})
	b.Queue(`SELECT person, name, birth FROM claim WHERE hash = $1`, claim.Key.Bytes()).QueryRow(func(row pgx.Row) error { return row.Scan(&holder, &name, &birth) })
	if err := tx.Send(ctx, b); err != nil {
		return person, false, err
	}
	if string(name) != string(claim.Name[:]) || string(birth) != string(claim.Birth[:]) {
		return person, false, store.ErrAbsent
	}
	b = tx.Batch()
	if fresh {
		b.Queue(insertPerson, handle.UUID(made), handle.Micros(x.db.Clock.Now()))
	}
	if err := tx.Commit(ctx, b); err != nil {
		return person, false, handle.Fault(err)
	}
	return holder.Bytes, fresh, nil
}
