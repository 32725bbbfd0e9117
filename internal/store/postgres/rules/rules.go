// Package rules keeps in PostgreSQL the books of rules that people write, their
// texts and their rehearsals. What a state means and who may change it is package
// rehearsal's.
package rules

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Rules implements house.Rules.
type Rules struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ house.Rules = (*Rules)(nil)

// New returns the slice; writer nil: what needs an act is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Rules { return &Rules{db, writer} }

func orAbsent(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return store.ErrAbsent
	}
	return handle.Fault(err)
}

const bookColumns = `id, state, edition, base, day, created, created_by, moved, moved_by, reason`

func scanBook(row pgx.CollectableRow) (b house.Book, err error) {
	var created, moved int64
	err = row.Scan(&b.ID, &b.State, &b.Edition, &b.Base, &b.Day, &created, &b.CreatedBy, &moved, &b.MovedBy, &b.Reason)
	b.Created, b.Moved = handle.Moment(created), handle.Moment(moved)
	return b, err
}

func (x *Rules) books(ctx context.Context, query string, args ...any) ([]house.Book, error) {
	rows, err := x.db.Pool.Query(ctx, query, args...)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, scanBook)
	return all, handle.Fault(err)
}

// Books lists all books.
func (x *Rules) Books(ctx context.Context) ([]house.Book, error) {
	return x.books(ctx, `SELECT `+bookColumns+` FROM rulebook ORDER BY id DESC`)
}

// In lists the books in one of the states.
func (x *Rules) In(ctx context.Context, states ...string) ([]house.Book, error) {
	return x.books(ctx, `SELECT `+bookColumns+` FROM rulebook WHERE state = ANY ($1) ORDER BY id`, states)
}

// Book returns one.
func (x *Rules) Book(ctx context.Context, id int) (house.Book, error) {
	all, err := x.books(ctx, `SELECT `+bookColumns+` FROM rulebook WHERE id = $1`, id)
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
	var said int64
	err := x.db.Pool.QueryRow(ctx, `SELECT said, said_by, text FROM rulebook_edition WHERE book = $1 AND edition = $2`, book, edition).Scan(&said, &e.By, &e.Text)
	e.At = handle.Moment(said)
	return e, orAbsent(err)
}

// statement is one of a change: it must touch a row unless that is free.
type statement struct {
	text string
	args []any
	none error // when no row was touched; nil: that is well
}

// unique is PostgreSQL's code of a second row of one key.
const unique = "23505"

// change does statements and keeps the act with them.
func (x *Rules) change(ctx context.Context, act store.Act, list ...statement) error {
	if err := ledger.CheckAct(act); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	for _, s := range list {
		b.Queue(s.text, s.args...).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 0 {
				return s.none
			}
			return nil
		})
	}
	if err := tx.Send(ctx, b); err != nil {
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == unique {
			return store.ErrChanged.Because(err)
		}
		return err
	}
	return x.writer.CommitActOf(ctx, tx, tx.Batch(), act)
}

func putText(e house.Edition) statement {
	return statement{`INSERT INTO rulebook_edition (book, edition, said, said_by, text) VALUES ($1, $2, $3, $4, $5)`,
		[]any{e.Book, e.Edition, handle.Micros(e.At), e.By, e.Text}, nil}
}

// Draw keeps a new book with its first text.
func (x *Rules) Draw(ctx context.Context, b house.Book, text string, act store.Act) error {
	if err := store.CheckText(b.State, b.CreatedBy, b.Reason, text); err != nil {
		return err
	}
	return x.change(ctx, act, statement{`INSERT INTO rulebook (` + bookColumns + `) VALUES ($1, $2, 1, $3, $4, $5, $6, $5, $6, $7) ON CONFLICT DO NOTHING`,
		[]any{b.ID, b.State, b.Base, b.Day, handle.Micros(b.Created), b.CreatedBy, b.Reason}, store.ErrTaken},
		putText(house.Edition{Book: b.ID, Edition: 1, At: b.Created, By: b.CreatedBy, Text: text}))
}

// Write keeps a new text of a book.
func (x *Rules) Write(ctx context.Context, e house.Edition, states []string, to string, act store.Act) error {
	if err := store.CheckText(e.By, e.Text, to); err != nil {
		return err
	}
	return x.change(ctx, act, statement{`UPDATE rulebook SET edition = $1, state = $2, moved = $3, moved_by = $4, reason = '' WHERE id = $5 AND edition = $1 - 1 AND state = ANY ($6)`,
		[]any{e.Edition, to, handle.Micros(e.At), e.By, e.Book, states}, store.ErrChanged}, putText(e))
}

// Move changes a book's state.
func (x *Rules) Move(ctx context.Context, m house.Move, act store.Act) error {
	if err := store.CheckText(m.From, m.To, m.By, m.Reason, m.Ended); err != nil {
		return err
	}
	return x.change(ctx, act,
		statement{`UPDATE rulebook SET state = $1, moved = $2, moved_by = $3, reason = $4 WHERE id = $5 AND state = $6`,
			[]any{m.Ended, handle.Micros(m.At), m.By, m.Reason, m.Base, m.To}, nil},
		statement{`UPDATE rulebook SET state = $1, day = CASE WHEN $2::integer = 0 THEN day ELSE $2 END, moved = $3, moved_by = $4, reason = $5 WHERE id = $6 AND state = $7 AND edition = $8`,
			[]any{m.To, m.Day, handle.Micros(m.At), m.By, m.Reason, m.Book, m.From, m.Edition}, store.ErrChanged})
}
