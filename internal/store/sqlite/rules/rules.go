// Package rules is the embedded engine's side of house.Rules: books of rules that
// people write, their texts, and their rehearsals. What a state means and who may
// change it is package rehearsal's.
package rules

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/file"
)

// Rules implements house.Rules.
type Rules struct{ db *file.DB }

var _ house.Rules = (*Rules)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Rules { return &Rules{db} }

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return file.Time(us)
}

func orAbsent(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrAbsent
	}
	return err
}

const bookColumns = `id, state, edition, base, day, created, created_by, moved, moved_by, reason`

func scanBook(row file.Scanner) (b house.Book, err error) {
	var created, moved int64
	err = row.Scan(&b.ID, &b.State, &b.Edition, &b.Base, &b.Day, &created, &b.CreatedBy, &moved, &b.MovedBy, &b.Reason)
	b.Created, b.Moved = moment(created), moment(moved)
	return b, err
}

func (x *Rules) books(ctx context.Context, query string, args ...any) (out []house.Book, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		out = nil
		rows, err := s.Rows(query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			b, err := scanBook(rows)
			if err != nil {
				return err
			}
			out = append(out, b)
		}
		return rows.Err()
	})
	return out, err
}

// Books lists all books.
func (x *Rules) Books(ctx context.Context) ([]house.Book, error) {
	return x.books(ctx, `SELECT `+bookColumns+` FROM rulebook ORDER BY id DESC`)
}

// In lists the books in one of the states.
func (x *Rules) In(ctx context.Context, states ...string) ([]house.Book, error) {
	args := make([]any, len(states))
	for i, s := range states {
		args[i] = s
	}
	return x.books(ctx, `SELECT `+bookColumns+` FROM rulebook WHERE state IN (`+marks(len(states))+`) ORDER BY id`, args...)
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// Book returns one.
func (x *Rules) Book(ctx context.Context, id int) (house.Book, error) {
	all, err := x.books(ctx, `SELECT `+bookColumns+` FROM rulebook WHERE id = ?`, id)
	if err == nil && len(all) == 0 {
		err = store.ErrAbsent
	}
	if err != nil {
		return house.Book{}, err
	}
	return all[0], nil
}

// Edition returns one text of a book.
func (x *Rules) Edition(ctx context.Context, book, edition int) (house.Edition, error) {
	e := house.Edition{Book: book, Edition: edition}
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		var said int64
		err := s.Row(`SELECT said, said_by, text FROM rulebook_edition WHERE book = ? AND edition = ?`, book, edition).Scan(&said, &e.By, &e.Text)
		e.At = moment(said)
		return orAbsent(err)
	})
	return e, err
}

// Draw keeps a new book with its first text.
func (x *Rules) Draw(ctx context.Context, b house.Book, text string, act store.Act) error {
	if err := errors.Join(store.CheckText(b.State, b.CreatedBy, b.Reason, text), file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`INSERT INTO rulebook (`+bookColumns+`) VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?5, ?6, ?7) ON CONFLICT DO NOTHING`,
			b.ID, b.State, b.Base, b.Day, micros(b.Created), b.CreatedBy, b.Reason)
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrTaken
		}
		if err := putText(tx, house.Edition{Book: b.ID, Edition: 1, At: b.Created, By: b.CreatedBy, Text: text}); err != nil {
			return err
		}
		return tx.Act(act)
	})
}

func putText(tx *file.Tx, e house.Edition) error {
	_, err := tx.Exec(`INSERT INTO rulebook_edition (book, edition, said, said_by, text) VALUES (?, ?, ?, ?, ?)`, e.Book, e.Edition, micros(e.At), e.By, e.Text)
	return err
}

// Write keeps a new text of a book.
func (x *Rules) Write(ctx context.Context, e house.Edition, states []string, to string, act store.Act) error {
	if err := errors.Join(store.CheckText(e.By, e.Text, to), file.CheckAct(act)); err != nil {
		return err
	}
	args := []any{e.Edition, to, micros(e.At), e.By, e.Book, e.Edition - 1}
	for _, s := range states {
		args = append(args, s)
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE rulebook SET edition = ?, state = ?, moved = ?, moved_by = ?, reason = '' WHERE id = ? AND edition = ? AND state IN (`+marks(len(states))+`)`, args...)
		if err == nil && n == 0 {
			err = store.ErrChanged
		}
		if err == nil {
			err = putText(tx, e)
		}
		if err != nil {
			return err
		}
		return tx.Act(act)
	})
}

// Move changes a book's state.
func (x *Rules) Move(ctx context.Context, m house.Move, act store.Act) error {
	if err := errors.Join(store.CheckText(m.From, m.To, m.By, m.Reason, m.Ended), file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if m.Base != 0 {
			if _, err := tx.Exec(`UPDATE rulebook SET state = ?, moved = ?, moved_by = ?, reason = ? WHERE id = ? AND state = ?`,
				m.Ended, micros(m.At), m.By, m.Reason, m.Base, m.To); err != nil {
				return err
			}
		}
		n, err := tx.Exec(`UPDATE rulebook SET state = ?1, day = CASE ?2 WHEN 0 THEN day ELSE ?2 END, moved = ?3, moved_by = ?4, reason = ?5
 WHERE id = ?6 AND state = ?7 AND edition = ?8 AND NOT EXISTS (SELECT 1 FROM rulebook o WHERE o.state = ?1 AND ?1 IN ('warning', 'active'))`, m.To, m.Day, micros(m.At), m.By, m.Reason, m.Book, m.From, m.Edition)
		if err == nil && n == 0 {
			err = store.ErrChanged
		}
		if err != nil {
			return err
		}
		return tx.Act(act)
	})
}
