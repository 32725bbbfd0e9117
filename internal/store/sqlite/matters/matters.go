// Package matters is the embedded engine's side of store.Matters: what is owed
// to people by a day, with its history, and of store.Notices: what they are told,
// until it was sent and for them to read. What follows what is decided elsewhere.
package matters

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/matter"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
)

// Matters implements store.Matters.
type Matters struct{ db *file.DB }

var _ store.Matters = (*Matters)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Matters { return &Matters{db: db} }

// NextMatter returns a number nobody was given before.
func (x *Matters) NextMatter(ctx context.Context, at time.Time) (number string, err error) {
	year := at.In(clock.Hanoi).Year()
	err = x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		var n int64
		err := tx.Row(`INSERT INTO matter_number (year, n) VALUES (?, 1) ON CONFLICT (year) DO UPDATE SET n = n + 1 RETURNING n`, year).Scan(&n)
		number = matter.Number(year, n)
		return err
	})
	return number, err
}

// PutMatter keeps a new matter or its next version.
func (x *Matters) PutMatter(ctx context.Context, m matter.Matter, notice *matter.Notice, act store.Act) error {
	text, err := form.Matter(&m)
	if err := errors.Join(err, file.CheckAct(act)); err != nil {
		return err
	}
	if notice != nil {
		if err := form.CheckNotice(notice); err != nil {
			return err
		}
	}
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		if err := Put(tx, &m, text); err != nil {
			return err
		}
		if notice != nil {
			if err := Tell(tx, notice); err != nil {
				return err
			}
		}
		return tx.ActOf(act)
	})
}

// Put keeps a matter, whose text is form.Matter's, with what else a transaction
// does; store.ErrChanged.
func Put(tx *file.Tx, m *matter.Matter, text string) error {
	var version int
	if err := tx.Row(`SELECT version FROM matter WHERE number = ?`, m.Number).Scan(&version); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if version != m.Version-1 {
		return store.ErrChanged
	}
	if _, err := tx.Exec(`INSERT INTO matter (number, version, person, facility, kind, state, due) VALUES (?, ?, ?, ?, ?, ?, ?)
 ON CONFLICT (number) DO UPDATE SET version = excluded.version, person = excluded.person, facility = excluded.facility, kind = excluded.kind,
 state = excluded.state, due = excluded.due`,
		m.Number, m.Version, file.Some(m.Person[:]), string(m.Facility), m.Kind, m.State, file.Micros(m.Due)); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO matter_version (number, version, said, sealed, wrapped) VALUES (?, ?, ?, ?, ?)`,
		m.Number, m.Version, text, file.Blob(m.Sealed), file.Blob(m.Wrapped))
	return err
}

const columns = `SELECT v.number, v.version, v.said, v.sealed, v.wrapped FROM matter m JOIN matter_version v ON v.number = m.number`

func scan(row file.Scanner) (m matter.Matter, err error) {
	var text string
	if err := row.Scan(&m.Number, &m.Version, &text, &m.Sealed, &m.Wrapped); err != nil {
		return m, err
	}
	return m, form.ReadMatter(&m, text)
}

// Matter returns one as it stands.
func (x *Matters) Matter(ctx context.Context, number string) (*matter.Matter, error) {
	var m matter.Matter
	err := x.db.Read(ctx, func(s *file.Snapshot) (err error) {
		m, err = scan(s.Row(columns+` AND v.version = m.version WHERE m.number = ?`, number))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &m, nil
}

// MatterHistory returns every version, oldest first.
func (x *Matters) MatterHistory(ctx context.Context, number string) ([]matter.Matter, error) {
	return x.list(ctx, columns+` WHERE m.number = ? ORDER BY v.version`, []any{number})
}

// Matters returns those of a filter, by the day they are due.
func (x *Matters) Matters(ctx context.Context, f matter.Filter) ([]matter.Matter, error) {
	q := file.Select(columns + ` AND v.version = m.version`)
	within(q, &f)
	text, args := q.End(` ORDER BY m.due, m.number LIMIT ?`, form.Limit(f.Limit))
	return x.list(ctx, text, args)
}

// MattersWaiting counts those of a filter by facility.
func (x *Matters) MattersWaiting(ctx context.Context, f matter.Filter) (all []matter.Waiting, err error) {
	q := file.Select(`SELECT m.facility, COUNT(*), MIN(m.due) FROM matter m`)
	within(q, &f)
	text, args := q.End(` GROUP BY m.facility ORDER BY 3, 1`)
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Select(text, args)
		return file.Each(rows, err, func(row file.Scanner) error {
			var w matter.Waiting
			var due int64
			err := row.Scan(&w.Facility, &w.N, &due)
			w.Due = file.Time(due)
			all = append(all, w)
			return err
		})
	})
	return all, err
}

func within(q *file.Query, f *matter.Filter) {
	if f.Person != (care.Person{}) {
		q.And(`m.person = ?`, f.Person[:])
	}
	if f.Facility != "" || f.Hub {
		q.And(`m.facility = ?`, string(f.Facility))
	}
	if f.Kind != "" {
		q.And(`m.kind = ?`, f.Kind)
	}
	if f.Open {
		q.And(`m.state <> 'closed'`)
	}
}

func (x *Matters) list(ctx context.Context, q string, args []any) (all []matter.Matter, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Select(q, args)
		return file.Each(rows, err, func(row file.Scanner) error {
			m, err := scan(row)
			all = append(all, m)
			return err
		})
	})
	return all, err
}
