// Package matters keeps in PostgreSQL what is owed to people by a day, with its
// history, and what they are told, until it was sent and for them to read. What
// follows what is decided elsewhere.
package matters

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/matter"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
	"lienthong/internal/store/postgres/owed"
)

// Matters is the store.Matters of a hub.
type Matters struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Matters = (*Matters)(nil)

// New returns the slice; writer nil: what has an act with a leaf is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Matters { return &Matters{db, writer} }

// NextMatter returns a number nobody was given before.
func (x *Matters) NextMatter(ctx context.Context, at time.Time) (string, error) {
	year := at.In(clock.Hanoi).Year()
	var n int64
	err := x.db.Pool.QueryRow(ctx, `INSERT INTO matter_number AS m (year, n) VALUES ($1, 1) ON CONFLICT (year) DO UPDATE SET n = m.n + 1 RETURNING n`, year).Scan(&n)
	if err != nil {
		return "", handle.Fault(err)
	}
	return matter.Number(year, n), nil
}

// PutMatter keeps a new matter or its next version.
func (x *Matters) PutMatter(ctx context.Context, m matter.Matter, notice *matter.Notice, act store.Act) error {
	text, err := form.Matter(&m)
	if err := errors.Join(err, ledger.CheckAct(act)); err != nil {
		return err
	}
	if notice != nil {
		if err := form.CheckNotice(notice); err != nil {
			return err
		}
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	owed.Put(b, &m, text)
	if notice != nil {
		owed.Tell(b, notice)
	}
	return x.writer.CommitActOf(ctx, tx, b, act)
}

const columns = `SELECT v.number, v.version, v.said, v.sealed, v.wrapped FROM matter m JOIN matter_version v ON v.number = m.number`

func scan(row pgx.Row) (m matter.Matter, err error) {
	var text string
	if err := row.Scan(&m.Number, &m.Version, &text, &m.Sealed, &m.Wrapped); err != nil {
		return m, err
	}
	m.Sealed, m.Wrapped = handle.OrNil(m.Sealed), handle.OrNil(m.Wrapped)
	return m, form.ReadMatter(&m, text)
}

// Matter returns one as it stands.
func (x *Matters) Matter(ctx context.Context, number string) (*matter.Matter, error) {
	if err := store.CheckText(number); err != nil {
		return nil, store.ErrAbsent // no matter has such a number
	}
	m, err := scan(x.db.Pool.QueryRow(ctx, columns+` AND v.version = m.version WHERE m.number = $1`, number))
	if err != nil {
		return nil, handle.Fault(err)
	}
	return &m, nil
}

// MatterHistory returns every version, oldest first.
func (x *Matters) MatterHistory(ctx context.Context, number string) ([]matter.Matter, error) {
	if err := store.CheckText(number); err != nil {
		return nil, nil //nolint:nilerr // no matter has such a number
	}
	return x.list(ctx, columns+` WHERE m.number = $1 ORDER BY v.version`, []any{number})
}

// Matters returns those of a filter, by the day they are due.
func (x *Matters) Matters(ctx context.Context, f matter.Filter) ([]matter.Matter, error) {
	w, err := within(&f)
	if err != nil {
		return nil, err
	}
	return x.list(ctx, columns+` AND v.version = m.version`+w.String()+` ORDER BY m.due, m.number LIMIT `+w.Arg(form.Limit(f.Limit)), w.Args)
}

// MattersWaiting counts those of a filter by facility.
func (x *Matters) MattersWaiting(ctx context.Context, f matter.Filter) (all []matter.Waiting, err error) {
	w, err := within(&f)
	if err != nil {
		return nil, err
	}
	query := `SELECT m.facility, COUNT(*), MIN(m.due) FROM matter m` + w.String() + ` GROUP BY m.facility ORDER BY 3, 1`
	err = x.db.Scan(ctx, handle.ListLimit, query, w.Args, func(rows pgx.Rows) (err error) {
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (w matter.Waiting, err error) {
			var due int64
			err = row.Scan(&w.Facility, &w.N, &due)
			w.Due = handle.Moment(due)
			return w, err
		})
		return err
	})
	if len(all) == 0 {
		all = nil
	}
	return all, err
}

func within(f *matter.Filter) (*handle.Where, error) {
	w := &handle.Where{}
	if err := store.CheckText(string(f.Facility), f.Kind); err != nil {
		return nil, err
	}
	if f.Person != (care.Person{}) {
		w.And("m.person = ?", handle.UUID(f.Person))
	}
	if f.Facility != "" || f.Hub {
		w.And("m.facility = ?", string(f.Facility))
	}
	if f.Kind != "" {
		w.And("m.kind = ?", f.Kind)
	}
	if f.Open {
		w.And("m.state <> 'closed'")
	}
	return w, nil
}

func (x *Matters) list(ctx context.Context, query string, args []any) (all []matter.Matter, err error) {
	err = x.db.Scan(ctx, handle.ListLimit, query, args, func(rows pgx.Rows) (err error) {
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (matter.Matter, error) { return scan(row) })
		return err
	})
	if len(all) == 0 {
		all = nil
	}
	return all, err
}
